// Finds the octets that end lines or break them, 32 at a step. The scalar forms are the reference in the tests.

import Bytes
import COctets

enum OctetSearch {
    /// Named in full everywhere: with inferred types the compiler takes the generic operators, which are scalar loops.
    private typealias Mask = SIMDMask<SIMD32<Int8>>

    static let width = SIMD32<UInt8>.scalarCount

    /// The offset of the first CR, LF or NUL at or behind `start`, or the length of `bytes`.
    static func firstBreak(_ bytes: RawSpan, from start: Int) -> Int {
        var offset = max(0, start)
        #if arch(x86_64)
            offset = unsafe bytes.withUnsafeBytes { octets in
                guard let base = octets.baseAddress else { return offset }
                return unsafe Int(reeve_first_break(base, offset, octets.count))
            }
        #else
            while bytes.byteCount - offset >= width {
                let octets = load(bytes, offset)
                if isHit(equal(octets, ASCII.cr) .| equal(octets, ASCII.lf) .| equal(octets, ASCII.nul)) { break }
                offset += width
            }
        #endif
        while offset < bytes.byteCount, !isBreak(bytes.octet(offset)) { offset += 1 }
        return offset
    }

    /// Whether both are the same octets.
    static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        guard a.count == b.count else { return false }
        return unsafe a.withUnsafeBufferPointer { a in
            unsafe b.withUnsafeBufferPointer { b in
                guard let first = a.baseAddress, let second = b.baseAddress else { return true }
                return unsafe reeve_same(first, second, a.count)
            }
        }
    }

    /// The offset of the first octet outside printable ASCII at or behind `start`, or the length of `bytes`.
    static func firstUnprintable(_ bytes: RawSpan, from start: Int) -> Int {
        unsafe bytes.withUnsafeBytes { octets in
            guard let base = octets.baseAddress, start < octets.count else { return octets.count }
            return unsafe Int(reeve_first_unprintable(base, max(0, start), octets.count))
        }
    }

    /// The offset of the first LF at or behind `start`, or nil.
    static func firstLF(_ bytes: RawSpan, from start: Int) -> Int? {
        var offset = max(0, start)
        while bytes.byteCount - offset >= width {
            if isHit(equal(load(bytes, offset), ASCII.lf)) { break }
            offset += width
        }
        while offset < bytes.byteCount {
            if bytes.octet(offset) == ASCII.lf { return offset }
            offset += 1
        }
        return nil
    }

    /// How far `bytes` is clean from `start` on, in whole steps of 32: `start` plus a multiple of 32.
    ///
    /// Clean: every LF follows a CR and every CR is followed by an LF, no NUL, and with `dots` no dot begins a line.
    /// The octet before `start` must exist; a CR that ends the run is not judged yet.
    static func cleanRun(_ bytes: RawSpan, from start: Int, dots: Bool) -> Int {
        guard start > 0, bytes.byteCount - start >= width else { return start }
        #if arch(x86_64)
            return unsafe bytes.withUnsafeBytes { octets in
                guard let base = octets.baseAddress else { return start }
                return unsafe Int(reeve_clean_run(base, start, octets.count, dots))
            }
        #else
            return portableCleanRun(bytes, from: start, dots: dots)
        #endif
    }

    /// The same in Swift, with the registers that every processor has.
    static func portableCleanRun(_ bytes: RawSpan, from start: Int, dots: Bool) -> Int {
        guard start > 0 else { return start }
        var offset = start
        while bytes.byteCount - offset >= width {
            let here = load(bytes, offset)
            let before = load(bytes, offset - 1)
            let torn = equal(here, ASCII.lf) .^ equal(before, ASCII.cr)
            let dotted = equal(here, ASCII.dot) .& equal(before, ASCII.lf)
            if isHit(torn .| equal(here, ASCII.nul)) || (dots && isHit(dotted)) { break }
            offset += width
        }
        return offset
    }

    @inline(__always)
    private static func isBreak(_ octet: UInt8) -> Bool {
        octet == ASCII.cr || octet == ASCII.lf || octet == ASCII.nul
    }

    @inline(__always)
    private static func load(_ bytes: RawSpan, _ offset: Int) -> SIMD32<UInt8> {
        unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: SIMD32<UInt8>.self)
    }

    @inline(__always)
    private static func equal(_ octets: SIMD32<UInt8>, _ octet: UInt8) -> Mask {
        let mask: Mask = octets .== SIMD32<UInt8>(repeating: octet)
        return mask
    }

    /// Whether any lane is set.
    @inline(__always)
    private static func isHit(_ mask: Mask) -> Bool {
        let words = unsafe unsafeBitCast(mask, to: SIMD4<UInt64>.self)
        return (words[0] | words[1] | words[2] | words[3]) != 0
    }
}
