/// What the store runs for us, each as one step that nothing comes between.
enum StoreScript: Int, CaseIterable, Sendable {
    case charge, peek, refund, publish, news

    var text: [UInt8] {
        switch self {
        case .charge: Array((BucketScripts.clock + BucketScripts.charge).utf8)
        case .peek: Array((BucketScripts.clock + BucketScripts.peek).utf8)
        case .refund: Array((BucketScripts.clock + BucketScripts.refund).utf8)
        case .publish: Array(NewsScripts.publish.utf8)
        case .news: Array(NewsScripts.news.utf8)
        }
    }
}

/// The scripts' names on one server, as SCRIPT LOAD has told them.
struct ScriptNames: Sendable {
    private var digests = [[UInt8]](repeating: [], count: StoreScript.allCases.count)

    subscript(script: StoreScript) -> [UInt8] {
        get { digests[script.rawValue] }
        set { digests[script.rawValue] = newValue }
    }
}
