import Bytes
import Configuration
import Foundation
import Reactor
import TLSTransport

/// The folder of a demonstration: messages, a throw-away certificate, a configuration, the decision log.
struct DemoPlace: Sendable {
    static let hostname = "mail.example.org"
    static let domain = "example.org"
    static let user = MailSinkUser("alice", password: "secret")

    /// Absolute.
    let folder: String

    var mail: String { folder + "/mail" }
    var log: String { folder + "/decisions.log" }
    var socket: String { folder + "/control.sock" }
    var configuration: String { folder + "/portreeve.yaml" }

    /// Makes the folder, or uses the one that was named.
    init(_ named: String?) throws(DemoFailure) {
        do {
            if let named {
                folder = URL(fileURLWithPath: named).path
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            } else {
                folder = try Self.temporary()
            }
            try FileManager.default.createDirectory(atPath: folder + "/mail", withIntermediateDirectories: true)
            // Decisions of an earlier demonstration would be taken for ours.
            try Data().write(to: URL(fileURLWithPath: folder + "/decisions.log"))
        } catch {
            throw DemoFailure("cannot make the folder: \(error)")
        }
    }

    private static func temporary() throws -> String {
        var template = Array("/tmp/portreeve-demo-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Errno.last }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Writes a new certificate and the configuration, and reads the plan back as `run` would.
    func plan(base: UInt16, sink: Endpoint) throws(DemoFailure) -> RunPlan {
        do {
            let names = [Self.hostname, "localhost", "127.0.0.1"]
            _ = try ThrowawayCertificate(names: names).write(to: folder, name: "certificate")
            let text = text(base: base, sink: sink)
            try Data(text.utf8).write(to: URL(fileURLWithPath: configuration))
        } catch {
            throw DemoFailure("\(folder): \(error)")
        }
        let outcome = Configuration.load(path: configuration)
        guard let plan = outcome.plan else { throw DemoFailure("\n\(outcome.rendered())") }
        return plan
    }

    func text(base: UInt16, sink: Endpoint) -> String {
        func bind(_ port: DemoPort) -> String { "bind: [\"127.0.0.1:\(port.number(base))\"]" }
        return """
            # Written by `portreeve demo`; `portreeve run` takes it too, while the demonstration's mail sink runs.
            version: 1
            hostname: \(Self.hostname)
            domains: [\(Self.domain)]
            listeners:
              inbound:     { \(bind(.inbound)), backend: inbound, policies: [inbound] }
              submission:  { \(bind(.submission)), backend: submit, policies: [submission] }
              alternate:   { \(bind(.alternate)), backend: submit, policies: [submission] }
              submissions: { \(bind(.submissions)), backend: submit, policies: [submission], tls: implicit }
            certificates:
              - { names: [\(Self.hostname), localhost], chain: certificate.pem, key: certificate.key }
            backends:
              inbound: { servers: ["\(sink)"], identity: xclient }
              submit:  { servers: ["\(sink)"], identity: xclient, auth: relay }
            protocol: { connection_rate: 6000/min }
            admin: { socket: control.sock }
            log: { format: json, to: ./decisions.log }

            """
    }
}
