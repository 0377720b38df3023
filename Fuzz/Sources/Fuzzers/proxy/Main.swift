import Fuzzing

@main
enum Main {
    static func main() {
        run { fuzz(.proxy, $0, $1) }
    }
}
