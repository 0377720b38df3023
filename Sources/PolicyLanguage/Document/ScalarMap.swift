public import Diagnostics

/// Where each octet of a scalar's value stands in the file, so that a finding inside an expression or a reply has its
/// own caret although quotes, escapes and folded lines lie between.
public struct ScalarMap: Sendable {
    private let source: SourceFile
    /// The offset in the file of each octet of the value, and of its end.
    private let offsets: [Int]

    init(source: SourceFile, offsets: [Int]) {
        self.source = source
        self.offsets = offsets
    }

    /// The place of some octets of the value, cut to the line that they begin in.
    public func range(_ octets: Range<Int>) -> SourceRange {
        let last = offsets.count - 1
        let start = offsets[min(max(octets.lowerBound, 0), last)]
        let isEmpty = octets.isEmpty
        // The end is behind the last octet that is meant, not before the next one, which may be a line away.
        let end = isEmpty ? start : offsets[min(max(octets.upperBound - 1, 0), last)] + 1
        return source.range(at: start, length: max(end - start, isEmpty ? 1 : 0))
    }
}

extension YAMLDocument {
    /// The places of a scalar's octets; of anything else, its beginning.
    public func map(_ node: YAMLNode) -> ScalarMap {
        guard case .scalar(let value, let quoted) = node.value else {
            return ScalarMap(source: original.source, offsets: [node.range.offset])
        }
        var aligner = ScalarAligner(original, start: node.start, quoted: quoted)
        return ScalarMap(source: original.source, offsets: aligner.offsets(value))
    }
}

/// Walks along a scalar as it is written, finding each scalar of its value.
private struct ScalarAligner {
    let text: YAMLText
    var index: Int
    let quote: Unicode.Scalar?

    init(_ text: YAMLText, start: Int, quoted: Bool) {
        self.text = text
        index = start
        let first = quoted ? text[start] : nil
        quote = first
        switch first {
        case "\"", "'": index = start + 1
        case "|", ">": index = text.restOfLine(start).upperBound
        case .none, .some: break
        }
    }

    mutating func offsets(_ value: String) -> [Int] {
        var result: [Int] = []
        for scalar in value.unicodeScalars {
            let place = next(scalar)
            let offset = text.offset(place)
            for octet in 0..<UTF8.width(scalar) { result.append(offset + octet) }
        }
        return result + [text.offset(index)]
    }

    /// The index of what `scalar` was written as; moves behind it.
    private mutating func next(_ scalar: Unicode.Scalar) -> Int {
        let isBlank = scalar == " " || scalar == "\n" || scalar == "\t"
        if !isBlank { skipBlanks() }
        let place = index
        if quote == "\"", text[index] == "\\" {
            index += Self.escapeLength(text[index + 1])
            return place
        }
        if text[index] == scalar {
            index += quote == "'" && scalar == "'" ? 2 : 1
        } else if isBlank {
            skipBlanks()
        } else {
            index += 1
        }
        return place
    }

    /// A folded line end and the indentation after it, or an escaped line end.
    private mutating func skipBlanks() {
        while let scalar = text[index] {
            if quote == "\"", scalar == "\\", text[index + 1] == "\n" {
                index += 2
            } else if scalar == " " || scalar == "\n" || scalar == "\r" || scalar == "\t" {
                index += 1
            } else {
                return
            }
        }
    }

    private static func escapeLength(_ kind: Unicode.Scalar?) -> Int {
        switch kind {
        case "x": 4
        case "u": 6
        case "U": 10
        case .none, .some: 2
        }
    }
}
