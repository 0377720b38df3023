import SMTPWire

extension Capabilities {
    /// A server that offers AUTH PLAIN and nothing else.
    static var plain: Capabilities {
        var capabilities = Capabilities()
        capabilities.auth = AuthMechanisms(.plain)
        return capabilities
    }
}
