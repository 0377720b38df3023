/// Columns as wide as their widest cell, two spaces apart, no trailing spaces.
struct TextTable {
    struct Column {
        var title: String
        var isNumber: Bool

        static func left(_ title: String) -> Column { Column(title: title, isNumber: false) }
        static func right(_ title: String) -> Column { Column(title: title, isNumber: true) }
    }

    private let columns: [Column]
    private var rows: [[String]] = []

    init(_ columns: [Column]) {
        self.columns = columns
    }

    /// Missing cells at the end are empty.
    mutating func add(_ cells: [String]) {
        rows.append(columns.indices.map { $0 < cells.count ? Self.printable(cells[$0]) : "" })
    }

    /// Lines that each end with LF; nothing at all without rows.
    var text: String {
        guard !rows.isEmpty else { return "" }
        let all = [columns.map(\.title)] + rows
        let widths = columns.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in line(row, widths) + "\n" }.joined()
    }

    private func line(_ row: [String], _ widths: [Int]) -> String {
        var line = ""
        for (index, cell) in row.enumerated() {
            let filler = String(repeating: " ", count: widths[index] - cell.count)
            line += (index == 0 ? "" : "  ") + (columns[index].isNumber ? filler + cell : cell + filler)
        }
        while line.last == " " { line.removeLast() }
        return line
    }

    /// `text` with `?` for whatever could move a cursor or end a line.
    static func printable(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: result.append("?")
            default: result.append(scalar)
            }
        }
        return String(result)
    }
}
