/// Answers whatever it hears as a server in a good mood does.
struct ObligingBackend {
    let capabilities: [String]
    private var challengesLeft = 0

    init(capabilities: [String]) {
        self.capabilities = capabilities
    }

    static let greeting = octets("220 be ESMTP\r\n")

    mutating func reply(to heard: BackendWire.Heard) -> [UInt8] {
        switch heard {
        case .command(let line): octets(answer(line))
        case .response: octets(challenge())
        case .content, .chunk: octets("250 2.0.0 queued as 1\r\n")
        }
    }

    private mutating func answer(_ line: String) -> String {
        switch line.prefix(4) {
        case "EHLO", "HELO":
            let lines = ["be"] + capabilities
            return lines.dropLast().map { "250-\($0)\r\n" }.joined() + "250 \(lines[lines.count - 1])\r\n"
        case "STAR", "XCLI": return "220 go on\r\n"
        case "DATA": return "354 go on\r\n"
        case "AUTH":
            let isLogin = line.hasPrefix("AUTH LOGIN")
            let hasInitial = line.split(separator: " ").count > 2
            challengesLeft = (isLogin ? 2 : 1) - (hasInitial ? 1 : 0)
            return challenge()
        case "QUIT": return "221 bye\r\n"
        case _: return "250 2.1.0 ok\r\n"
        }
    }

    private mutating func challenge() -> String {
        guard challengesLeft > 0 else { return "235 2.7.0 ok\r\n" }
        challengesLeft -= 1
        return "334 VXNlcm5hbWU6\r\n"
    }
}
