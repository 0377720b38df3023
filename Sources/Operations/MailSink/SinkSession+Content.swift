import Bytes
import SMTPWire

// What stands between DATA or BDAT and the reply to it.
extension SinkSession {
    func beginData() {
        guard let transaction else { return reply(503, "5.5.1 Error: need MAIL command") }
        guard !transaction.hasChunks else { return reply(503, "5.5.1 Error: DATA after BDAT") }
        guard !transaction.recipients.isEmpty else { return reply(554, "5.5.1 Error: no valid recipients") }
        scanner = DataScanner()
        mode = .data
        reply(354, "End data with <CR><LF>.<CR><LF>")
    }

    func beginChunk(size: UInt64, last: Bool) {
        mode = .chunk(SinkChunk(size: size, remaining: size, isLast: last, refusal: chunkRefusal))
        transaction?.hasChunks = true
    }

    private var chunkRefusal: Reply? {
        guard let transaction else { return Reply(503, "5.5.1 Error: need MAIL command") }
        return transaction.recipients.isEmpty ? Reply(554, "5.5.1 Error: no valid recipients") : nil
    }

    func take(_ block: RawSpan) {
        transaction?.octets += UInt64(block.byteCount)
        guard let octets = transaction?.octets, octets <= server.options.maxMessageSize, server.shelf.wantsContent
        else {
            return
        }
        block.withUnsafeBytes { transaction?.content.append(contentsOf: $0) }
    }

    func take(_ text: StaticString) {
        guard text.utf8CodeUnitCount > 0 else { return }
        take(Array("\(text)".utf8).span.bytes)
    }

    func finishData() {
        let content = DotStuffing.removed(from: transaction?.content ?? [])
        transaction?.content = content
        finishMessage()
    }

    func finishChunk(_ chunk: SinkChunk) {
        mode = .command
        if let refusal = chunk.refusal { return reply(refusal) }
        guard chunk.isLast else { return reply(250, "2.0.0 Ok: \(chunk.size) octets") }
        finishMessage()
    }

    private func finishMessage() {
        guard let transaction else { return endTransaction(Reply(503, "5.5.1 Error: need MAIL command")) }
        guard transaction.octets <= server.options.maxMessageSize else {
            return endTransaction(Reply(552, "5.3.4 Error: message size exceeds limit"))
        }
        guard let id = server.shelf.put(message(transaction)) else {
            return endTransaction(Reply(451, "4.3.0 Error: queue file write error"))
        }
        endTransaction(Reply(250, "2.0.0 Ok: queued as \(id)"))
    }

    func endTransaction(_ answer: Reply) {
        mode = .command
        transaction = nil
        reply(answer)
    }

    private func message(_ transaction: SinkTransaction) -> SunkMessage {
        SunkMessage(
            number: 0, client: client, helo: helo ?? identity?.helo ?? "", login: login,
            sender: transaction.sender.map(Self.text) ?? "", recipients: transaction.recipients.map(Self.text),
            content: transaction.content)
    }

    private var client: String {
        guard let address = identity?.address else { return peer.map { "\($0)" } ?? "unknown" }
        return "\(Endpoint(address: address, port: identity?.port ?? 0))"
    }

    private static func text(_ mailbox: Mailbox) -> String {
        String(decoding: mailbox.bytes, as: UTF8.self)
    }
}
