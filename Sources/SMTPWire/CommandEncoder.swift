// Everything that goes to a backend is written here from parsed values, in one canonical form; never a client's bytes.

public import Bytes

public enum CommandEncoder {
    /// `EHLO name` or `HELO name`.
    public static func ehlo(_ name: [UInt8], esmtp: Bool, to output: inout OutputBuffer) {
        output.append(esmtp ? "EHLO " : "HELO ")
        append("", name, to: &output)
        output.append("\r\n")
    }

    /// `withSize` and `withAuth`: whether the server knows these parameters, which are dropped otherwise.
    public static func mail(
        _ command: MailCommand, withSize: Bool = true, withAuth: Bool = true, to output: inout OutputBuffer
    ) {
        output.append("MAIL FROM:<")
        if let sender = command.sender { output.append(sender.bytes) }
        output.append(ASCII.greater)
        if withSize, let size = command.size {
            output.append(" SIZE=")
            output.append(decimal: size)
        }
        if let body = command.body { output.append(text(body)) }
        if command.smtputf8 { output.append(" SMTPUTF8") }
        if let ret = command.ret { output.append(text(ret)) }
        if let envid = command.envid { append(" ENVID=", envid, to: &output) }
        if withAuth, let auth = command.auth { append(auth, to: &output) }
        if command.requireTLS { output.append(" REQUIRETLS") }
        output.append("\r\n")
    }

    public static func rcpt(_ command: RcptCommand, to output: inout OutputBuffer) {
        output.append("RCPT TO:<")
        output.append(command.recipient.bytes)
        output.append(ASCII.greater)
        if let notify = command.notify { append(notify, to: &output) }
        if let orcpt = command.orcpt { append(" ORCPT=", orcpt, to: &output) }
        output.append("\r\n")
    }

    public static func data(to output: inout OutputBuffer) {
        output.append("DATA\r\n")
    }

    public static func bdat(size: UInt64, last: Bool, to output: inout OutputBuffer) {
        output.append("BDAT ")
        output.append(decimal: size)
        output.append(last ? " LAST\r\n" : "\r\n")
    }

    public static func rset(to output: inout OutputBuffer) {
        output.append("RSET\r\n")
    }

    public static func quit(to output: inout OutputBuffer) {
        output.append("QUIT\r\n")
    }

    public static func noop(to output: inout OutputBuffer) {
        output.append("NOOP\r\n")
    }

    public static func starttls(to output: inout OutputBuffer) {
        output.append("STARTTLS\r\n")
    }

    /// `initial` is base64 as a client sent it; empty stands for `=`, nil for none.
    public static func auth(_ mechanism: AuthMechanism, initial: [UInt8]?, to output: inout OutputBuffer) {
        output.append("AUTH ")
        output.append(mechanism.name)
        if let initial { append(" ", initial.isEmpty ? [ASCII.equals] : initial, to: &output) }
        output.append("\r\n")
    }

    /// A response to a challenge, in base64; empty is an empty response.
    public static func authResponse(_ base64: [UInt8], to output: inout OutputBuffer) {
        append("", base64, to: &output)
        output.append("\r\n")
    }

    /// RFC 4954 4.
    public static func authCancel(to output: inout OutputBuffer) {
        output.append("*\r\n")
    }

    /// The end of data behind content that ends with CRLF.
    public static func endOfData(to output: inout OutputBuffer) {
        output.append(".\r\n")
    }
}

extension CommandEncoder {
    /// Values were checked when they were parsed; that no octet can break the line is ensured once more here.
    private static func append(_ keyword: StaticString, _ value: [UInt8], to output: inout OutputBuffer) {
        output.append(keyword)
        if value.allSatisfy({ (0x21...0x7E).contains($0) }) {
            output.append(value)
        } else {
            output.append(value.filter { (0x21...0x7E).contains($0) })
        }
    }

    private static func append(_ auth: AuthParameter, to output: inout OutputBuffer) {
        switch auth {
        case .empty: output.append(" AUTH=<>")
        case .xtext(let text): append(" AUTH=", text, to: &output)
        }
    }

    private static func append(_ notify: DSNNotify, to output: inout OutputBuffer) {
        if notify.contains(.never) || notify.isEmpty {
            output.append(" NOTIFY=NEVER")
            return
        }
        output.append(" NOTIFY=")
        var isFirst = true
        for (condition, text) in notifyConditions where notify.contains(condition) {
            if !isFirst { output.append(ASCII.comma) }
            output.append(text)
            isFirst = false
        }
    }

    private static let notifyConditions: [(DSNNotify, StaticString)] = [
        (.success, "SUCCESS"), (.failure, "FAILURE"), (.delay, "DELAY"),
    ]

    private static func text(_ body: BodyType) -> StaticString {
        switch body {
        case .sevenBit: " BODY=7BIT"
        case .eightBitMIME: " BODY=8BITMIME"
        case .binaryMIME: " BODY=BINARYMIME"
        }
    }

    private static func text(_ ret: DSNReturn) -> StaticString {
        switch ret {
        case .full: " RET=FULL"
        case .hdrs: " RET=HDRS"
        }
    }
}
