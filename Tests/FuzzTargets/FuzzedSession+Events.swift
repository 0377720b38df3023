import Bytes
import Enforcement

// The alphabet of events; a letter that means nothing now does nothing.

extension FuzzedSession {
    func happens(_ letter: UInt8, _ argument: [UInt8]) throws(Complaint) {
        switch UnicodeScalar(letter) {
        case "C": try clientSends(argument, piece: .max)
        case "c": try clientSends(argument, piece: 1)
        case "B": try backendSays(argument, piece: .max)
        case "b": try backendSays(argument, piece: 1)
        case "R": if !isClientGone { try clientReads(amount(argument)) }
        case "W": if link == .open { try backendReads(amount(argument)) }
        case "r": clientReads.toggle()
        case "w": backendReads.toggle()
        case "h": isHolding.toggle()
        case "t": try passTime(argument)
        case "T": try deadlineComes()
        case "L": source.current = setting.reloaded
        case "d": conversation.drain(now: now)
        case "q", "Q": clientLeaves(isBroken: letter == UInt8(ascii: "Q"))
        case "s", "S": clientHandshakeEnds(isGood: letter == UInt8(ascii: "s"))
        case "k", "f", "u", "e", "E", "z": linkChanges(letter)
        case _: break
        }
    }

    private func amount(_ argument: [UInt8]) -> Int {
        Int(argument.first ?? 255)
    }

    // MARK: The client

    private func clientSends(_ bytes: [UInt8], piece: Int) throws(Complaint) {
        var rest = bytes[...]
        while !rest.isEmpty, maySend {
            let count = conversation.fromClient.append(rest.prefix(piece))
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
            conversation.clientSent(count, now: now)
            try settle()
        }
    }

    private var maySend: Bool {
        !isClientGone && !isClientClosed && !isClientAtEnd && !isHandshakingClient && conversation.wantsClientInput
    }

    private func clientLeaves(isBroken: Bool) {
        guard !isClientGone, !isClientClosed else { return }
        if isBroken {
            isClientGone = true
            conversation.clientBroke(now: now)
        } else if !isClientAtEnd {
            isClientAtEnd = true
            conversation.clientEnded(now: now)
        }
    }

    private func clientHandshakeEnds(isGood: Bool) {
        guard isHandshakingClient, !isClientGone, !isClientClosed, conversation.toClient.isEmpty else { return }
        if isGood { return secureClient() }
        isHandshakingClient = false
        conversation.clientSecurityFailed("no handshake", now: now)
    }

    // MARK: The backend

    private func backendSays(_ bytes: [UInt8], piece: Int) throws(Complaint) {
        var rest = bytes[...]
        while !rest.isEmpty, link == .open {
            let part = Array(rest.prefix(min(piece, BufferPool.blockSize)))
            rest = rest.dropFirst(part.count)
            backendSends(part)
            try settle()
        }
    }

    private func linkChanges(_ letter: UInt8) {
        switch (UnicodeScalar(letter), link) {
        case ("k", .connecting): connect()
        case ("f", .connecting): conversation.backendConnectFailed("refused", now: now)
        case ("u", .connecting): conversation.backendIsBusy(now: now)
        case ("e", .handshaking): if conversation.toBackend.isEmpty { secureBackend() }
        case ("E", .handshaking): conversation.backendSecurityFailed("no handshake", now: now)
        case ("z", .open), ("z", .handshaking): conversation.backendEnded(now: now)
        case _: break
        }
    }

    // MARK: Time

    /// Two to the power of the argument, in nanoseconds.
    private func passTime(_ argument: [UInt8]) throws(Complaint) {
        now += 1 << UInt64(amount(argument) % 40)
        if now >= conversation.deadline { try deadlineComes() }
    }

    /// A deadline that is met moves.
    private func deadlineComes() throws(Complaint) {
        guard conversation.deadline < .max else { return }
        now = max(now, conversation.deadline)
        for _ in 0..<20 where conversation.deadline <= now {
            conversation.deadlinePassed(now: now)
            try settle()
        }
        try require(isFinished || conversation.deadline > now, "a deadline that does not move")
    }
}
