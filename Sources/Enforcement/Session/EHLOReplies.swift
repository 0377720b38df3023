import Policy
import SMTPSession
import SMTPWire

/// The replies to EHLO of one listener on one worker that were made already: they depend on little, which seldom changes.
struct EHLOReplies {
    private struct Made {
        let context: SessionContext
        let table: BackendTable
        /// Of what the servers offer.
        let revision: UInt64
        let reply: Reply
    }

    /// By what a session adds: whether it is inside TLS, and whether it may log in.
    private var made = InlineArray<4, Made?>(repeating: nil)

    /// The reply for `offer`, which is only asked for what is not known yet.
    mutating func reply(
        _ context: SessionContext, _ table: BackendTable, isTLS: Bool, mayAuthenticate: Bool
    ) -> Reply {
        let index = (isTLS ? 2 : 0) + (mayAuthenticate ? 1 : 0)
        if let known = made[index], known.context === context, known.table === table,
            known.revision == table.revision
        {
            return known.reply
        }
        let offer = Offer(
            rules: context.rules, backend: table.offer, isTLS: isTLS, mayAuthenticate: mayAuthenticate,
            maxMessages: context.limits.maxMessages)
        let reply = Reply(code: 250, lines: [Array(context.hostname.utf8)] + offer.keywords())
        made[index] = Made(context: context, table: table, revision: table.revision, reply: reply)
        return reply
    }
}
