/// Session ids: ten letters and digits, different for every session of every worker and run.
///
/// A permuted counter from a random start (SplitMix64), so that a name costs no system call and none comes twice in
/// 2^64 of one worker; two workers or runs share one with the chance of 1 in 62^10.
struct SessionNames {
    private var state = UInt64.random(in: .min ... .max)
    private let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    mutating func next() -> String {
        state &+= 0x9E37_79B9_7F4A_7C15
        var number = state
        number = (number ^ (number >> 30)) &* 0xBF58_476D_1CE4_E5B9
        number = (number ^ (number >> 27)) &* 0x94D0_49BB_1331_11EB
        number ^= number >> 31
        return String(unsafeUninitializedCapacity: 10) { letters in
            for place in 0..<10 {
                letters[place] = alphabet[Int(number % 62)]
                number /= 62
            }
            return 10
        }
    }
}
