import Bytes
import FirewallPlan

extension Attempt {
    /// What a record of the log means; nil for a packet that no rule of ours logged.
    ///
    /// `time` is in milliseconds.
    init?(_ record: PacketRecord, at time: UInt64) {
        guard let prefix = LogPrefix(record.prefix) else { return nil }
        self.init(
            time: time, action: prefix.action, zone: prefix.zone,
            source: Endpoint(address: record.source, port: record.sourcePort ?? 0),
            destination: Endpoint(address: record.destination, port: record.destinationPort ?? 0),
            inputInterface: Interfaces.name(record.input) ?? "", outputInterface: Interfaces.name(record.output) ?? "",
            macAddress: Self.text(record.hardware), uid: record.uid)
    }

    private static func text(_ hardware: [UInt8]) -> String {
        hardware.map { octet in
            let digits = String(octet, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined(separator: ":")
    }
}
