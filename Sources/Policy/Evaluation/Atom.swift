import Bytes

/// A test of one fact against constants.
///
/// An absent fact answers no.
enum Atom: Hashable {
    /// Never holds.
    case never
    case flag(Field)
    case has(Field)
    case number(Field, Comparison, Int64)
    /// Is one of these.
    case text(Field, [[UInt8]])
    case part(Field, TextTest, [UInt8])
    /// A match is possible: a yes is no more than that.
    case mayMatch(Field, pattern: Int32)
    case inList(Field, list: Int32)
    case address(IPAddress)
    case net(AddressPrefix)
    case tag([UInt8])

    /// Whether a yes is a yes.
    var isExact: Bool {
        if case .mayMatch = self { false } else { true }
    }

    /// nil for what is no such test.
    init?(_ node: Program.Node, _ program: Program) {
        switch node {
        case .flag(let field): self = .flag(field)
        case .has(let field): self = .has(field)
        case .numbers(let comparison, .field(let field), .number(let value)): self = .number(field, comparison, value)
        case .texts(equal: true, .field(let field), .text(let text)),
            .texts(equal: true, .text(let text), .field(let field)):
            self = .text(field, [program.texts[Int(text)]])
        case .inTexts(.field(let field), let list): self = .text(field, program.textLists[Int(list)])
        case .textTest(let test, .field(let field), .text(let part)):
            self = .part(field, test, program.texts[Int(part)])
        case .matches(.field(let field), let pattern): self = .mayMatch(field, pattern: pattern)
        case .inList(.field(let field), let list, _): self = .inList(field, list: list)
        case .addresses(equal: true, .field(.clientIP), .address(let address)),
            .addresses(equal: true, .address(let address), .field(.clientIP)):
            self = .address(program.addresses[Int(address)])
        case .prefixes(equal: true, .field(.clientNet), .prefix(let net)),
            .prefixes(equal: true, .prefix(let net), .field(.clientNet)):
            self = .net(program.prefixes[Int(net)])
        case .inWords(.text(let word)): self = .tag(program.texts[Int(word)])
        case .constant, .not, .all, .any, .numbers, .texts, .textTest, .matches, .inList, .inMap, .inNumbers, .inTexts,
            .addresses, .prefixes, .inWords:
            return nil
        }
    }

    /// The text field that it is about.
    var textField: Field? {
        switch self {
        case .text(let field, _), .part(let field, _, _), .mayMatch(let field, _): field
        case .inList(let field, _): field.type.isText ? field : nil
        case .never, .flag, .has, .number, .address, .net, .tag: nil
        }
    }
}

/// Which pairs of neighbouring octets occur, as 64 bits: what a text does not have, none of its parts has.
struct PairSet: Hashable, Sendable {
    private(set) var bits: UInt64 = 0

    /// Of a text that is searched.
    ///
    /// ASCII letters count in lower case; where other letters occur, which may have other cases, every pair may.
    init(_ text: Span<UInt8>) {
        var before: UInt8 = 0
        for index in text.indices {
            let octet = ASCII.lowercased(text[index])
            if octet >= 0x80 {
                bits = .max
                return
            }
            if index > 0 { insert(before, octet) }
            before = octet
        }
    }

    init() {}

    /// Octets are ASCII in lower case.
    @inline(__always)
    mutating func insert(_ first: UInt8, _ second: UInt8) {
        bits |= 1 << UInt64((first &* 31 &+ second &* 7 &+ first >> 3) & 63)
    }

    /// Whether all pairs of `part` occur here.
    func covers(_ part: PairSet) -> Bool { part.bits & ~bits == 0 }
}
