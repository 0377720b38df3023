// Shared by the tests of this module.

import Bytes
import Policy
import SMTPSession
import SMTPWire

func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

func base64(_ text: String) -> [UInt8] { Base64.encode(octets(text)) }

/// The command that `line` is; a NOOP where the test's own line is wrong, which no test expects.
func command(_ line: String) -> Command {
    let bytes = octets(line)
    if case .success(let command) = CommandParser.parse(bytes.span.bytes) { return command }
    return .noop
}

func auth(_ line: String) -> AuthCommand? {
    if case .auth(let auth) = command(line) { auth } else { nil }
}

func taken(_ output: inout OutputBuffer) -> String {
    let bytes = output.pending.withUnsafeBytes { Array($0) }
    output.consume(bytes.count)
    return String(decoding: bytes, as: UTF8.self)
}

let rules = SessionRules(
    offersSTARTTLS: true, offersAUTH: true, offersCHUNKING: true, maxMessageSize: 1000, maxRecipients: 3)

/// Any accepting decision.
let accepted = RuleBook([]).decide(
    .mail, Facts(client: ClientFacts(endpoint: address, local: address), listener: ListenerFacts(name: "l", port: 25)))

let address = Endpoint(address: IPAddress(v4: 0xCB00_7107), port: 4711)

let tlsFacts = TLSFacts(version: .tls13, cipher: "x")
