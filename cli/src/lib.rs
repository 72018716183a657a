//! `causeway`: a client of the API for people and scripts.
//!
//! ```text
//! arguments ─▶ command ─┬─▶ documents: files to operations, pure     ─┐
//!                       ├─▶ output: records to text, pure             ├─▶ stdout, exit code
//!                       └─▶ api over http: what is asked and answered ┘
//! ```
//!
//! Kinds, their words, columns, the keys of documents and what `explain` says derive from the nouns of `causeway-records`. To add a command: a file in
//! `commands/` with its arguments and its `run`, and two lines in `commands/mod.rs`.

mod api;
mod args;
mod commands;
mod context;
mod documents;
mod envelope;
mod exit;
mod failure;
mod http;
mod kinds;
mod kubernetes;
mod output;
mod preview;
mod session;
mod waiting;

use clap::{CommandFactory, Parser};
use std::process::ExitCode;

use commands::Arguments;
use failure::Failure;

/// Runs what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = arguments.global.output;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(commands::run(arguments)),
        Err(error) => Err(Failure::usage(format!("the runtime can't be started: {error}"))),
    };
    let failure = match done {
        Ok(exit) => return exit.into(),
        Err(failure) => failure,
    };
    // A reader of data finds data, whatever happens.
    let data = failure.data();
    let told = match output {
        Some(args::Format::Json) => output::data::json(&data),
        Some(args::Format::Yaml) => output::data::yaml(&data),
        _ => Ok(String::new()),
    };
    let _ = told.and_then(|text| output::print(&text));
    output::say(&failure.text());
    failure.exit.into()
}

/// The command line, for whoever asks what one may type.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}
