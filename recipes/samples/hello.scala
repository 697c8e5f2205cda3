object Hello extends App {
  println("hi") // greet
}
