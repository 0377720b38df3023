import Fuzzing

@main
enum Main {
    static func main() {
        run { fuzz(.session, $0, $1) }
    }
}
