import Testing

@testable import SMTPSession

@Suite struct FIFOTests {
    @Test func `what comes first leaves first, whatever comes and goes between`() {
        var queue = FIFO<Int>()
        var model: [Int] = []
        var state: UInt64 = 7
        for number in 0..<2000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            switch state >> 60 {
            case 0...8:
                queue.append(number)
                model.append(number)
            case 9:
                queue.removeAll { $0 % 3 == 0 }
                model.removeAll { $0 % 3 == 0 }
            default:
                #expect(queue.popFirst() == (model.isEmpty ? nil : model.removeFirst()))
            }
            #expect(queue.first == model.first)
            #expect(queue.count == model.count && queue.isEmpty == model.isEmpty)
        }
        queue.removeAll()
        #expect(queue.isEmpty && queue.popFirst() == nil)
    }

    @Test func `one that never runs empty does not grow`() {
        var queue = FIFO<Int>()
        queue.append(0)
        for number in 1...10_000 {
            queue.append(number)
            #expect(queue.popFirst() == number - 1)
        }
        #expect(queue.count == 1 && queue.elements.capacity < 64)
    }
}
