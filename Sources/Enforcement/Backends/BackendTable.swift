public import Bytes
public import SMTPSession
public import SMTPWire

/// The servers of one backend as one worker sees them: which may have sessions, and what all of them offer.
///
/// Confined to its worker. Health checks and the self-test report to it; sessions ask it for a server.
public final class BackendTable {
    public private(set) var servers: [BackendServer]
    /// Changes with what the servers offer.
    private(set) var revision: UInt64 = 0
    let reader = CapabilitiesReader()
    private var nextServer = 0

    /// Failures in a row after which a server is left alone for a while (the breaker).
    static let breakerThreshold = 5
    /// Nanoseconds; doubled with every further failure up to `longestPause`.
    static let firstPause: UInt64 = 1_000_000_000
    static let longestPause: UInt64 = 30_000_000_000

    public init(servers: [Endpoint], needProof: Bool) {
        self.servers = servers.map { BackendServer(endpoint: $0, standing: needProof ? .unproven : .proven) }
    }

    /// What every server offers, as far as it is known.
    public var offer: BackendOffer {
        var common: Capabilities?
        for server in servers {
            guard let capabilities = server.capabilities else { continue }
            common = common.map { $0.intersection(capabilities) } ?? capabilities
        }
        return BackendOffer(capabilities: common)
    }

    /// The next server that may have a session and is not in `tried`; nil when there is none now.
    public func choose(excluding tried: UInt64, now: UInt64) -> Int? {
        for step in 0..<servers.count {
            let index = (nextServer + step) % servers.count
            guard tried & Self.bit(index) == 0, servers[index].mayServe(at: now) else { continue }
            nextServer = index + 1
            return index
        }
        return nil
    }

    /// The bit of a server in a session's set of tried ones; servers beyond 63 share the last bit.
    static func bit(_ index: Int) -> UInt64 {
        1 << UInt64(min(index, 63))
    }

    // MARK: Reports

    /// A session or a health check got through to this server.
    public func succeeded(_ index: Int, capabilities: Capabilities?) {
        guard servers.indices.contains(index) else { return }
        servers[index].failures = 0
        servers[index].pausedUntil = 0
        if let capabilities, servers[index].capabilities != capabilities {
            servers[index].capabilities = capabilities
            revision &+= 1
        }
    }

    /// A connection to this server failed before it was open.
    public func failed(_ index: Int, now: UInt64) {
        guard servers.indices.contains(index) else { return }
        servers[index].failures += 1
        let excess = servers[index].failures - Self.breakerThreshold
        guard excess >= 0 else { return }
        let pause = min(Self.firstPause << UInt64(min(excess, 5)), Self.longestPause)
        servers[index].pausedUntil = now &+ pause
    }

    /// The self-test's word on a server.
    public func judge(_ index: Int, _ standing: BackendServer.Standing) {
        guard servers.indices.contains(index) else { return }
        servers[index].standing = standing
    }
}

/// One server of a backend.
public struct BackendServer: Sendable {
    /// What the self-test said.
    public enum Standing: Equatable, Sendable {
        /// It has not answered yet; it gets no session before it did.
        case unproven
        case proven
        /// It would not learn who the client is, or would relay for anyone.
        case disproved(String)
    }

    public let endpoint: Endpoint
    /// `address:port`, for logs.
    let name: String
    public var standing: Standing
    /// From the last EHLO that was answered.
    public var capabilities: Capabilities?
    var failures = 0
    /// On the session clock, nanoseconds; 0 when the breaker is closed.
    var pausedUntil: UInt64 = 0

    init(endpoint: Endpoint, standing: Standing) {
        self.endpoint = endpoint
        name = endpoint.description
        self.standing = standing
    }

    func mayServe(at now: UInt64) -> Bool {
        standing == .proven && pausedUntil <= now
    }
}

extension Capabilities {
    /// What both sides have; the smaller of their sizes and limits.
    func intersection(_ other: Capabilities) -> Capabilities {
        var both = Capabilities()
        both.pipelining = pipelining && other.pipelining
        both.size = Self.smaller(size, other.size)
        both.eightBitMIME = eightBitMIME && other.eightBitMIME
        both.binaryMIME = binaryMIME && other.binaryMIME
        both.chunking = chunking && other.chunking
        both.smtputf8 = smtputf8 && other.smtputf8
        both.dsn = dsn && other.dsn
        both.enhancedStatusCodes = enhancedStatusCodes && other.enhancedStatusCodes
        both.requireTLS = requireTLS && other.requireTLS
        both.starttls = starttls && other.starttls
        both.auth = auth.intersection(other.auth)
        both.limits = Self.smaller(limits, other.limits)
        return both
    }

    private static func smaller(_ a: Size?, _ b: Size?) -> Size? {
        switch (a, b) {
        case (.octets(let x), .octets(let y)): .octets(min(x, y))
        case (.octets, _): a
        case (_, .octets): b
        case (nil, nil): nil
        case (.unlimited, _), (_, .unlimited): .unlimited
        }
    }

    private static func smaller(_ a: Limits?, _ b: Limits?) -> Limits? {
        guard let a, let b else { return a ?? b }
        func least(_ x: UInt64?, _ y: UInt64?) -> UInt64? {
            guard let x, let y else { return x ?? y }
            return min(x, y)
        }
        return Limits(
            mailMax: least(a.mailMax, b.mailMax), rcptMax: least(a.rcptMax, b.rcptMax),
            rcptDomainMax: least(a.rcptDomainMax, b.rcptDomainMax))
    }
}
