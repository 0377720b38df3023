import Bytes
import Diagnostics
import Policy
import PolicyLanguage
import Testing

/// The part of CEL that both languages have, by the published conformance cases of CEL (logic, strings, comparisons,
/// membership), each said in our own words.
@Suite("Expressions beside CEL")
struct CELTests {
    /// What an expression comes to: its value, or the code of what is wrong with it.
    enum Outcome: Equatable, CustomTestStringConvertible {
        case value(Bool)
        case error(String)

        var testDescription: String {
            switch self {
            case .value(let value): "\(value)"
            case .error(let code): code
            }
        }

        init(_ condition: String, at stage: Stage = .rcpt) {
            let outcome = Sample.rule(condition, at: stage.name)
            if let error = outcome.findings.first(where: { $0.severity == .error }) {
                self = .error(error.code)
            } else {
                self = .value(Sample.holds(condition, at: stage) ?? false)
            }
        }
    }

    private static let longest = "9223372036854775807"

    @Test(
        "logic",
        arguments: [
            ("true && true", true), ("false && false", false), ("false && true", false), ("true && false", false),
            ("true || true", true), ("false || false", false), ("false || true", true), ("true || false", true),
            ("!true", false), ("!false", true), ("!!true", true), ("not not false", false),
            ("true or false and false", true), ("(true or false) and false", false),
            ("not true or true", true), ("not (true or true)", false), ("true == true", true), ("false == true", false),
            ("true != false", true), ("false != false", false), ("(false or true) == (true and true)", true),
        ])
    func logic(condition: String, expected: Bool) {
        #expect(Outcome(condition) == .value(expected))
    }

    @Test(
        "a side that is no truth value is refused, even where the other would decide alone",
        arguments: [
            "false && 32", "'horses' && false", "true || 32", "'less filling' || 'tastes great'", "!0", "not 'a'",
        ])
    func noOverload(condition: String) {
        #expect(Outcome(condition) == .error("E210"))
    }

    /// CEL absorbs an error beside `false` in `&&` and beside `true` in `||`, in either order.
    ///
    /// Our only error in a session is a match that takes too long.
    @Test("a part that failed is absorbed from either side, and otherwise fails the whole")
    func errors() {
        let subject = "\(String(repeating: "a", count: 40))!"
        let failing = "\"\(subject)\" matches \"^(a+)+(b|$)\""
        func value(_ condition: String) -> Verdict? {
            guard let policy = Sample.rule(condition, at: "rcpt").policy else { return nil }
            var definition = policy.definition(ourDomains: [])
            // What fails refuses by the rule's own reply; accepting rules show the difference.
            for index in definition.rules.indices { definition.rules[index].action = .skip }
            return RuleBook([definition]).decide(.rcpt, Sample.facts()).verdict
        }
        for absorbed in [
            "\(failing) and false", "false and \(failing)", "not (\(failing) or true)", "not (true or \(failing))",
        ] {
            #expect(value(absorbed) == .accept, "\(absorbed)")
        }
        for failed in [
            "\(failing) and true", "true and \(failing)", "\(failing) or false", "false or \(failing)",
            "not (\(failing))",
        ] {
            #expect(value(failed)?.name == "defer", "\(failed)")
        }
    }

    @Test(
        "strings",
        arguments: [
            ("'foobar' startsWith 'foo'", true), ("'foobar' startsWith 'bar'", false), ("'' startsWith 'foo'", false),
            ("'foobar' startsWith ''", true), ("'' startsWith ''", true), ("'завтра' startsWith 'за'", true),
            ("'🐱😀😛' startsWith '🐱'", true), ("'foobar' endsWith 'bar'", true), ("'foobar' endsWith 'foo'", false),
            ("'' endsWith 'foo'", false), ("'foobar' endsWith ''", true), ("'' endsWith ''", true),
            ("'forté' endsWith 'té'", true), ("'🐱😀😛' endsWith '😛'", true), ("'hello' contains 'he'", true),
            ("'hello' contains ''", true), ("'hello' contains 'ol'", false), ("'abababc' contains 'ababc'", true),
            ("'Straße' contains 'aß'", true), ("'🐱😀😁' contains '😀'", true), ("'' contains 'something'", false),
            ("'' contains ''", true),
        ])
    func strings(condition: String, expected: Bool) {
        #expect(Outcome(condition) == .value(expected))
    }

    @Test(
        "regular expressions",
        arguments: [
            ("'hubba' matches 'ubb'", true), ("'' matches 'foo|bar'", false), ("'cows' matches ''", true),
            ("'' matches ''", true), ("'abcd' matches 'bc'", true), ("'grey' matches 'gr(a|e)y'", true),
            ("'banana' matches 'ba(na)*'", true), ("'mañana' matches 'a+ñ+a+'", true),
            ("'🐱😀😀' matches '(a|😀){2}'", true), ("'abc' matches '^b'", false), ("'a.b' matches \"^a\\.b$\"", true),
        ])
    func patterns(condition: String, expected: Bool) {
        #expect(Outcome(condition) == .value(expected))
    }

    @Test(
        "equality",
        arguments: [
            ("1 == 1", true), ("2 == 1", false), ("'' == \"\"", true), ("'a' == 'b'", false), ("'abc' == 'ABC'", false),
            ("'ίσος' == 'ίσος'", true), ("'a' == 'à'", false), ("'Am\u{E9}lie' == 'Ame\u{301}lie'", false),
            ("30s == 30s", true), ("60s == 1min", true), ("1KB == 1024B", true), ("25MB == 24MB", false),
            ("192.0.2.1 == 192.0.2.1", true), ("::ffff:192.0.2.1 == 192.0.2.1", true),
            ("2001:db8::1 == 2001:DB8:0::1", true),
            ("10.0.0.0/8 == 10.0.0.0/9", false), ("1 != 2", true), ("'a' != 'a'", false), ("TLS1.2 == TLS1.3", false),
            ("'\\'' == \"'\"", true), ("'\\\\' == \"\\\\\"", true), ("'a\\b' == \"a\\b\"", true),
        ])
    func equality(condition: String, expected: Bool) {
        #expect(Outcome(condition) == .value(expected))
    }

    @Test(
        "order",
        arguments: [
            ("42 > 41", true), ("0 > 0", false), ("0 < 1", true), ("1 < 1", false), ("0 <= 1", true), ("1 <= 1", true),
            ("2 <= 1", false), ("1 >= 0", true), ("999 >= 999", true), ("999 >= 1000", false),
            ("\(longest) > 9223372036854775806", true), ("\(longest) >= \(longest)", true), ("0 < \(longest)", true),
            ("500ms < 1s", true), ("1h > 59min", true), ("1d <= 24h", true), ("1KB > 1000B", true),
            ("TLS1.0 < TLS1.1", true),
            ("TLS1.3 <= TLS1.2", false),
        ])
    func order(condition: String, expected: Bool) {
        #expect(Outcome(condition) == .value(expected))
    }

    @Test(
        "values of different types are not compared, and numbers have bounds",
        arguments: [
            ("1 == '1'", "E204"), ("'foo' < 1024", "E204"), ("true == 1", "E204"), ("1s == 1", "E204"),
            ("1KB < 1s", "E204"), ("192.0.2.1 == '192.0.2.1'", "E204"), ("[0] < [1]", "E200"),
            ("\(longest) < 9223372036854775808", "E206"), ("1 < 18446744073709551616", "E206"),
            ("session.age < 9999999999999999d", "E206"),
        ])
    func mixed(condition: String, code: String) {
        #expect(Outcome(condition) == .error(code))
    }

    @Test(
        "membership",
        arguments: [
            ("'empty' in []", false), ("'elem' in ['elem', 'elemA', 'elemB']", true),
            ("'not' in ['elem1', 'elem2', 'elem3']", false), ("3 in [1, 2, 3]", true), ("4 in [1, 2, 3]", false),
            ("4 not in [1, 2, 3]", true), ("'a' not in ['a']", false), ("192.0.2.1 in [192.0.2.0/24]", true),
            ("2001:db8::1 in [192.0.2.0/24, 2001:db8::/32]", true), ("198.51.100.1 in [192.0.2.0/24]", false),
            ("'KEY' in ['key']", false), ("TLS1.2 in [TLS1.2, TLS1.3]", true), ("30s in [1min, 30s]", true),
        ])
    func membership(condition: String, expected: Bool) {
        #expect(Outcome(condition) == .value(expected))
    }

    @Test("has() is true exactly where there is a value")
    func presence() {
        #expect(Sample.holds("has(sender.size)") == false)
        #expect(Sample.holds("has(sender.size)") { $0.sender = Sample.sender("a", "b.example", size: 0) } == true)
        #expect(Sample.holds("not has(tls.sni)") == true)
        #expect(Sample.holds("has(sender.local)") { $0.sender = Sample.sender("", "") } == true)
        #expect(Outcome("has(true)") == .error("E201"))
    }

    @Test("what differs from CEL differs as the documentation says")
    func differences() {
        for one in CELDifference.all {
            let expected: Outcome =
                switch one.result {
                case .holds: .value(true)
                case .holdsNot: .value(false)
                case .error(let code): .error(code.rawValue)
                }
            #expect(Outcome(one.example) == expected, "\(one.example)")
        }
    }
}
