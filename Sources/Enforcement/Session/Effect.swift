public import Policy
public import Throttle

/// What a conversation asks its driver to do, in this order.
///
/// Values only: proofs are made and consumed in the driver's calls.
public enum Effect: Equatable, Sendable {
    /// Write all of `toClient`, prove that `fromClient` is drained, then shake hands as server.
    case secureClient
    /// Write what waits for the client, then close.
    case closeClient
    /// Connect to this server of the backend's table.
    case connectBackend(server: Int)
    /// Write all of `toBackend`, prove that `fromBackend` is drained, then shake hands as client.
    case secureBackend
    /// Write all of `toClient`, then end that direction; the other goes on.
    case shutClient
    /// Write all of `toBackend`, then end that direction; the other goes on.
    case shutBackend
    /// Close at once; what was not written is lost on purpose.
    case abortBackend
    case report(SessionReport)
    /// Tell the operator.
    indirect case notify(Notice)
    /// Ask the shared store, and give the answer to `storeAnswered` with this number; nothing else is decided before.
    indirect case askStore(StoreQuestion, number: UInt32)
    /// Give charges back that the shared store has made.
    indirect case refundStore([StoreReceipt])
    /// Nothing will follow: both connections may go.
    case finished
}
