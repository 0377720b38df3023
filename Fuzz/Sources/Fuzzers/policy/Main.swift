import Fuzzing

@main
enum Main {
    static func main() {
        run { fuzz(.policy, $0, $1) }
    }
}
