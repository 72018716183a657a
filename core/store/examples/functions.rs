//! Prints the text of a generated file of `migrations/functions`, by its name.
fn main() {
    let file = std::env::args().nth(1).unwrap_or_default();
    print!(
        "{}",
        match file.as_str() {
            "dependants.sql" => causeway_store::functions::dependants_sql(),
            "children.sql" => causeway_store::functions::children_sql(),
            "names.sql" => causeway_store::functions::names_sql(),
            _ => panic!("there is no generated file {file:?}"),
        }
    );
}
