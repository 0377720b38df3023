extension Pattern {
    /// Whether it is found anywhere in `text`; nil if the match took too many steps.
    ///
    /// For checks outside of sessions: it makes its own scratch memory.
    public func isFound(in text: [UInt8]) -> Bool? {
        switch find(in: text.span, MatchScratch()) {
        case .yes: true
        case .no: false
        case .failed: nil
        }
    }
}
