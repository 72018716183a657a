//! Prints the text of `migrations/functions/dependants.sql`.
fn main() {
    print!("{}", causeway_store::depends::dependants_sql());
}
