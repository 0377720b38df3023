/// A value that makes no difference when two plans are compared: where something was written, not what it says.
///
/// So a reload that only moved lines finds every listener, backend and certificate unchanged.
@propertyWrapper
public struct Incidental<Value: Sendable>: Sendable, Hashable {
    public var wrappedValue: Value

    public init(wrappedValue: Value) {
        self.wrappedValue = wrappedValue
    }

    public static func == (a: Incidental, b: Incidental) -> Bool { true }

    public func hash(into hasher: inout Hasher) {}
}
