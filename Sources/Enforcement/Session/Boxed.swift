/// An optional value that costs its owner one word while it is absent.
@propertyWrapper
struct Boxed<Value> {
    private final class Box {
        var value: Value

        init(_ value: Value) {
            self.value = value
        }
    }

    private var box: Box?

    init(wrappedValue: Value?) {
        box = wrappedValue.map(Box.init)
    }

    var wrappedValue: Value? {
        get { box?.value }
        set { box = newValue.map(Box.init) }
    }

    /// Asks without copying the value.
    var isAbsent: Bool { box == nil }
}
