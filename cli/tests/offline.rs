//! What needs no server: help, `explain`, and what is said about a wrong command line.

#[test]
fn printed_as_it_was() {
    trycmd::TestCases::new()
        .env("HOME", "/nonexistent")
        .env("CAUSEWAY_CONFIG", "/nonexistent/config.yaml")
        .env("COLUMNS", "100")
        .case("tests/cmd/*.trycmd");
}
