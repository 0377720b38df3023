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
        facts.message.receivedCount = observer.receivedCount
        facts.message.lineMax = observer.lineMax
        facts.message.fromCount = observer.fromCount
        facts.message.subject = observer.subject.map { Array($0.drop { $0 == ASCII.space || $0 == ASCII.tab }) }
        if observer.fromCount == 1, let mailbox = observer.from.flatMap(FromMailbox.init) {
            facts.message.from = (mailbox.address, mailbox.domain)
        }
    }
}
