import Fuzzing

@main
enum Main {
    static func main() {
        run { fuzz(.replies, $0, $1) }
    }
}
