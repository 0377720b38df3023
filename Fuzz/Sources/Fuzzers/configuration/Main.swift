import Fuzzing

@main
enum Main {
    static func main() {
        run { fuzz(.configuration, $0, $1) }
    }
}
