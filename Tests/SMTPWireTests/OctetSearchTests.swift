import Testing

@testable import SMTPWire

@Suite struct OctetSearchTests {
    /// Mostly clean text, so that runs are long and hits fall on every place of a vector.
    private func block(_ numbers: inout Numbers) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<(numbers.next() % 6) {
            bytes += [UInt8](repeating: 0x78, count: Int(numbers.next() % 60))
            switch numbers.next() % 8 {
            case 0: bytes.append(0x0D)
            case 1: bytes.append(0x0A)
            case 2: bytes.append(0)
            case 3: bytes += [0x0D, 0x0A, 0x2E]
            default: bytes += [0x0D, 0x0A]
            }
        }
        return bytes
    }

    private func isClean(_ bytes: [UInt8], _ index: Int, dots: Bool) -> Bool {
        let before = bytes[index - 1]
        if (bytes[index] == 0x0A) != (before == 0x0D) || bytes[index] == 0 { return false }
        return !(dots && bytes[index] == 0x2E && before == 0x0A)
    }

    @Test func `a clean run is what the scalar test says, and ends only at a dirty step`() {
        var numbers = Numbers(state: 3)
        for round in 0..<3000 {
            let bytes = block(&numbers)
            guard bytes.count > 1 else { continue }
            let start = 1 + Int(numbers.next() % UInt64(bytes.count - 1))
            let dots = round % 2 == 0
            let end = OctetSearch.cleanRun(bytes.span.bytes, from: start, dots: dots)
            let portable = OctetSearch.portableCleanRun(bytes.span.bytes, from: start, dots: dots)
            if portable != end { Issue.record("\(bytes) from \(start): \(end), elsewhere \(portable)") }
            let allClean = (start..<end).allSatisfy { isClean(bytes, $0, dots: dots) }
            let next = end..<min(end + OctetSearch.width, bytes.count)
            let stopped = next.count < OctetSearch.width || !next.allSatisfy { isClean(bytes, $0, dots: dots) }
            if !allClean || !stopped || (end - start) % OctetSearch.width != 0 {
                Issue.record("\(bytes) from \(start): \(end)")
            }
        }
    }

    @Test func `the first break and the first LF are where the scalar search finds them`() {
        var numbers = Numbers(state: 4)
        for _ in 0..<3000 {
            let bytes = block(&numbers)
            let start = Int(numbers.next() % UInt64(bytes.count + 1))
            let firstBreak = bytes.indices.first { $0 >= start && [0, 10, 13].contains(bytes[$0]) } ?? bytes.count
            let firstLF = bytes.indices.first { $0 >= start && bytes[$0] == 10 }
            if OctetSearch.firstBreak(bytes.span.bytes, from: start) != firstBreak { Issue.record("\(bytes)") }
            if OctetSearch.firstLF(bytes.span.bytes, from: start) != firstLF { Issue.record("\(bytes)") }
        }
    }

    @Test func `the first unprintable octet is where the scalar search finds it, for every octet in every place`() {
        for octet in UInt8.min...UInt8.max {
            for place in 0..<40 {
                var bytes = [UInt8](repeating: 0x78, count: 40)
                bytes[place] = octet
                let expected = (0x20...0x7E).contains(octet) ? 40 : place
                for start in [0, 1, place] {
                    let found = OctetSearch.firstUnprintable(bytes.span.bytes, from: start)
                    if found != (start > place ? 40 : expected) { Issue.record("\(octet) at \(place) from \(start)") }
                }
            }
        }
        #expect(OctetSearch.firstUnprintable([UInt8]().span.bytes, from: 0) == 0)
    }

    @Test func `octets are the same only if all are`() {
        let bytes = [UInt8](0..<40)
        for place in bytes.indices {
            var other = bytes
            other[place] ^= 0x80
            #expect(!OctetSearch.areEqual(bytes, other))
        }
        #expect(OctetSearch.areEqual(bytes, Array(bytes)))
        #expect(!OctetSearch.areEqual(bytes, bytes.dropLast()))
        #expect(OctetSearch.areEqual([], []))
    }

    @Test func `the first octet has nothing before it and is left to the caller`() {
        let bytes = [UInt8](repeating: 0x78, count: 64)
        #expect(OctetSearch.cleanRun(bytes.span.bytes, from: 0, dots: true) == 0)
    }
}
