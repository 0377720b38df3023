import SMTPWire

/// Reads replies to EHLO, and remembers the last one: a server says the same to every session.
///
/// Confined to its worker.
public final class CapabilitiesReader {
    private var last: (reply: Reply, capabilities: Capabilities)?

    public init() {}

    func capabilities(of reply: Reply) -> Capabilities {
        if let last, last.reply == reply { return last.capabilities }
        let capabilities = Capabilities(ehlo: reply)
        last = (reply, capabilities)
        return capabilities
    }
}
