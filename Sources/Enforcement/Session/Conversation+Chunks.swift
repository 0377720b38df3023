import Bytes
import Policy
import SMTPSession
import SMTPWire

// BDAT (RFC 3030): each chunk's payload is read to its end, whether it is relayed, turned into DATA or refused.

extension Conversation {
    /// Swallows a refused chunk, then answers; one that nobody would read to its end closes the connection.
    mutating func refuseChunk(size: UInt64, last: Bool, _ reply: Reply) {
        if machine.isReceivingContent { abandonChunks() }
        let (bound, overflow) = context.limits.maxMessageSize.addingReportingOverflow(context.limits.maxSizeExcess)
        if !context.limits.chunking || !overflow && size > bound {
            answer(reply, to: .bdat)
            return closeAfterReplies()
        }
        reading = .chunk(ChunkReception(size: size, last: last, sink: .discard(reply)))
        beginClock()
    }

    /// A message whose chunk failed is over (RFC 3030 3): the backend must not end it with a later one.
    private mutating func abandonChunks() {
        dropBackend()
        endOfTransaction()
    }

    mutating func relayChunk(size: UInt64, last: Bool, _ decision: Decision) {
        guard let live = backend.capabilities, let transaction = machine.transaction,
            let permit = decision.permit()
        else {
            refund(.command)
            return refuseChunk(size: size, last: last, Replies.backendUnavailable)
        }
        var reception = ChunkReception(size: size, last: last, sink: .relay)
        if let content = transaction.content {
            transaction.addChunk(size)
            if reception.size == 0, chunks?.scanner.finish() != nil { return refuseUnfinishedLine() }
            return content.isConverted ? receive(reception) : send(&reception, permit)
        }
        var content = MailTransaction.Content(decision: decision, isConverted: !live.chunking)
        content.size = size
        machine.beginContent(content)
        chargeCommand(to: .content)
        observer = context.book.observation.map { HeaderObserver($0, isStuffed: false) }
        chunks = ChunkStream(
            scanner: ChunkScanner(binary: transaction.mail.body == .binaryMIME),
            stuffer: live.chunking ? nil : DotStuffer())
        if live.chunking { return send(&reception, permit) }
        backend.send(.data, permit: permit, to: &toBackend)
        reading = .paused(.backend(.chunkGoAhead(reception)))
        server.since = now
    }

    /// A message whose chunks ended with CR, and then ended.
    private mutating func refuseUnfinishedLine() {
        note(.bareCR)
        refuseChunk(size: 0, last: true, Replies.bareNewlineInContent)
    }

    /// Announces a chunk to a backend with CHUNKING and lets the payload follow.
    private mutating func send(_ reception: inout ChunkReception, _ permit: consuming Permit) {
        reception.holdsEnd = reception.last && context.book.hasRules(at: .message)
        let last = reception.last && !reception.holdsEnd
        backend.send(.chunk(size: reception.size, last: last), permit: permit, to: &toBackend)
        server.since = now
        receive(reception)
    }

    private mutating func receive(_ reception: ChunkReception) {
        reading = .chunk(reception)
        beginClock()
    }

    /// Reads on in a chunk; false when more is needed.
    mutating func readChunk(_ reception: ChunkReception) -> Bool {
        var reception = reception
        if reception.remaining == 0 {
            chunkEnded(reception)
            return true
        }
        guard !fromClient.isEmpty, !isBackendBehind else { return false }
        if fromClient.isFull { fromClient.isWide = true }
        let count = Int(min(UInt64(fromClient.count), reception.remaining))
        reception.remaining -= UInt64(count)
        if case .relay = reception.sink { relayPayload(count, &reception) } else { fromClient.consume(count) }
        reading = .chunk(reception)
        return true
    }

    private mutating func relayPayload(_ count: Int, _ reception: inout ChunkReception) {
        guard var stream = chunks else { return fromClient.consume(count) }
        observe(count)
        let step = stream.scanner.scan(fromClient.unread.extracting(0..<count))
        // A CR that ends the message is bare, and shows only when nothing follows.
        let violation =
            step.violation ?? (reception.last && reception.remaining == 0 ? stream.scanner.finish() : nil)
        if let violation {
            fromClient.consume(count)
            note(violation)
            reception.sink = .discard(Replies.bareNewlineInContent)
            return abandonChunks()
        }
        if stream.stuffer != nil {
            stream.stuff(first: count, of: fromClient, into: &toBackend)
            fromClient.consume(count)
        } else {
            pass(count, of: count)
        }
        chunks = stream
    }

    /// The payload is complete.
    private mutating func chunkEnded(_ reception: ChunkReception) {
        switch reception.sink {
        case .discard(let reply):
            // The last chunk ends a message that was lost; without it the client has to say RSET.
            if reception.last, case .lost = machine.transaction?.relayed { endOfTransaction() }
            answer(reply, to: .bdat)
            startReading()
        case .relay where machine.transaction?.content?.isConverted == true:
            convertedChunkEnded(reception)
        case .relay:
            server.since = now
            reading = .paused(.backend(.chunk(size: reception.size, last: reception.last)))
        }
    }

    private mutating func convertedChunkEnded(_ reception: ChunkReception) {
        guard reception.last else {
            answer(Replies.chunkTaken(reception.size), to: .bdat)
            return startReading()
        }
        facts.message.size = chunks?.scanner.contentOctets ?? 0
        chunks?.stuffer?.finish(into: &toBackend)
        giveEnd(of: .bdat)
    }

    // MARK: The backend's answers

    /// 354 to the DATA that stands for the first chunk.
    mutating func chunkGoAheadAnswered(_ reply: Reply, _ reception: ChunkReception) {
        switch reply.code / 100 {
        case 3 where reply.code == 354:
            receive(reception)
        case 4, 5:
            machine.contentRefused()
            chunks = nil
            refund(.content)
            reading = .chunk(ChunkReception(size: reception.size, last: reception.last, sink: .discard(reply)))
            beginClock()
        case _:
            backendFailed(.unexpectedReply(reply))
        }
    }

    mutating func chunkAnswered(_ reply: Reply, size: UInt64, last: Bool, wasLastThere: Bool) {
        guard reply.isPositive || reply.code >= 400 else { return backendFailed(.unexpectedReply(reply)) }
        facts.message.size = chunks?.scanner.contentOctets ?? 0
        if last, wasLastThere {
            endOfDataAnswered(reply, to: .bdat)
            // RFC 3030 leaves open what a server keeps of a message whose last chunk it refused.
            if !reply.isPositive { server.hasTransaction = true }
            return
        }
        if !reply.isPositive {
            endOfTransaction()
            answer(reply, to: .bdat)
            return startReading()
        }
        if last { return giveLastChunk() }
        answer(Replies.chunkTaken(size), to: .bdat)
        startReading()
    }

    /// All chunks are at the backend but the end: stage `message` decides between `BDAT 0 LAST` and RSET.
    private mutating func giveLastChunk() {
        learnHeader()
        if let decision = decide(.message, paying: .content, for: .lastChunk) { lastChunkJudged(decision) }
    }

    mutating func lastChunkJudged(_ decision: Decision) {
        if let refusal = decision.verdict.refusal {
            reportRefusal("END-OF-MESSAGE", decision, refusal)
            endOfTransaction()
            answer(signed(refusal), to: .bdat)
            startReading()
            if case .drop = decision.verdict { closeAfterReplies() }
        } else if let permit = decision.permit() {
            backend.send(.chunk(size: 0, last: true), permit: permit, to: &toBackend)
            reading = .paused(.backend(.chunk(size: 0, last: true)))
            server.since = now
        }
    }
}
