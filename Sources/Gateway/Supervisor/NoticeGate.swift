import Bytes
import Configuration
import Policy
import Reactor
import Telemetry
import Throttle

/// Lets notices through as `notify.rate` allows, and the same news once an hour.
struct NoticeGate {
    /// Nanoseconds for which the same rule has nothing new to say of the same login or net.
    static let memory: UInt64 = 3600 * 1_000_000_000
    /// What is remembered at once.
    static let capacity = 4096

    private struct News: Hashable {
        let rule: RuleID
        let user: [UInt8]?
        let net: AddressPrefix?
    }

    private var rate: RateLimit
    private var bucket: UInt64 = 0
    private var told: [News: UInt64] = [:]
    /// Swallowed since the last one that passed.
    private var suppressed: UInt64 = 0

    init(_ rate: ProtocolLimits.Rate) {
        self.rate = Self.limit(rate)
    }

    private static func limit(_ rate: ProtocolLimits.Rate) -> RateLimit {
        RateLimit(count: rate.count, period: rate.period, burst: rate.count)
    }

    mutating func setRate(_ rate: ProtocolLimits.Rate) {
        self.rate = Self.limit(rate)
    }

    /// How many were swallowed before this one; nil if it is swallowed too.
    mutating func admit(_ notice: Notice, now: UInt64) -> UInt64? {
        // A ban or hold that begins is news, also right after the last one was lifted.
        let news = News(rule: notice.rule, user: notice.user, net: notice.user == nil ? notice.net : nil)
        if notice.banned == nil, notice.held == nil, let last = told[news], now - last < Self.memory { return nil }
        guard rate.charge(&bucket, now: now) else {
            suppressed += 1
            return nil
        }
        if told.count >= Self.capacity { told = told.filter { now - $0.value < Self.memory } }
        if told.count >= Self.capacity { told = [:] }
        told[news] = now
        defer { suppressed = 0 }
        return suppressed
    }

    /// It was admitted and could not be taken.
    mutating func giveBack(_ count: UInt64) {
        suppressed += count + 1
    }
}

extension Supervisor {
    func tell(_ notice: Notice) {
        guard plan.notify != nil, let count = noticeGate.admit(notice, now: loop.now.nanoseconds) else { return }
        if !notices.send(notice, at: .now(), suppressed: count) { noticeGate.giveBack(count) }
    }

    /// A reload: whom to tell may have changed.
    func applyNotices() {
        noticeGate.setRate(plan.notify?.rate ?? NotifyPlan.defaultRate)
        notices.apply(NoticeSettings(plan))
    }
}

extension NoticeSettings {
    init(_ plan: RunPlan) {
        self.init(hostname: plan.hostname)
        guard let notify = plan.notify else { return }
        webhook = notify.webhook
        guard !notify.mail.isEmpty, let backend = plan.backend(named: notify.backend),
            let server = backend.servers.first
        else { return }
        var mail = Mail(recipients: notify.mail, server: server.description)
        mail.security =
            switch backend.tls {
            case .none: .none
            case .starttls: .starttls
            case .implicit: .implicit
            }
        mail.verifies = backend.verify
        mail.tlsName = backend.tlsName
        mail.authorities = backend.ca?.path
        mail.sendsProxyHeader = backend.identity == .proxyV1 || backend.identity == .proxyV2
        self.mail = mail
    }
}
