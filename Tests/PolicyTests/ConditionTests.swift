import Bytes
import Policy
import Testing

struct ConditionTests {
    private func holds(
        _ expression: Expression, lists: [String: List] = [:], _ change: (inout Facts) -> Void = { _ in }
    ) throws -> Bool? {
        var facts = sampleFacts()
        change(&facts)
        return try Condition(expression, lists: lists, realm: octets("example.org")).holds(for: facts)
    }

    @Test(arguments: [
        (Comparison.equal, Literal.int(3), true), (.equal, .int(4), false), (.unequal, .int(4), true),
        (.less, .int(4), true), (.less, .int(3), false), (.lessOrEqual, .int(3), true), (.greater, .int(2), true),
        (.greater, .int(3), false), (.greaterOrEqual, .int(3), true), (.greaterOrEqual, .int(4), false),
    ])
    func `Numbers are compared`(comparison: Comparison, literal: Literal, expected: Bool) throws {
        #expect(try holds(compare(.rcptCount, comparison, literal)) == expected)
    }

    @Test func `TLS versions, sizes and durations have an order`() throws {
        #expect(try holds(compare(.tlsVersion, .less, .tlsVersion(.tls13))) == true)
        #expect(try holds(compare(.tlsVersion, .less, .tlsVersion(.tls12))) == false)
        #expect(try holds(compare(.senderSize, .greater, .size(4999))) == true)
        #expect(try holds(compare(.sessionAge, .greater, .duration(5))) { $0.session.age = 6 } == true)
        #expect(try holds(compare(.nowWeekday, .greaterOrEqual, .int(6))) == true)
    }

    @Test func `A literal takes the form of the name that it is compared with`() throws {
        #expect(try holds(compare(.rcptDomain, .equal, .text("Sales.Example.COM."))) == true)
        #expect(try holds(compare(.authUser, .equal, .text("CAROL"))) == true)
        #expect(try holds(compare(.authUser, .equal, .text("carol@example.net"))) == false)
        #expect(try holds(compare(.senderAddress, .equal, .text("\"carol\"@EXAMPLE.org"))) == true)
        #expect(try holds(compare(.listenerName, .equal, .text("Submission"))) == false)
    }

    @Test func `Two fields are compared with each other`() throws {
        let own = Expression(.compare(.equal, .field(.senderAddress), .field(.authUser)))
        #expect(try holds(own) == true)
        #expect(try holds(own) { $0.auth.user = octets("dave@example.org") } == false)
    }

    @Test func `Text is tested for its beginning, its end and its parts`() throws {
        #expect(try holds(test(.rcptDomain, .endsWith, ".example.com")) == true)
        #expect(try holds(test(.rcptDomain, .startsWith, "example")) == false)
        #expect(try holds(test(.heloName, .contains, "EXAMPLE")) == true)
        #expect(try holds(test(.heloName, .contains, "a much longer text than the name itself")) == false)
    }

    @Test func `An absent value makes its part false, whatever is asked of it`() throws {
        for comparison in [Comparison.equal, .unequal] {
            #expect(try holds(compare(.tlsSNI, comparison, .text("mx"))) == false)
        }
        #expect(try holds(compare(.senderSize, .unequal, .size(1))) { $0.sender = nil } == false)
        #expect(try holds(Expression(.has(.tlsSNI))) == false)
        #expect(try holds(Expression(.has(.senderSize))) == true)
    }

    @Test func `And, or and not combine`() throws {
        let (yes, no) = (Expression.field(.tlsActive), Expression.field(.senderIsNull))
        #expect(try holds(yes && !no) == true)
        #expect(try holds(no || yes) == true)
        #expect(try holds(no && yes) == false)
        #expect(try holds(Expression(.compare(.unequal, yes, no))) == true)
        #expect(try holds(Expression(.compare(.equal, yes, no))) == false)
    }

    @Test func `Addresses and nets are found in lists and in items`() throws {
        let lists = ["nets": list(.cidr, "203.0.113.0/24", "2001:db8::/32")]
        #expect(try holds(.in(.clientIP, list: "nets"), lists: lists) == true)
        #expect(try holds(.in(.clientNet, list: "nets"), lists: lists) == true)
        #expect(try holds(items(.clientIP, .ip(address("203.0.113.7")))) == true)
        #expect(try holds(items(.clientIP, .cidr(net("203.0.112.0/24")), .ip(address("::1")))) == false)
        #expect(try holds(items(.rcptCount, .int(1), .int(3))) == true)
        #expect(try holds(items(.rcptLocal, .text("BOB"))) == true)
    }

    @Test func `A map knows what belongs to a key`() throws {
        var builder = ListBuilder(.map)
        builder.insert(octets("Carol"), of: octets("carol@Example.org"))
        let lists = ["owners": builder.build()]
        let owns = Expression(.inMap(.field(.authUser), list: "owners", key: .field(.senderAddress)))
        #expect(try holds(owns, lists: lists) == true)
        #expect(try holds(owns, lists: lists) { $0.auth.user = octets("dave@example.org") } == false)
        #expect(try holds(owns, lists: lists) { $0.auth.user = octets("carol@example.net") } == false)
        let other = { (facts: inout Facts) in
            facts.sender = SenderFacts(
                local: octets("x"), domain: octets("y"), size: nil, isNull: false, usesSMTPUTF8: false)
        }
        #expect(try holds(owns, lists: lists, other) == false)
    }

    @Test func `A login is in a list under its bare name only with the backend's realm`() throws {
        let lists = ["bulk": list(.address, "carol")]
        #expect(try holds(.in(.authUser, list: "bulk"), lists: lists) == true)
        #expect(
            try holds(.in(.authUser, list: "bulk"), lists: lists) { $0.auth.user = octets("carol@other.org") } == false)
        #expect(try holds(.in(.senderAddress, list: "bulk"), lists: lists) == false)
    }

    @Test func `Patterns are found anywhere, and a hostile one is given up`() throws {
        #expect(try holds(matches(.rcptDomain, #"\.example\.(com|net)$"#)) == true)
        #expect(try holds(matches(.rcptDomain, "^example")) == false)
        let hostile = { (facts: inout Facts) in
            facts.helo.name = [UInt8](repeating: UInt8(ascii: "a"), count: 200) + octets("!")
        }
        #expect(try holds(matches(.heloName, "^(a+)+$"), hostile) == nil)
        #expect(try holds(matches(.heloName, "^(a+)+$") && .field(.senderIsNull), hostile) == false)
        #expect(try holds(matches(.heloName, "^(a+)+$") || .field(.tlsActive), hostile) == true)
        #expect(try holds(matches(.heloName, "a")) { $0.helo.name = [0xFF, UInt8(ascii: "a"), 0x00] } == true)
    }

    @Test func `Nonsense does not compile, and says where`() {
        let wrong: [Expression] = [
            Expression(.compare(.equal, .field(.rcptCount), .text("x"))), compare(.rcptDomain, .less, .text("x")),
            Expression(.matches(.field(.rcptDomain), pattern: "(")), .in(.clientIP, list: "nowhere"),
            .field(.rcptCount), Expression(.remaining(limit: "x")),
        ]
        for expression in wrong {
            #expect(throws: CompileFault.self) { try Condition(expression) }
        }
        var deep = Expression.field(.tlsActive)
        for _ in 0..<Expression.maxDepth { deep = !deep }
        #expect(throws: CompileFault.self) { try Condition(deep) }
    }

    @Test func `Every field has a row, a path of its own and a value of its type`() {
        #expect(Set(Field.allCases.map(\.path)).count == Field.allCases.count)
        for field in Field.allCases {
            #expect(Field(path: field.path) == field)
            #expect(field.stages.first != nil)
            #expect(!field.meaning.isEmpty)
        }
    }

    @Test func `A field that always has a value has one in a session that has just begun`() {
        let facts = Facts(
            client: ClientFacts(
                endpoint: Endpoint(address: address("::1"), port: 1), local: Endpoint(address: address("::1"), port: 25)
            ),
            listener: ListenerFacts(name: "mx", port: 25))
        for field in Field.allCases where field.stages.contains(.connect) && field.presence == .always {
            #expect(field.isPresent(in: facts), "\(field.path)")
        }
    }
}
