fun main() {
    println("hi") // greet
}
