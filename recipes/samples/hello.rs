fn main() {
    println!("hi"); // greet
}
