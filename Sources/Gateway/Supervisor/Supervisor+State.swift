import Reactor
import Telemetry
import Throttle

// Limits, bans and good logins outlive the process: saved every ten seconds and at the end.

extension Supervisor {
    /// Nanoseconds between two saves; a crash forgets what was counted since the last.
    static var saveInterval: UInt64 { 10_000_000_000 }

    func restoreState() {
        guard let stateFile else { return }
        let (snapshot, complaint) = stateFile.load()
        if let complaint { complain(complaint) }
        snapshot?.restore(
            to: compiler.buckets, compiler.peers, now: Instant.current().nanoseconds, wall: WallTime.now().nanoseconds)
        for entry in compiler.peers.bans.all(now: Instant.current().nanoseconds) {
            if case .net(let net) = entry.subject { announce(net) }
        }
    }

    /// Forgets bans that are over and saves the rest, on a thread of its own: a slow disk holds up nobody.
    func keepState() {
        arm(.state, after: Self.saveInterval)
        _ = compiler.peers.bans.removeExpired(now: Instant.current().nanoseconds)
        guard let stateFile, !isSaving else { return }
        isSaving = true
        let (buckets, peers, mailbox) = (compiler.buckets, compiler.peers, mailbox)
        let thread = try? NativeThread.start("state") {
            let complaint = stateFile.save(.current(buckets, peers))
            mailbox.post(.stateSaved(complaint))
        }
        if let thread { saver = thread } else { isSaving = false }
    }

    func stateSaved(_ complaint: String?) {
        saver?.join()
        saver = nil
        isSaving = false
        if let complaint { complain(complaint) }
    }

    /// The last save: nobody counts any more.
    func saveStateAtEnd() {
        saver?.join()
        guard let complaint = stateFile?.save(.current(compiler.buckets, compiler.peers)) else { return }
        complain(complaint)
    }
}

extension StateSnapshot {
    fileprivate static func current(_ buckets: LimitTable, _ peers: PeerBooks) -> StateSnapshot {
        StateSnapshot(
            of: buckets, peers, now: Instant.current().nanoseconds, savedAt: WallTime.now().nanoseconds)
    }
}
