import Bytes
import Testing
import Throttle

struct LoginBookTests {
    private let second: UInt64 = 1_000_000_000
    private let day: UInt64 = 86_400_000_000_000
    private let alice = Array("alice@example.org".utf8)

    private func net(_ number: Int) -> AddressPrefix {
        AddressPrefix(IPAddress(v4: 0xCB00_7100 + UInt32(number)), bits: 32)
    }

    @Test func `A net is known to a user for seven days after a good login`() {
        let book = LoginBook()
        #expect(!book.knows(alice, from: net(1), now: 0))
        book.succeeded(alice, from: net(1), now: 0)
        #expect(book.knows(alice, from: net(1), now: 7 * day - 1))
        #expect(!book.knows(alice, from: net(1), now: 7 * day))
        #expect(!book.knows(alice, from: net(2), now: 1))
        #expect(!book.knows(Array("bob".utf8), from: net(1), now: 1))
        #expect(book.isGood(net(1), now: 1) && !book.isGood(net(2), now: 1))
    }

    @Test func `The same wrong password counts once a day, another one each time`() {
        let book = LoginBook()
        #expect(!book.failed(alice, from: net(1), secret: 7, now: 0).isRepeated)
        #expect(book.failed(alice, from: net(2), secret: 7, now: second).isRepeated)
        #expect(!book.failed(alice, from: net(1), secret: 8, now: second).isRepeated)
        #expect(!book.failed(Array("bob".utf8), from: net(1), secret: 7, now: second).isRepeated)
        #expect(!book.failed(alice, from: net(1), secret: 7, now: 3 * day).isRepeated)
        #expect(!book.failed(alice, from: net(1), secret: nil, now: second).isRepeated)
        #expect(!book.failed(alice, from: net(1), secret: nil, now: second).isRepeated)
    }

    @Test func `When good nets fail in their majority counting is suspended, and goes on when they succeed again`() {
        let book = LoginBook()
        for number in 0..<9 { book.succeeded(alice, from: net(number), now: 0) }
        let later = 600 * second
        var began: [Bool] = []
        for number in 0..<5 {
            began.append(book.failed(alice, from: net(number), secret: nil, now: later).beganSuspension)
        }
        #expect(began == [false, false, false, false, true])
        #expect(book.isSuspended(now: later + second))
        #expect(book.failed(alice, from: net(200), secret: nil, now: later).isSuspended)
        for number in 0..<9 { book.succeeded(alice, from: net(number), now: later + 2 * second) }
        #expect(!book.isSuspended(now: later + 2 * second))
    }

    @Test func `Strangers suspend nothing however many they are, nor does one good client that fails often`() {
        let book = LoginBook()
        book.succeeded(alice, from: net(1), now: 0)
        for number in 0..<500 {
            #expect(!book.failed(alice, from: net(1000 + number), secret: nil, now: second).isSuspended)
            #expect(!book.failed(alice, from: net(1), secret: UInt64(number), now: second).isSuspended)
        }
    }

    @Test func `Memory is bounded`() {
        let book = LoginBook(capacity: 100)
        for number in 0..<1000 {
            book.succeeded(alice, from: net(number), now: UInt64(number))
            _ = book.failed(alice, from: net(number), secret: UInt64(number), now: UInt64(number))
        }
        var count = 0
        book.forEachGood { _, _, _ in count += 1 }
        #expect(count <= 100)
        #expect(book.knows(alice, from: net(999), now: 1000))
    }
}

struct AccountBookTests {
    private let hour: UInt64 = 3_600_000_000_000
    private let alice = Array("alice@example.org".utf8)

    private func net(_ number: Int) -> AddressPrefix {
        AddressPrefix(IPAddress(v4: 0xCB00_7100 + UInt32(number)), bits: 32)
    }

    @Test func `Nets are counted once each, for a day`() {
        let book = AccountBook()
        for number in 0..<50 { book.loggedIn(alice, from: net(number % 10), now: UInt64(number)) }
        #expect(book.use(of: alice, now: 50).distinctNets == 10)
        #expect(book.use(of: Array("bob".utf8), now: 50).distinctNets == 0)
        #expect(book.use(of: alice, now: 25 * hour).distinctNets == 0)
        book.loggedIn(alice, from: net(1), now: 25 * hour)
        book.reset(alice)
        #expect(book.use(of: alice, now: 25 * hour).distinctNets == 0)
    }

    @Test func `The share of refused recipients is told from ten recipients on`() {
        let book = AccountBook()
        for _ in 0..<9 { book.judged(alice, isTaken: false, now: 1) }
        #expect(book.use(of: alice, now: 2).rejectedPercent == 0)
        for _ in 0..<9 { book.judged(alice, isTaken: true, now: 1) }
        let use = book.use(of: alice, now: 2)
        #expect(use.recipients == 18 && use.rejectedPercent == 50)
    }

    @Test func `Volume is measured by the usual hour, which a burst does not become at once`() {
        let book = AccountBook()
        for number in 0..<100 {
            for _ in 0..<40 { book.judged(alice, isTaken: true, now: UInt64(number) * hour) }
        }
        let now = 200 * hour
        for _ in 0..<400 { book.judged(alice, isTaken: true, now: now) }
        #expect(book.use(of: alice, now: now).volumePercent == 1000)
        #expect(book.use(of: alice, now: now + 2 * hour).recipients == 0)
        for _ in 0..<400 { book.judged(alice, isTaken: true, now: now + 3 * hour) }
        #expect((400...600).contains(book.use(of: alice, now: now + 3 * hour).volumePercent))
    }

    @Test func `An account without history is measured by twenty recipients an hour`() {
        let book = AccountBook()
        for _ in 0..<100 { book.judged(alice, isTaken: true, now: 1) }
        #expect(book.use(of: alice, now: 2).volumePercent == 500)
    }

    @Test func `The previous hour counts as far as it lies within sixty minutes`() {
        let book = AccountBook()
        for _ in 0..<60 { book.judged(alice, isTaken: true, now: hour - 1) }
        #expect(book.use(of: alice, now: hour + hour / 2).recipients == 30)
    }
}
