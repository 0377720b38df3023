import Bytes

/// A message that a sink has taken, with what the sink was told about its client.
public struct SunkMessage: Sendable, Equatable {
    /// 1 for the sink's first message; also its queue id.
    public var number: UInt64
    /// `address:port`, by XCLIENT if it was given, else of the connection.
    public var client: String
    public var helo: String
    /// By AUTH or XCLIENT.
    public var login: String?
    /// Empty for the null sender.
    public var sender: String
    public var recipients: [String]
    /// Without dot-stuffing and end of data.
    public var content: [UInt8]

    /// The queue id, four digits or more.
    public var id: String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// Header lines that a mail reader understands, so that the file is a message too.
    var envelope: [UInt8] {
        var lines = ["Return-Path: <\(sender)>"]
        lines += recipients.map { "Delivered-To: \($0)" }
        lines += ["X-Client: \(client)", "X-Helo: \(helo)"]
        if let login { lines.append("X-Login: \(login)") }
        return lines.flatMap { Self.printable($0) + [ASCII.cr, ASCII.lf] }
    }

    /// Peer text must not end a header line.
    private static func printable(_ text: String) -> [UInt8] {
        text.utf8.map { $0 < 0x20 || $0 == ASCII.del ? 0x3F : $0 }
    }
}
