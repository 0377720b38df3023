internal import Diagnostics

/// The text of a YAML file as scalars, so that libyaml's marks (line and column in scalars) find their octets,
/// and so that parts can be masked without moving any other.
struct YAMLText {
    let source: SourceFile
    /// The text; what was masked differs from the source but is as long.
    var scalars: [Unicode.Scalar]
    /// The offset in octets of each scalar, and of the end.
    private let offsets: [Int]
    /// The index of the first scalar of each line.
    private let lineStarts: [Int]

    init(_ source: SourceFile) {
        self.source = source
        let scalars = Array(source.text.unicodeScalars)
        var offsets: [Int] = []
        offsets.reserveCapacity(scalars.count + 1)
        var offset = 0
        for scalar in scalars {
            offsets.append(offset)
            offset += UTF8.width(scalar)
        }
        self.offsets = offsets + [offset]
        lineStarts = [0] + scalars.indices.filter { scalars[$0] == "\n" }.map { $0 + 1 }
        self.scalars = scalars
    }

    /// The text with its masks.
    var masked: String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    /// The offset in octets of a scalar, or of the end.
    func offset(_ index: Int) -> Int {
        offsets[min(max(index, 0), scalars.count)]
    }

    /// The scalar, or nil outside the text.
    subscript(index: Int) -> Unicode.Scalar? {
        scalars.indices.contains(index) ? scalars[index] : nil
    }

    /// The index of the scalar at a line and column, both counted from 1; the end if there is none.
    func index(line: Int, column: Int) -> Int {
        guard line >= 1, line <= lineStarts.count else { return scalars.count }
        return min(lineStarts[line - 1] + max(column - 1, 0), scalars.count)
    }

    /// The column of a scalar, counted from 0.
    func column(of index: Int) -> Int {
        var low = 0
        var high = lineStarts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if lineStarts[middle] <= index { low = middle } else { high = middle }
        }
        return index - lineStarts[low]
    }

    /// The place of some scalars.
    func range(_ indices: Range<Int>) -> SourceRange {
        let start = offsets[min(max(indices.lowerBound, 0), scalars.count)]
        let end = offsets[min(max(indices.upperBound, 0), scalars.count)]
        return source.range(at: start, length: end - start)
    }

    /// The scalars from `index` to the end of its line.
    func restOfLine(_ index: Int) -> Range<Int> {
        var end = min(max(index, 0), scalars.count)
        let start = end
        while end < scalars.count, scalars[end] != "\n", scalars[end] != "\r" { end += 1 }
        return start..<end
    }

    mutating func mask(_ indices: Range<Int>, with scalar: Unicode.Scalar) {
        for index in indices.clamped(to: scalars.indices) { scalars[index] = scalar }
    }
}
