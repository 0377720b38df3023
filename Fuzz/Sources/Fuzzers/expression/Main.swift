import Fuzzing

@main
enum Main {
    static func main() {
        run { fuzz(.expression, $0, $1) }
    }
}
