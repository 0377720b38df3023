/// A place in a text, complete enough to be reported when the text itself is long gone.
///
/// Never spans lines: what is longer is cut at the end of its first line.
public struct SourceRange: Hashable, Sendable {
    /// The name of the file, as in `SourceFile.name`.
    public let file: String
    /// Where it begins, in octets from the start of the file.
    public let offset: Int
    /// Its length in octets.
    public let length: Int
    /// The line, counted from 1.
    public let line: Int
    /// The column in characters, counted from 1.
    public let column: Int
    /// Its length in characters; 0 is a point.
    public let width: Int

    public init(file: String, offset: Int, length: Int, line: Int, column: Int, width: Int) {
        self.file = file
        self.offset = offset
        self.length = length
        self.line = line
        self.column = column
        self.width = width
    }

    /// A whole file, for findings such as "cannot be read".
    public static func file(_ name: String) -> SourceRange {
        SourceRange(file: name, offset: 0, length: 0, line: 1, column: 1, width: 0)
    }
}

extension SourceRange: Comparable {
    /// By file, then by place.
    public static func < (a: SourceRange, b: SourceRange) -> Bool {
        (a.file, a.offset, a.length) < (b.file, b.offset, b.length)
    }
}

extension SourceRange: CustomStringConvertible {
    /// `file:line:column`, which editors parse.
    public var description: String { "\(file):\(line):\(column)" }
}
