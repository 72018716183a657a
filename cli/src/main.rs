//! `causeway`, the command line of Causeway.

fn main() -> std::process::ExitCode {
    causeway_cli::main()
}
