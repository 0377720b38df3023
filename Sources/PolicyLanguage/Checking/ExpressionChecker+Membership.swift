internal import Bytes
internal import Policy

// `in`: lists, maps, values written out, and the session's tags.
extension ExpressionChecker {
    mutating func membership(
        _ value: Syntax, _ container: Syntax, _ isNegated: Bool, _ range: Range<Int>, _ known: Set<Field>
    ) -> Checked {
        let left = check(value, known)
        let node: Expression.Node?
        switch container {
        case .set(let items, let at): node = self.items(left, items, at, known)
        case .name(let path, let at): node = named(left, path, at, known)
        case .lookup(let path, let key, let at): node = map(left, path, key, at, known)
        case .constant(.prefix, let at): node = self.items(left, [container], at, known)
        case .constant, .has, .not, .logical, .comparison, .membership:
            report(
                .typeMismatch, container.range, "'in' takes a list",
                hint: "write 'in lists.NAME', or 'in [A, B]'")
            node = nil
        case .fault: node = nil
        }
        guard let node, !left.isFault else { return .fault(range) }
        let inner = Expression(node, source: range)
        return Checked(expression: isNegated ? Expression(.not(inner), source: range) : inner, type: .bool)
    }

    // MARK: Values written out

    private mutating func items(
        _ left: Checked, _ items: [Syntax], _ range: Range<Int>, _ known: Set<Field>
    ) -> Expression.Node? {
        if items.isEmpty { warn(.emptyList, range, "nothing is in an empty list") }
        var literals: [Policy.Literal] = []
        for item in items {
            let checked = check(item, known)
            guard !checked.isFault, !left.isFault else { continue }
            guard let literal = checked.literal else {
                report(.typeMismatch, item.range, "only constants stand between brackets", hint: "use 'or'")
                continue
            }
            if let fitting = fit(literal, left.type) {
                literals.append(fitting)
            } else {
                report(
                    .typeMismatch, item.range, "\(checked.type.withArticle) among values for \(left.type.withArticle)")
            }
        }
        return .inItems(left.expression, literals)
    }

    private func fit(_ literal: Policy.Literal, _ type: FieldType) -> Policy.Literal? {
        switch (literal, type) {
        case (.text(let text), .text(let form)): .text(form.canonical(text))
        case (.cidr, .ip), (.cidr, .cidr), (.ip, .ip): literal
        case (.ip(let address), .cidr):
            AddressPrefix(address, length: address.isV4 ? 32 : 128).map(Policy.Literal.cidr)
        case _: literal.type == type ? literal : nil
        }
    }

    // MARK: Lists

    private mutating func named(
        _ left: Checked, _ path: String, _ range: Range<Int>, _ known: Set<Field>
    ) -> Expression.Node? {
        switch names.meaning(of: path, at: range) {
        case .list(_, .map):
            report(.listType, range, "'\(path)' is a map", hint: "write '\(path)[FIELD]'")
        case .list(let name, let type):
            guard !left.isFault, fits(left, type, path, range) else { return nil }
            if names.emptyLists.contains(name) { warn(.neverMatches, range, "nothing is in '\(path)'") }
            return listTest(left.expression, name)
        case .field(let field) where field.type == .words:
            guard left.isFault || left.type.isText else {
                report(.typeMismatch, range, "'\(path)' holds names, not \(left.type.withArticle)")
                return nil
            }
            return .inWords(left.expression, field)
        case .field, .remaining:
            report(.typeMismatch, range, "'in' takes a list, and '\(path)' is none", hint: "use '=='")
        case .fault(let fault): faults.append(fault)
        case .broken: isFaulty = true
        }
        return nil
    }

    /// `<postmaster>` without a domain counts as ours (RFC 5321 §4.5.1).
    private func listTest(_ value: Expression, _ name: String) -> Expression.Node {
        let node = Expression.Node.inList(value, list: name)
        guard name == Names.ourDomains, value.node == .field(.rcptDomain) else { return node }
        let empty = Expression(.literal(.text("")), source: value.source)
        let isPostmaster = Expression(.compare(.equal, value, empty), source: value.source)
        return .or(Expression(node, source: value.source), isPostmaster)
    }

    private mutating func fits(_ left: Checked, _ type: ListType, _ path: String, _ range: Range<Int>) -> Bool {
        let isFitting =
            switch (type, left.type) {
            case (.cidr, .ip), (.cidr, .cidr): true
            case (.domain, .text(let form)): form == .domain || form == .plain
            case (.address, .text(let form)): form == .login || form == .address || form == .local || form == .plain
            case (.string, .text): true
            case _: false
            }
        if !isFitting {
            report(
                .listType, range,
                "'\(path)' is a list of type \(type.rawValue), which holds no \(Self.word(left.type))",
                hint: "lists of that: \(Self.types(for: left.type))")
        }
        return isFitting
    }

    private static func word(_ type: FieldType) -> String {
        switch type {
        case .text(.domain): "domain"
        case .text(.login), .text(.address), .text(.local): "address"
        case _: type.name
        }
    }

    private static func types(for type: FieldType) -> String {
        switch type {
        case .ip, .cidr: "cidr"
        case .text(.domain): "domain, string"
        case .text(.login), .text(.address), .text(.local): "address, string"
        case .text: "string"
        case .bool, .int, .duration, .size, .tlsVersion, .rate, .words: "none"
        }
    }

    private mutating func map(
        _ left: Checked, _ path: String, _ key: Syntax, _ range: Range<Int>, _ known: Set<Field>
    ) -> Expression.Node? {
        let key = check(key, known)
        switch names.meaning(of: path, at: range) {
        case .list(let name, .map):
            guard !left.isFault, !key.isFault else { return nil }
            guard left.type.isText, key.type.isText else {
                report(.listType, range, "a map holds strings under strings")
                return nil
            }
            return .inMap(left.expression, list: name, key: key.expression)
        case .list(_, let type):
            report(
                .listType, range, "'\(path)' is a list of type \(type.rawValue), not a map",
                hint: "write 'in \(path)'")
        case .field, .remaining: report(.listType, range, "'\(path)' is no list")
        case .fault(let fault): faults.append(fault)
        case .broken: isFaulty = true
        }
        return nil
    }
}
