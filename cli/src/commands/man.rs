//! `causeway man FOLDER`: the man pages, one for each command.

use clap::{Args, Command};
use std::path::PathBuf;

use crate::{
    exit::Exit,
    failure::{Failure, Outcome},
    output,
};

/// Write the man pages into a folder, one for each command.
#[derive(Args, Debug)]
pub(crate) struct Man {
    /// The folder; it is made if it isn't there.
    folder: PathBuf,
}

impl Man {
    /// Takes the command line that is described.
    pub(crate) fn run(&self, command: Command) -> Outcome<Exit> {
        let folder = &self.folder;
        let written = std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder));
        written.map_err(|error| Failure::usage(format!("{} can't be written: {error}", folder.display())))?;
        output::say(&format!("The man pages are in {}.\n", folder.display()));
        Ok(Exit::Done)
    }
}
