import Fuzzing

@main
enum Main {
    static func main() {
        run { fuzz(.store, $0, $1) }
    }
}
