import Bytes
import SMTPWire

/// What the next line of an AUTH exchange is (RFC 4954).
enum SinkLogin {
    case plain
    case loginName
    case loginPassword(name: [UInt8])
}

extension SinkSession {
    /// Who has logged in, here or, as XCLIENT said, at the proxy.
    var login: String? { user ?? identity?.login }

    func beginLogin(_ auth: AuthCommand) {
        guard helo != nil else { return reply(503, "5.5.1 Error: send EHLO first") }
        guard !server.options.users.isEmpty else { return reply(503, "5.5.1 Error: authentication not enabled") }
        guard login == nil else { return reply(503, "5.5.1 Error: already authenticated") }
        guard transaction == nil else { return reply(503, "5.5.1 Error: MAIL transaction in progress") }
        switch auth.mechanism {
        case .plain: exchange(.plain, auth.initialResponse, challenge: "")
        case .login: exchange(.loginName, auth.initialResponse, challenge: "VXNlcm5hbWU6")
        case .cramMD5, .scramSHA1, .scramSHA256, .scramSHA512, .xoauth2, .oauthbearer, nil:
            reply(504, "5.5.4 Error: authentication mechanism not available")
        }
    }

    private func exchange(_ first: SinkLogin, _ initial: InitialResponse, challenge: String) {
        switch initial {
        case .none:
            mode = .login(first)
            reply(334, challenge)
        case .empty: loginResponded([], to: first)
        case .base64(let text): loginResponded(text, to: first)
        }
    }

    /// `line` is base64, or `*` to give up.
    func loginResponded(_ line: [UInt8], to login: SinkLogin) {
        mode = .command
        if line == Array("*".utf8) { return reply(501, "5.7.0 Authentication aborted") }
        guard let response = Base64.decode(line) else { return reply(501, "5.5.2 Error: malformed base64") }
        switch login {
        case .plain:
            let parts = response.split(separator: 0, omittingEmptySubsequences: false).map(Array.init)
            guard parts.count == 3 else { return reply(501, "5.5.2 Error: malformed authentication response") }
            judge(name: parts[1], password: parts[2])
        case .loginName:
            mode = .login(.loginPassword(name: response))
            reply(334, "UGFzc3dvcmQ6")
        case .loginPassword(let name):
            judge(name: name, password: response)
        }
    }

    private func judge(name: [UInt8], password: [UInt8]) {
        let found = server.options.users.first { Array($0.name.utf8) == name && Array($0.password.utf8) == password }
        guard let found else { return reply(535, "5.7.8 Error: authentication failed: wrong name or password") }
        user = found.name
        reply(235, "2.7.0 Authentication successful")
    }
}
