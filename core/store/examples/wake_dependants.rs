//! Prints the text of `wake_dependants`, for a new migration.
fn main() {
    print!("{}", causeway_store::depends::wake_dependants_sql());
}
