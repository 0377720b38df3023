import Bytes

/// The atoms of a stage, sorted by the fact that they ask: each fact is read once, and what many atoms ask of it is
/// looked up at once.
struct AtomTests: Sendable {
    /// How many words of 64 bits hold an answer of each atom.
    let words: Int
    private var flags: [(field: Field, atom: Int32)] = []
    private var presences: [(field: Field, atom: Int32)] = []
    private var numberFields: [(field: Field, tests: Range<Int>)] = []
    private var numbers: [(comparison: Comparison, value: Int64, atom: Int32)] = []
    private var texts: [TextTests] = []
    private var addresses: [(address: IPAddress, atom: Int32)] = []
    private var nets: [(net: AddressPrefix, atom: Int32)] = []
    private var addressLists: NetMembership?
    private var netLists: NetMembership?
    private var tags: [(word: [UInt8], atom: Int32)] = []

    init(_ atoms: [Atom], _ program: Program) {
        words = (atoms.count + 63) / 64
        var numbered: [Field: [(comparison: Comparison, value: Int64, atom: Int32)]] = [:]
        var texted: [Field: [(Atom, Int32)]] = [:]
        var listed: [Field: [(list: List, atom: Int32)]] = [:]
        for (index, atom) in atoms.enumerated() {
            let number = Int32(clamping: index)
            if let field = atom.textField { texted[field, default: []].append((atom, number)) }
            switch atom {
            case .never, .text, .part, .mayMatch: break
            case .flag(let field): flags.append((field, number))
            case .has(let field): presences.append((field, number))
            case .number(let field, let comparison, let value):
                numbered[field, default: []].append((comparison, value, number))
            case .inList(let field, let list):
                if !field.type.isText { listed[field, default: []].append((program.lists[Int(list)], number)) }
            case .address(let address): addresses.append((address, number))
            case .net(let net): nets.append((net, number))
            case .tag(let word): tags.append((word, number))
            }
        }
        for field in Field.allCases {
            if let tests = numbered[field] {
                numberFields.append((field, numbers.count..<(numbers.count + tests.count)))
                numbers += tests
            }
            if let tests = texted[field] { texts.append(TextTests(field, tests, program)) }
        }
        addressLists = listed[.clientIP].map(NetMembership.init)
        netLists = listed[.clientNet].map(NetMembership.init)
    }

    /// Adds the answers to `bits`, which are all 0 before.
    func answer(_ facts: borrowing Facts, tags given: [String], into bits: inout [UInt64]) {
        for flag in flags where facts.flag(flag.field) ?? false { bits.set(flag.atom) }
        for presence in presences where presence.field.isPresent(in: facts) { bits.set(presence.atom) }
        for (field, tests) in numberFields {
            guard let value = facts.number(field) else { continue }
            for test in tests where numbers[test].comparison.holds(value, numbers[test].value) {
                bits.set(numbers[test].atom)
            }
        }
        let day = facts.now.day
        for index in texts.indices {
            _ = facts.withText(texts[index].field) { texts[index].answer($0, on: day, into: &bits) }
        }
        answerAddress(facts, on: day, into: &bits)
        for tag in facts.session.tags { answer(tag: tag, into: &bits) }
        for tag in given { answer(tag: tag, into: &bits) }
    }

    private func answerAddress(_ facts: borrowing Facts, on day: Int32, into bits: inout [UInt64]) {
        let address = facts.client.endpoint.address
        for test in addresses where test.address == address { bits.set(test.atom) }
        addressLists?.answer(address, on: day, into: &bits)
        if nets.isEmpty, netLists == nil { return }
        let net = facts.client.net
        for test in nets where test.net == net { bits.set(test.atom) }
        netLists?.answer(net, on: day, into: &bits)
    }

    /// A rule of the stage has just given `tag`.
    func answer(tag: String, into bits: inout [UInt64]) {
        let word = tag.utf8.span
        for test in tags where Program.areEqual(word, test.word.span) { bits.set(test.atom) }
    }
}

extension [UInt64] {
    @inline(__always)
    mutating func set(_ atom: Int32) {
        self[Int(atom >> 6)] |= 1 << UInt64(atom & 63)
    }
}
