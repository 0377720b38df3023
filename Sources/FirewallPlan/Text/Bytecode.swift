/// Rules as `nft --debug=netlink` prints them, which is how netlink's own library describes expressions.
///
/// Two programs that show the same text for a rule sent the kernel the same rule.
public enum Bytecode {
    /// `inet TABLE CHAIN` and a line for each expression.
    public static func text(_ rule: Rule, chain: String, table: Table = .ours) -> String {
        (["inet \(table.name) \(chain)"] + rule.expressions.map { "  [ \(line($0)) ]" })
            .joined(separator: "\n")
    }

    static func line(_ expression: Expression) -> String {
        switch expression {
        case .meta(let key, let register): "meta load \(key.word) => reg \(register.rawValue)"
        case .setMeta(let key, let register): "meta set \(key.word) with reg \(register.rawValue)"
        case .payload(let base, let offset, let length, let register):
            "payload load \(length)b @ \(base.word) header + \(offset) => reg \(register.rawValue)"
        case .compare(let register, let comparison, let value):
            "cmp \(comparison == .equal ? "eq" : "neq") reg \(register.rawValue) \(words(value))"
        case .bitwise(let from, let into, let mask, let xor):
            "bitwise reg \(into.rawValue) = ( reg \(from.rawValue) & \(words(mask)) ) ^ \(words(xor))"
        case .lookup(let set, let register, let isInverted):
            "lookup reg \(register.rawValue) set \(set)\(isInverted ? " 0x1" : "")"
        case .immediate(let register, let value): "immediate reg \(register.rawValue) \(words(value))"
        case .verdict(let verdict): "immediate reg 0 \(word(verdict))"
        case .counter(let name): "objref type 1 name \(name)"
        case .log(let group, let snapLength, let threshold, let prefix):
            "log prefix \(prefix) group \(group) snaplen \(snapLength) qthreshold \(threshold)"
        case .limit(let limit): line(limit)
        case .dynset(let update): line(update)
        case .fib(.reverseInterface, let register): "fib saddr . iif oif present => reg \(register.rawValue)"
        case .fib(.destinationType, let register): "fib daddr type => reg \(register.rawValue)"
        case .socketTransparent(let register): "socket load transparent => reg \(register.rawValue)"
        case .tproxy(let family, let address, let port):
            "tproxy \(family == .ipv4 ? "ip" : "ip6") addr reg \(address.rawValue) port reg \(port.rawValue)"
        case .reject(let rejection): "reject type \(rejection.type) code \(rejection.code)"
        case .connectionState(let register): "ct load state => reg \(register.rawValue)"
        case .notrack: "notrack"
        }
    }

    private static func line(_ limit: Limit) -> String {
        "limit rate \(limit.rate)/\(limit.unitWord) burst \(limit.burst) type packets flags \(limit.isOver ? "0x1" : "0x0")"
    }

    private static func line(_ update: DynamicUpdate) -> String {
        let timeout = update.timeout == 0 ? "" : " timeout \(update.timeout)ms"
        let statement =
            switch update.statement {
            case nil: ""
            case .counter: " expr [ counter pkts 0 bytes 0 ]"
            case .limit(let limit): " expr [ \(line(limit)) ]"
            }
        let operation = update.operation == .add ? "add" : "update"
        return "dynset \(operation) reg_key \(update.key.rawValue) set \(update.set)\(timeout)\(statement)"
    }

    private static func word(_ verdict: Verdict) -> String {
        switch verdict {
        case .accept: "accept"
        case .drop: "drop"
        case .return: "return"
        case .jump(let chain): "jump -> \(chain)"
        case .goto(let chain): "goto -> \(chain)"
        }
    }

    /// Four octets at a time, as the number that the machine reads there.
    private static func words(_ octets: [UInt8]) -> String {
        stride(from: 0, to: octets.count, by: 4).map { start in
            let part = Array(octets[start..<min(start + 4, octets.count)])
            let padded = part + [UInt8](repeating: 0, count: 4 - part.count)
            return "0x" + hex(UInt32(machineOctets: padded), digits: 8)
        }.joined(separator: " ")
    }
}

/// Lower-case hexadecimal with leading zeros.
func hex(_ number: UInt32, digits: Int) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: max(digits - text.count, 0)) + text
}

extension UInt32 {
    /// From four octets in the order of this machine.
    init(machineOctets octets: [UInt8]) {
        let number = octets.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        self = UInt32(1).littleEndian == 1 ? number.byteSwapped : number
    }
}

extension MetaKey {
    /// nft's word.
    var word: String {
        switch self {
        case .mark: "mark"
        case .inputName: "iifname"
        case .outputName: "oifname"
        case .socketUID: "skuid"
        case .nfproto: "nfproto"
        case .l4proto: "l4proto"
        }
    }
}

extension PayloadBase {
    fileprivate var word: String {
        switch self {
        case .link: "link"
        case .network: "network"
        case .transport: "transport"
        }
    }
}

extension Limit {
    /// nft's word for the unit.
    var unitWord: String {
        switch unit {
        case 1: "second"
        case 60: "minute"
        case 3600: "hour"
        case 86_400: "day"
        case 604_800: "week"
        default: "\(unit)s"
        }
    }
}
