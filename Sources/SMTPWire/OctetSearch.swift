// Finds the octets that end lines or break them, 32 at a step. The scalar forms are the reference in the tests.

import Bytes

enum OctetSearch {
    static let width = SIMD32<UInt8>.scalarCount

    /// The offset of the first CR, LF or NUL at or behind `start`, or the length of `bytes`.
    static func firstBreak(_ bytes: RawSpan, from start: Int) -> Int {
        var offset = max(0, start)
        while bytes.byteCount - offset >= width {
            let octets = load(bytes, offset)
            let hits = (octets .== ASCII.cr) .| (octets .== ASCII.lf) .| (octets .== ASCII.nul)
            if any(hits) { break }
            offset += width
        }
        while offset < bytes.byteCount, !isBreak(bytes.octet(offset)) { offset += 1 }
        return offset
    }

    /// The offset of the first LF at or behind `start`, or nil.
    static func firstLF(_ bytes: RawSpan, from start: Int) -> Int? {
        var offset = max(0, start)
        while bytes.byteCount - offset >= width {
            if any(load(bytes, offset) .== ASCII.lf) { break }
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
        guard start > 0 else { return start }
        var offset = start
        while bytes.byteCount - offset >= width {
            let here = load(bytes, offset)
            let before = load(bytes, offset - 1)
            var hits = ((here .== ASCII.lf) .^ (before .== ASCII.cr)) .| (here .== ASCII.nul)
            if dots { hits = hits .| ((here .== ASCII.dot) .& (before .== ASCII.lf)) }
            if any(hits) { break }
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
}
