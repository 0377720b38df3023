import Bytes

// Many lists asked about one fact: small ones are put together into one table, so that one question answers for all of
// them; large ones are asked each.

/// Whether lists are put together.
enum SharedLists {
    /// Entries of a list that is copied.
    static let mostEntries = 4_096
    /// Entries of one table.
    static let mostTogether = 262_144
    /// Fewer lists are asked each.
    static let fewest = 3

    static func split(
        _ lists: [(list: List, atom: Int32)]
    ) -> (together: [(list: List, atom: Int32)], each: [(list: List, atom: Int32)]) {
        var sum = 0
        var (together, each): ([(list: List, atom: Int32)], [(list: List, atom: Int32)]) = ([], [])
        for one in lists {
            if one.list.count <= mostEntries, sum + one.list.count <= mostTogether {
                sum += one.list.count
                together.append(one)
            } else {
                each.append(one)
            }
        }
        return together.count < fewest ? ([], lists) : (together, each)
    }
}

/// Which lists an entry stands in.
struct Holding: Sendable {
    let atom: Int32
    /// The last day.
    let until: Int32
    /// Covers what is below a domain, not the domain.
    var isSuffix = false
}

/// Lists of nets.
struct NetMembership: Sendable {
    private var nets = PrefixTrie()
    /// Of each node of `nets`.
    private var holdings: [[Holding]] = []
    private let each: [(list: List, atom: Int32)]

    init(_ lists: [(list: List, atom: Int32)]) {
        let (together, each) = SharedLists.split(lists)
        self.each = each
        for (list, _) in together { list.prefixes.forEach { prefix, _ in nets.insert(prefix, until: .max) } }
        holdings = [[Holding]](repeating: [], count: nets.nodeCount)
        for (list, atom) in together {
            list.prefixes.forEach { prefix, until in
                guard let place = nets.place(of: prefix) else { return }
                holdings[Int(place)].append(Holding(atom: atom, until: until))
            }
        }
    }

    func answer(_ address: IPAddress, on day: Int32, into bits: inout [UInt64]) {
        answer(address, length: 128, on: day, into: &bits)
        for (list, atom) in each where list.contains(address, on: day) { bits.set(atom) }
    }

    func answer(_ net: AddressPrefix, on day: Int32, into bits: inout [UInt64]) {
        answer(
            net.address, length: Int32(clamping: net.address.isV4 ? net.length + 96 : net.length), on: day, into: &bits)
        for (list, atom) in each where list.contains(net, on: day) { bits.set(atom) }
    }

    private func answer(_ address: IPAddress, length: Int32, on day: Int32, into bits: inout [UInt64]) {
        if holdings.isEmpty { return }
        var place = nets.cover(of: address, length: length, below: nil)
        while let found = place {
            for holding in holdings[Int(found)] where holding.until >= day { bits.set(holding.atom) }
            place = nets.cover(of: address, length: length, below: found)
        }
    }
}

/// Lists of texts.
struct TextMembership: Sendable {
    /// Entries as they stand; those of suffixes begin with a dot.
    private var entries = ByteTable()
    private var holdings: [[Holding]] = []
    private var hasSuffixes = false
    private let each: [(list: List, atom: Int32)]
    private let form: NameForm
    /// `@` and the realm that completes logins.
    private let realm: [UInt8]

    init(_ lists: [(list: List, atom: Int32)], of field: Field, realm: [UInt8]) {
        let (together, each) = SharedLists.split(lists)
        self.each = each
        self.realm = realm
        if case .text(let form) = field.type { self.form = form } else { form = .plain }
        let wanted: ByteTable.Forms = form == .plain ? .written : .canonical
        for (list, atom) in together {
            if list.hasSuffixes { hasSuffixes = true }
            list.table.forEach { entry, until, forms in
                guard list.hasSuffixes || !forms.isDisjoint(with: wanted) else { return }
                let isSuffix = list.hasSuffixes && entry.first == ASCII.dot
                add(entry, Holding(atom: atom, until: until, isSuffix: isSuffix))
            }
        }
    }

    private mutating func add(_ entry: [UInt8], _ holding: Holding) {
        entries.insert(entry, until: .max)
        guard let place = entries.index(of: entry.span) else { return }
        if place == holdings.count { holdings.append([]) }
        holdings[place].append(holding)
    }

    func answer(_ text: Span<UInt8>, on day: Int32, into bits: inout [UInt64]) {
        ask(text, on: day, into: &bits)
        guard form == .login, text.count > realm.count, !realm.isEmpty else { return }
        let own = realm
        let start = text.count - realm.count
        if Program.areEqual(text.extracting(start..<text.count), own.span) {
            ask(text.extracting(0..<start), on: day, into: &bits)
        }
    }

    private func ask(_ text: Span<UInt8>, on day: Int32, into bits: inout [UInt64]) {
        for (list, atom) in each where list.contains(text, isPlain: form == .plain, on: day) { bits.set(atom) }
        if holdings.isEmpty { return }
        var hash = ByteTable.seed
        var index = text.count
        while index > 0 {
            index &-= 1
            hash = ByteTable.mix(hash, text[index])
            if hasSuffixes, text[index] == ASCII.dot, index > 0 {
                let below = entries.index(of: text.extracting(index..<text.count), hash: hash)
                note(below, asSuffix: true, on: day, into: &bits)
            }
        }
        note(entries.index(of: text, hash: hash), asSuffix: false, on: day, into: &bits)
    }

    @inline(__always)
    private func note(_ place: Int?, asSuffix: Bool, on day: Int32, into bits: inout [UInt64]) {
        guard let place else { return }
        for holding in holdings[place] where holding.until >= day && holding.isSuffix == asSuffix {
            bits.set(holding.atom)
        }
    }
}
