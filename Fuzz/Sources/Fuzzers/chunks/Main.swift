import Fuzzing

@main
enum Main {
    static func main() {
        run { fuzz(.chunks, $0, $1) }
    }
}
