import Fuzzing

@main
enum Main {
    static func main() {
        run { fuzz(.commands, $0, $1) }
    }
}
