internal import Diagnostics
internal import Policy
internal import PolicyLanguage

/// Tables of limits: `protocol:`, `timeouts:`, `tls:`.
extension PlanReader {
    /// The rows that are given, written over `base`.
    func settings<Root>(_ rows: [Setting<Root>], _ section: Section, over base: Root) -> Root {
        var result = base
        for row in rows {
            guard let pair = section[row.name] else { continue }
            read(row.field, pair, into: &result)
        }
        return result
    }

    private func read<Root>(_ field: Setting<Root>.Field, _ pair: YAMLNode.Pair, into root: inout Root) {
        switch field {
        case .duration(let path, let range): assign(duration(pair, in: range), path, &root)
        case .size(let path, let range): assign(size(pair, in: range), path, &root)
        case .octets(let path, let range): assign(number(pair, in: range), path, &root)
        case .count(let path, let range): assign(number(pair, in: range).map { Int(clamping: $0) }, path, &root)
        case .flag(let path): assign(flag(pair), path, &root)
        case .rate(let path): assign(rate(pair, atMost: 1_000_000), path, &root)
        case .newline(let path): assign(choice(pair), path, &root)
        case .prefixes: break
        }
    }

    private func assign<Root, Value>(_ value: Value?, _ path: WritableKeyPath<Root, Value>, _ root: inout Root) {
        if let value { root[keyPath: path] = value }
    }

    /// `protocol:` of the top level or of a listener.
    func protocolLimits(_ pair: YAMLNode.Pair?, shown: String, over base: ProtocolLimits) -> ProtocolLimits {
        guard let pair else { return base }
        let section = section(pair.value, "protocol", shown: shown, at: pair.keyRange)
        var limits = settings(ProtocolSetting.all, section, over: base)
        guard let prefix = section["client_prefix"] else { return limits }
        let lengths = self.section(
            prefix.value, "protocol.client_prefix", shown: "'client_prefix'", at: prefix.keyRange)
        if let bits = number(lengths["ipv4"], in: 8...32) { limits.clientPrefixV4 = Int(clamping: bits) }
        if let bits = number(lengths["ipv6"], in: 16...128) { limits.clientPrefixV6 = Int(clamping: bits) }
        return limits
    }

    func timeouts(_ pair: YAMLNode.Pair?) -> Timeouts {
        var result = Timeouts()
        guard let pair else { return result }
        let section = section(pair.value, "timeouts", shown: "'timeouts'", at: pair.keyRange)
        if let client = section["client"] {
            let rows = self.section(client.value, "timeouts.client", shown: "'timeouts.client'", at: client.keyRange)
            result.client = settings(ClientTimeoutSetting.all, rows, over: result.client)
        }
        if let backend = section["backend"] {
            let rows = self.section(
                backend.value, "timeouts.backend", shown: "'timeouts.backend'", at: backend.keyRange)
            result.backend = settings(BackendTimeoutSetting.all, rows, over: result.backend)
        }
        return result
    }

    /// `tls:` of the top level, or `tls_options:` of a listener.
    func tlsOptions(_ pair: YAMLNode.Pair?, over base: TLSOptions) -> TLSOptions {
        guard let pair else { return base }
        let section = section(pair.value, "tls", shown: "'\(pair.key)'", at: pair.keyRange)
        var options = base
        options.minVersion = choice(section["min_version"]) ?? base.minVersion
        options.clientCertificates = choice(section["client_certificates"]) ?? base.clientCertificates
        options.ca = readableFile(section["ca"]) ?? base.ca
        if options.clientCertificates != .none, options.ca == nil, section["ca"] == nil {
            let range = section["client_certificates"]?.value.range ?? pair.keyRange
            error(
                .conflict, range, "client certificates are asked for without 'ca'", hint: "name what they must lead to")
        }
        return options
    }
}
