import Enforcement
import Testing

@Suite("What a session costs")
struct SizeTests {
    /// An idle session holds no buffer, so its own value is most of what it costs.
    @Test("A conversation stays within its bytes")
    func size() {
        #expect(MemoryLayout<Conversation>.size <= 2048)
    }
}
