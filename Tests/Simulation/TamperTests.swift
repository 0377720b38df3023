import Testing

/// The simulation's own path to the oracle: a driver that changes one reply on its way is caught.
@Suite struct TamperTests {
    /// Sessions of the first seeds in which the tampered run is a violation where the honest one is none.
    private func caught(_ tamper: @escaping ([UInt8]) -> [UInt8]) -> Int {
        (1..<(150 as UInt64)).count { seed in
            let simulation = Simulation(seed: seed)
            simulation.tamper = tamper
            return simulation.run() != nil
        }
    }

    private func swapping(_ code: String, for other: String) -> ([UInt8]) -> [UInt8] {
        { bytes in
            bytes.starts(with: octets(code + " ")) ? octets(other) + bytes.dropFirst(3) : bytes
        }
    }

    @Test func `an untouched wire is no violation`() {
        #expect(caught { $0 } == 0)
    }

    @Test func `refusals turned into acceptance are caught`() {
        #expect(caught(swapping("451", for: "250")) > 5)
        #expect(caught(swapping("503", for: "354")) > 5)
    }

    @Test func `replies that are lost or doubled are caught`() {
        #expect(caught { $0.starts(with: octets("250 ")) ? [] : $0 } > 20)
        #expect(caught { $0 + ($0.starts(with: octets("250 ")) ? $0 : []) } > 20)
    }
}
