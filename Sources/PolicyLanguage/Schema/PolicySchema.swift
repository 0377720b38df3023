internal import Policy

/// The JSON Schema of policy files, for editors; `check` knows more than a schema can say.
public enum PolicySchema {
    /// The whole schema, written from the table of keys.
    public static var json: String {
        let sections: [(String, String)] = [
            ("list", object("lists.NAME")), ("limit", object("limits.NAME")), ("rule", object("rules[]")),
            ("ban", object("rules[].ban")), ("smtp", object("")), ("egress", object(EgressKeys.top)),
            ("zone", object(EgressKeys.zone)), ("egress_list", object(EgressKeys.list)),
            ("local", object(EgressKeys.local)),
        ]
        let definitions = sections.map { "    \"\($0.0)\": \($0.1)" }.joined(separator: ",\n")
        let members = [
            "  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\"", "  \"$id\": \"policy.v1.json\"",
            "  \"title\": \"Portreeve policy, version 1\"", "  \"type\": \"object\"",
            "  \"if\": { \"properties\": { \"kind\": { \"const\": \"egress\" } }, \"required\": [\"kind\"] }",
            "  \"then\": { \"$ref\": \"#/$defs/egress\" }", "  \"else\": { \"$ref\": \"#/$defs/smtp\" }",
            "  \"$defs\": {\n\(definitions)\n  }",
        ]
        return "{\n\(members.joined(separator: ",\n"))\n}\n"
    }

    private static func object(_ section: String) -> String {
        let members = [
            "      \"type\": \"object\"", "      \"additionalProperties\": false",
            "      \"required\": [\(required(section))]",
            "      \"properties\": {\n\(properties(section, indent: "        "))\n      }",
        ]
        return "{\n\(members.joined(separator: ",\n"))\n    }"
    }

    private static func required(_ section: String) -> String {
        PolicyKeys.keys(of: section).filter(\.isRequired).map { "\"\($0.name)\"" }.joined(separator: ", ")
    }

    private static func properties(_ section: String, indent: String) -> String {
        PolicyKeys.keys(of: section).map { key in
            "\(indent)\"\(key.name)\": { \(type(key)), \"description\": \(quoted(key.meaning)) }"
        }.joined(separator: ",\n")
    }

    private static func type(_ key: FileKey) -> String {
        switch key.path {
        case "version", "egress.version": "\"const\": 1"
        case "kind": "\"const\": \"smtp\""
        case "egress.kind": "\"const\": \"egress\""
        case "egress.zones", "egress.lists":
            "\"type\": \"object\", \"additionalProperties\": { \"$ref\": \"#/$defs/\(key.name == "zones" ? "zone" : "egress_list")\" }"
        case "egress.local": "\"$ref\": \"#/$defs/local\""
        case "egress.ports": "\"type\": \"array\", \"items\": { \"enum\": [25, 465, 587, 2525] }"
        case "egress.log_group": "\"type\": \"integer\", \"minimum\": 0, \"maximum\": 65535"
        case "egress.zones.NAME.ipv6_prefix": "\"type\": \"integer\", \"minimum\": 48, \"maximum\": 64"
        case "egress.zones.NAME.attempts", "egress.zones.NAME.new_destinations":
            "\"type\": \"string\", \"pattern\": \"^[0-9]+/(s|min|h|d) burst [0-9]+$\""
        case "egress.zones.NAME.interfaces":
            "\"type\": [\"string\", \"array\"], \"items\": { \"type\": \"string\" }"
        case "egress.lists.NAME.items": "\"type\": \"array\", \"items\": { \"type\": \"string\" }"
        case "egress.local.uids": "\"type\": \"array\", \"items\": { \"type\": [\"string\", \"integer\"] }"
        case "egress.zones.NAME.block_for": "\"type\": \"string\", \"pattern\": \"^[0-9]+(ms|s|min|h|d)$\""
        case "lists", "limits":
            "\"type\": \"object\", \"additionalProperties\": { \"$ref\": \"#/$defs/\(key.name.dropLast())\" }"
        case "rules": "\"type\": \"array\", \"items\": { \"$ref\": \"#/$defs/rule\" }"
        case "rules[].notify": "\"type\": \"boolean\""
        case "rules[].ban": "\"$ref\": \"#/$defs/ban\""
        case "rules[].at": "\"enum\": [\(Stage.allCases.map { "\"\($0.name)\"" }.joined(separator: ", "))]"
        case "rules[].reply", "default_reply":
            "\"type\": \"string\", \"pattern\": \"^[245][0-9][0-9] [245]\\\\.[0-9]{1,3}\\\\.[0-9]{1,3} .\""
        case "rules[].over", "limits.NAME.key":
            "\"type\": [\"string\", \"array\"], \"items\": { \"type\": \"string\" }"
        case "lists.NAME.items": "\"type\": [\"array\", \"object\"]"
        case "limits.NAME.burst": "\"type\": \"integer\", \"minimum\": 1"
        case "limits.NAME.rate": "\"type\": \"string\", \"pattern\": \"^[0-9]+/(s|min|h|d)$\""
        case "limits.NAME.cost": "\"enum\": [1, \"sender.size\"]"
        case "rules[].delay", "rules[].tarpit", "rules[].ban.for":
            "\"type\": \"string\", \"pattern\": \"^[0-9]+(ms|s|min|h|d)$\""
        case "mode", "rules[].mode", "default", "rules[].action", "lists.NAME.type", "lists.NAME.expires",
            "limits.NAME.count", "limits.NAME.scope", "limits.NAME.on_store_loss", "rules[].ban.what", "egress.mode",
            "egress.triangular",
            "egress.spoofed", "egress.existing", "egress.zones.NAME.mode", "egress.zones.NAME.upstream",
            "egress.lists.NAME.type", "egress.lists.NAME.expires", "egress.local.mode":
            "\"enum\": [\(key.type.split(separator: ",").map { "\"\($0.filter { $0 != " " })\"" }.joined(separator: ", "))]"
        case _ where key.name.hasPrefix("allow_") || key.name == "force": "\"const\": \"\(PolicyKeys.understood)\""
        case _: "\"type\": \"string\""
        }
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] } + "\""
    }
}
