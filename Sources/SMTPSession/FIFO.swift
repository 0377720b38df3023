/// Elements in the order in which they came: taking the oldest moves no other, and the last one leaves without a copy.
public struct FIFO<Element> {
    @usableFromInline var elements: [Element] = []
    /// Of those that were taken already.
    @usableFromInline var head = 0

    @inlinable
    public init() {}

    @inlinable public var isEmpty: Bool { elements.isEmpty }
    @inlinable public var count: Int { elements.count - head }
    @inlinable public var first: Element? { elements.isEmpty ? nil : elements[head] }

    @inlinable
    public mutating func append(_ element: Element) {
        // One that never runs empty reuses the place of those that were taken, or a peer could make it grow.
        if head > 0, elements.count == elements.capacity, head >= elements.count / 2 {
            elements.removeFirst(head)
            head = 0
        }
        elements.append(element)
    }

    /// Takes the oldest; the memory is kept for those to come.
    @inlinable
    public mutating func popFirst() -> Element? {
        if elements.isEmpty { return nil }
        if head < elements.count - 1 {
            head += 1
            return elements[head - 1]
        }
        let last = elements.removeLast()
        if head > 0 {
            elements.removeAll(keepingCapacity: true)
            head = 0
        }
        return last
    }

    /// Forgets all, and gives the memory back.
    @inlinable
    public mutating func removeAll() {
        elements = []
        head = 0
    }

    /// Forgets those that `isUnwanted` names.
    @inlinable
    public mutating func removeAll(where isUnwanted: (Element) -> Bool) {
        elements.removeFirst(head)
        head = 0
        elements.removeAll(where: isUnwanted)
    }
}

extension FIFO: Sendable where Element: Sendable {}
