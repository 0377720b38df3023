import Fuzzing

@main
enum Main {
    static func main() {
        run { fuzz(.credentials, $0, $1) }
    }
}
