import Bytes
import SMTPWire

/// Base64, xtext, the names in logins, and XCLIENT, which tells them to the backend.
enum CredentialTarget {
    static func check(_ input: [UInt8]) throws(Complaint) {
        try checkBase64(input)
        try checkXText(input)
        let message = Base64.decode(input) ?? input
        for mechanism in AuthMechanism.allCases {
            guard let name = LoginLearner.learn(mechanism, from: message) else { continue }
            for bytes in [name.authcid, name.authzid ?? name.authcid] { try checkName(bytes) }
            try checkXClient(input, login: name.authcid)
        }
        try checkXClient(input, login: nil)
    }

    private static func checkBase64(_ input: [UInt8]) throws(Complaint) {
        if let decoded = Base64.decode(input) {
            try require(Base64.encode(decoded) == input, "\(shown(input)) is base64 in two forms")
        }
        try require(Base64.decode(Base64.encode(input)) == input, "\(shown(input)) is lost in base64")
    }

    private static func checkXText(_ input: [UInt8]) throws(Complaint) {
        if let decoded = XText.decode(input) {
            try require(XText.decode(XText.encode(decoded)) == decoded, "\(shown(input)) changes in xtext")
        }
        let text = XText.encode(input)
        try require(XText.decode(text) == input, "\(shown(input)) is lost in xtext")
        try require(text.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x3D }, "\(shown(text)) is no xtext")
    }

    private static func checkName(_ name: [UInt8]) throws(Complaint) {
        try require((1...255).contains(name.count), "a name of \(name.count) octets")
        guard let text = String(validating: name, as: UTF8.self) else { throw Complaint(text: "not UTF-8") }
        let hasControls = text.unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }
        try require(!hasControls, "control characters in \(shown(name))")
    }

    /// Whatever the values, it is one line of at most 512 octets whose words are attributes.
    private static func checkXClient(_ input: [UInt8], login: [UInt8]?) throws(Complaint) {
        let v4 = Endpoint(address: IPAddress(v4: 0xCB00_7107), port: 4711)
        let v6 = Endpoint(address: IPAddress(high: 0x2001_0DB8 << 32, low: 1), port: 25)
        var command = XClient(client: v4, destination: v6)
        command.name = input
        command.reverseName = input
        command.helo = input
        command.login = login
        let attributes = XClientAttributes(rawValue: 0x1FF)
        var result: [UInt8] = []
        do throws(XClientFault) {
            result = try written { output throws(XClientFault) in try command.encode(offered: attributes, to: &output) }
        } catch {
            return try require(login != nil, "without a login: \(error)")
        }
        try require(result.count <= XClient.maxLine, "\(result.count) octets")
        try require(result.suffix(2) == [ASCII.cr, ASCII.lf], "no CRLF ends \(shown(result))")
        let words = result.dropLast(2).split(separator: ASCII.space, omittingEmptySubsequences: false)
        for word in words.dropFirst() {
            let isPlain = word.allSatisfy { (0x21...0x7E).contains($0) }
            try require(isPlain && word.count { $0 == ASCII.equals } == 1, "\(shown(Array(word))) in XCLIENT")
        }
        guard let login else { return }
        let told = words.first { $0.starts(with: octets("LOGIN=")) }.map { XText.decode(Array($0.dropFirst(6))) }
        try require(told == login, "LOGIN tells another name: \(shown(result))")
    }
}
