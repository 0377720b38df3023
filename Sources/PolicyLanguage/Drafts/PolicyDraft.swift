internal import Bytes
internal import Diagnostics
internal import Policy

/// A policy file as it was read: values decoded, nothing resolved against anything else.
struct PolicyDraft: Sendable {
    var name = ""
    var nameRange: SourceRange
    var description = ""
    var mode = Mode.enforce
    var lists: [ListDraft] = []
    var limits: [LimitDraft] = []
    /// Names of lists and limits that were declared with a mistake: reported already, so nothing more is said of them.
    var brokenLists: Set<String> = []
    var brokenLimits: Set<String> = []
    var rules: [RuleDraft] = []
    var isAccepting = true
    var defaultRange: SourceRange
    var defaultReply: ReplyDraft?
    var acknowledgements: Set<Acknowledgement> = []
}

/// What an operator may take the responsibility for.
public enum Acknowledgement: String, CaseIterable, Sendable {
    case openRelay = "allow_open_relay"
    case unauthenticated = "allow_unauthenticated"
    case cleartextAuth = "allow_cleartext_auth"
}

/// What the entries of a list are.
public enum ListType: String, CaseIterable, Sendable {
    case cidr, address, domain, string, map
}

struct ListDraft: Sendable {
    let name: String
    let range: SourceRange
    let type: ListType
    /// In the order of the file; a map's are the values of their keys.
    let entries: [EntryDraft]
    /// Where its entries come from, if not from the policy itself.
    let file: String?
}

/// One entry, in the form in which names are compared.
struct EntryDraft: Sendable {
    enum Value: Equatable, Sendable {
        case prefix(AddressPrefix)
        case text([UInt8])
        /// One value of a map's key.
        case pair(key: [UInt8], value: [UInt8])
    }

    let value: Value
    /// The last day on which it counts.
    let until: Day?
    /// Why, where an entry with an end says so.
    var note = ""
    /// Of an entry with an end.
    var range: SourceRange?
}

struct LimitDraft: Sendable {
    enum Cost { case one, senderSize }
    enum Count: String, CaseIterable { case attempted, accepted }
    enum Scope: String, CaseIterable { case node, cluster }
    enum StoreLoss: String, CaseIterable { case local, open, closed }

    let name: String
    let range: SourceRange
    /// Paths of fields and their places.
    let key: [(path: String, range: SourceRange)]
    let count: UInt64
    /// Nanoseconds.
    let period: UInt64
    let burst: UInt64
    let cost: Cost
    let counts: Count
    let scope: Scope
    let onStoreLoss: StoreLoss
}

/// The text of an expression and where its octets stand.
struct ExpressionDraft: Sendable {
    let text: String
    let map: ScalarMap
    let syntax: Syntax
    let faults: [ExpressionFault]
}

struct ReplyDraft: Sendable {
    let code: UInt16
    /// Everything behind the code: enhanced code and text.
    let text: String
    let range: SourceRange
    let map: ScalarMap
    /// Octets before `text` in the scalar.
    let textOffset: Int
}

struct RuleDraft: Sendable {
    enum Action: String, CaseIterable {
        case accept, skip, reject, `defer`, drop, tag, delay, tarpit, ban
    }

    let id: String
    let range: SourceRange
    let stage: Stage
    let mode: Mode
    let condition: ExpressionDraft?
    let exception: ExpressionDraft?
    /// There is a condition that cannot be read, which was reported.
    let hasBrokenCondition: Bool
    let over: [(name: String, range: SourceRange)]
    /// Where the action is named; its id where a key alone says it.
    let actionRange: SourceRange
    let action: Action
    let reply: ReplyDraft?
    /// There is a reply that cannot be read, which was reported.
    let hasBrokenReply: Bool
    let tag: String?
    /// Nanoseconds.
    let delay: UInt64?
    /// Nanoseconds.
    let tarpit: UInt64?
    let ban: Ban?
    /// Where the ban says whom it is about; the rule's id where it does not.
    let banRange: SourceRange
    let notifies: Bool
}
