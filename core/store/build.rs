//! Files that are read while this crate is compiled: a changed one must reach the binary.
fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
    println!("cargo:rerun-if-changed=.sqlx");
}
