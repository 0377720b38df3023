@main
struct Portreeve {
    static func main() {}
}
