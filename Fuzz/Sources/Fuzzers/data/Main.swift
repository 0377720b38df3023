import Fuzzing

@main
enum Main {
    static func main() {
        run { fuzz(.data, $0, $1) }
    }
}
