import SMTPWire

/// Reads replies to EHLO, and remembers the last two: a server says the same to every session, before XCLIENT and after it.
///
/// Confined to its worker.
public final class CapabilitiesReader {
    private struct Read {
        let reply: Reply
        let capabilities: Capabilities
    }

    private var newest: Read?
    private var older: Read?

    public init() {}

    func capabilities(of reply: Reply) -> Capabilities {
        if let newest, newest.reply == reply { return newest.capabilities }
        if let older, older.reply == reply { return older.capabilities }
        let read = Read(reply: reply, capabilities: Capabilities(ehlo: reply))
        (newest, older) = (read, newest)
        return read.capabilities
    }
}
