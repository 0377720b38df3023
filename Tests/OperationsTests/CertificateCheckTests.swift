import Configuration
import Diagnostics
import Gateway
import Reactor
import TLSTransport
import Testing

@Suite("Looking into certificates")
struct CertificateCheckTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func write(_ name: String, days: Int) throws -> CertificateFiles {
        try ThrowawayCertificate(names: ["mail.example.org"], days: days).write(to: folder.path, name: name)
    }

    private func problems(_ chain: String, _ key: String) -> [CertificateProblem] {
        CertificateCheck.inspect(chain: chain, key: key)
    }

    @Test("A good pair has no problem")
    func good() throws {
        let files = try write("good", days: 30)
        #expect(problems(files.chain, files.key).isEmpty)
    }

    @Test("One that has expired or soon will is a warning", arguments: [(-1, "expired on"), (10, "expires on")])
    func expiry(days: Int, text: String) throws {
        let files = try write("old", days: days)
        let problem = try #require(problems(files.chain, files.key).first)
        #expect(problem.severity == .warning)
        #expect(problem.file == .chain)
        #expect(problem.message.contains(text))
    }

    @Test("A key of another certificate is an error at the key")
    func mismatch() throws {
        let (one, other) = (try write("one", days: 30), try write("other", days: 30))
        let problem = try #require(problems(one.chain, other.key).first)
        #expect(problem.severity == .error)
        #expect(problem.file == .key)
        #expect(problem.hint == "this key does not belong to the chain")
    }

    @Test("Files that hold something else are errors where they stand")
    func swapped() throws {
        let files = try write("one", days: 30)
        #expect(problems(files.key, files.key).map(\.file) == [.chain])
        #expect(problems(files.chain, files.chain).map(\.file) == [.key])
        #expect(problems(folder.path + "/missing", files.key).map(\.severity) == [.error])
    }
}
