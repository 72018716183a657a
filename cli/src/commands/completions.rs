//! `causeway completions SHELL`.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::{
    exit::Exit,
    failure::{Failure, Outcome},
    output,
};

/// Print the completions for a shell: `source <(causeway completions bash)`.
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// Takes the command line that is completed.
    pub(crate) fn run(&self, command: &mut Command) -> Outcome<Exit> {
        let mut text = vec![];
        clap_complete::generate(self.shell, command, "causeway", &mut text);
        let text = String::from_utf8(text).map_err(|error| Failure::usage(error.to_string()))?;
        output::print(&text)?;
        Ok(Exit::Done)
    }
}
