internal import Diagnostics
internal import PolicyLanguage

/// `certificates:`.
extension PlanReader {
    func certificates(_ pair: YAMLNode.Pair?) -> [CertificatePlan] {
        let plans = list(pair).compactMap(certificate)
        var seen: Set<String> = []
        for plan in plans {
            for name in plan.names where !seen.insert(name).inserted {
                error(.duplicateName, plan.chain.range, "two certificates are for '\(name)'")
            }
        }
        return plans
    }

    private func certificate(_ node: YAMLNode) -> CertificatePlan? {
        let section = section(node, "certificates[]", shown: "a certificate", at: node.range)
        let names = list(section["names"]).compactMap(certificateName)
        if let pair = section["names"], names.isEmpty, pair.value.value == .sequence([]) {
            error(.missingKey, pair.value.range, "'names' needs at least one name")
        }
        let chain = readableFile(section["chain"])
        let key = readableFile(section["key"])
        guard let chain, let key else { return nil }
        inspect(chain, key)
        return CertificatePlan(names: names, chain: chain, key: key)
    }

    private func inspect(_ chain: PlannedPath, _ key: PlannedPath) {
        for problem in checks.inspect?(chain.path, key.path) ?? [] {
            let range = problem.file == .chain ? chain.range : key.range
            switch problem.severity {
            case .error: error(.certificate, range, problem.message, hint: problem.hint)
            case .warning: warning(.certificateWarning, range, problem.message, hint: problem.hint)
            }
        }
    }
}
