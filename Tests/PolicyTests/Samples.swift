import Bytes
import Policy

func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

func address(_ text: String) -> IPAddress { IPAddress(text) ?? IPAddress(v4: 0) }

func net(_ text: String) -> AddressPrefix { AddressPrefix(text) ?? AddressPrefix(IPAddress(v4: 0), bits: 32) }

/// The facts of a submission session at its first recipient.
func sampleFacts(client: String = "203.0.113.7", user: String? = "carol@example.org") -> Facts {
    var facts = Facts(
        client: ClientFacts(
            endpoint: Endpoint(address: address(client), port: 4711),
            local: Endpoint(address: address("192.0.2.1"), port: 587)),
        listener: ListenerFacts(name: "submission", port: 587))
    facts.helo.name = octets("laptop.example.net")
    facts.tls = TLSFacts(version: .tls12, cipher: "ECDHE-RSA-AES128-GCM-SHA256")
    facts.auth.user = user.map(octets)
    facts.sender = SenderFacts(
        local: octets("carol"), domain: octets("example.org"), size: 5000, isNull: false, usesSMTPUTF8: false)
    facts.recipient = RecipientFacts(local: octets("bob"), domain: octets("sales.example.com"), hasRouting: false)
    facts.recipients.asked = 3
    facts.now = CalendarFacts(day: 20_000, hour: 14, weekday: 6)
    return facts
}

func compare(_ field: Field, _ comparison: Comparison, _ literal: Literal) -> Expression {
    Expression(.compare(comparison, .field(field), Expression(.literal(literal))))
}

func test(_ field: Field, _ test: TextTest, _ text: String) -> Expression {
    Expression(.textTest(test, .field(field), .text(text)))
}

func items(_ field: Field, _ literals: Literal...) -> Expression { Expression(.inItems(.field(field), literals)) }

func matches(_ field: Field, _ pattern: String) -> Expression {
    Expression(.matches(.field(field), pattern: pattern))
}

func list(_ kind: List.Kind, _ entries: String...) -> List {
    var builder = ListBuilder(kind)
    for entry in entries {
        if kind == .cidr { builder.insert(net(entry)) } else { builder.insert(octets(entry)) }
    }
    return builder.build()
}

extension RuleBook {
    convenience init(_ rules: Rule..., lists: [String: List] = [:], limits: [LimitDefinition] = []) {
        self.init(
            [PolicyDefinition(name: "p", lists: lists, limits: limits, rules: rules, otherwise: .accept)],
            realm: octets("example.org"))
    }
}

let refusal = Action.reject(ReplyTemplate(554, "5.7.1 no"))
