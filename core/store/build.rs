//! The migrations are embedded: a changed one must reach the binary.
fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
