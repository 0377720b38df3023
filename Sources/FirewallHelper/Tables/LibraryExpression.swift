import CNetfilter
import FirewallPlan

/// An expression as libnftnl has it.
///
/// Whoever it is added to owns it.
struct LibraryExpression {
    let pointer: OpaquePointer

    /// nil for a name that the library does not know, or without memory.
    init?(_ name: String) {
        guard let made = nftnl_expr_alloc(name) else { return nil }
        pointer = made
    }

    init(reading pointer: OpaquePointer) {
        self.pointer = pointer
    }

    func set(_ attribute: Int, _ value: UInt8) { nftnl_expr_set_u8(pointer, UInt16(attribute), value) }
    func set(_ attribute: Int, _ value: UInt16) { nftnl_expr_set_u16(pointer, UInt16(attribute), value) }
    func set(_ attribute: Int, _ value: UInt32) { nftnl_expr_set_u32(pointer, UInt16(attribute), value) }
    func set(_ attribute: Int, _ value: UInt64) { nftnl_expr_set_u64(pointer, UInt16(attribute), value) }
    func set(_ attribute: Int, _ value: String) { _ = nftnl_expr_set_str(pointer, UInt16(attribute), value) }
    func set(_ attribute: Int, _ value: Register) { set(attribute, value.rawValue) }

    func set(_ attribute: Int, _ value: [UInt8]) {
        _ = nftnl_expr_set(pointer, UInt16(attribute), value, UInt32(value.count))
    }

    var name: String { string(NFTNL_EXPR_NAME) }

    func has(_ attribute: Int) -> Bool { nftnl_expr_is_set(pointer, UInt16(attribute)) }
    func uint8(_ attribute: Int) -> UInt8 { nftnl_expr_get_u8(pointer, UInt16(attribute)) }
    func uint16(_ attribute: Int) -> UInt16 { nftnl_expr_get_u16(pointer, UInt16(attribute)) }
    func uint32(_ attribute: Int) -> UInt32 { nftnl_expr_get_u32(pointer, UInt16(attribute)) }
    func uint64(_ attribute: Int) -> UInt64 { nftnl_expr_get_u64(pointer, UInt16(attribute)) }
    func register(_ attribute: Int) -> Register { Register(rawValue: uint32(attribute)) }

    func string(_ attribute: Int) -> String {
        nftnl_expr_get_str(pointer, UInt16(attribute)).map { String(cString: $0) } ?? ""
    }

    func octets(_ attribute: Int) -> [UInt8] {
        var count: UInt32 = 0
        guard let start = nftnl_expr_get(pointer, UInt16(attribute), &count) else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: Int(count)))
    }
}
