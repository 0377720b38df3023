import Bytes
import Policy

// What rules ask about a message's content is learnt while the content streams by.

extension Conversation {
    /// The first `count` octets of `fromClient` are content.
    mutating func observe(_ count: Int) {
        guard var observer else { return }
        // The copy must not share its buffers with the stored value while it grows.
        self.observer = nil
        observer.observe(fromClient.unread.extracting(first: count))
        self.observer = observer
    }

    /// The content is complete.
    mutating func learnHeader() {
        guard var observer else { return }
        observer.finish()
        self.observer = nil
        let mailbox = observer.fromCount == 1 ? observer.from.flatMap(FromMailbox.init) : nil
        facts.message.content = ContentFacts(
            receivedCount: observer.receivedCount, lineMax: observer.lineMax, fromCount: observer.fromCount,
            from: mailbox.map { ($0.address, $0.domain) },
            subject: observer.subject.map { Array($0.drop { $0 == ASCII.space || $0 == ASCII.tab }) })
    }
}
