import Bytes
import Policy
import SMTPSession

// TLS between an intercepted client and the server that it meant: octets go from the one to the other as they come.
//
// Each direction holds at most what one buffer above its high-water mark may hold: a side that does not read stops the
// other. The end of one direction is passed on when everything before it is, and the other direction goes on.

/// How far a spliced connection is.
struct Splice {
    /// The client sends no more.
    var isClientDone = false
    /// The server sends no more.
    var isServerDone = false
}

extension Conversation {
    /// Nanoseconds in which neither side may be silent: what they wait for is not seen, so the longest wait counts.
    var splicedSilence: UInt64 {
        max(context.timeouts.client.command, context.timeouts.backend.endOfData)
    }

    /// The 220 was written into `toClient`, so nothing of the server's can come before it.
    mutating func beginSplice() {
        reading = .spliced(Splice())
        if client.isAtEnd { clientDone() }
        splicedOn()
    }

    /// The server has sent something that is for the client; until its 220 is on its way it waits.
    mutating func serverSent() {
        guard case .spliced = reading else { return }
        splicedOn()
    }

    /// Something has moved.
    mutating func splicedOn() {
        guard case .spliced = reading else { return }
        client.since = now
        if !fromClient.isEmpty, !toBackend.isAboveHighWater {
            toBackend.append(first: fromClient.count, of: fromClient)
            fromClient.consume(fromClient.count)
        }
        if !fromBackend.isEmpty, !toClient.isAboveHighWater {
            toClient.append(first: fromBackend.count, of: fromBackend)
            fromBackend.consume(fromBackend.count)
        }
        keepTime()
        endSpliceIfDone()
    }

    // MARK: Ends

    mutating func clientDone() {
        guard case .spliced(var splice) = reading, !splice.isClientDone else { return }
        splice.isClientDone = true
        reading = .spliced(splice)
        effects.append(.shutBackend)
        splicedOn()
    }

    mutating func serverEnded() {
        guard case .spliced(var splice) = reading, !splice.isServerDone else { return }
        splice.isServerDone = true
        reading = .spliced(splice)
        effects.append(.shutClient)
        splicedOn()
    }

    /// Both have ended, and the server has all of it; what waits for the client is written before it is closed.
    private mutating func endSpliceIfDone() {
        guard case .spliced(let splice) = reading, splice.isClientDone, splice.isServerDone, fromClient.isEmpty,
            fromBackend.isEmpty, toBackend.isEmpty
        else { return }
        endSession()
    }
}
