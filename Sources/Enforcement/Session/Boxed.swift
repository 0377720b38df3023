/// An optional value that costs its owner one word while it is absent.
@propertyWrapper
struct Boxed<Value> {
    private indirect enum Storage {
        case absent
        case present(Value)
    }

    private var storage: Storage

    init(wrappedValue: Value?) {
        storage = wrappedValue.map(Storage.present) ?? .absent
    }

    var wrappedValue: Value? {
        get {
            switch storage {
            case .absent: nil
            case .present(let value): value
            }
        }
        set {
            storage = newValue.map(Storage.present) ?? .absent
        }
    }
}
