//! Options that several commands have.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Where the API is, and how to print.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Context to use instead of the current one.
    #[arg(long, global = true, env = "CAUSEWAY_CONTEXT", hide_env_values = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Address of the API instead of a context; the token is CAUSEWAY_TOKEN.
    #[arg(long, global = true, env = "CAUSEWAY_SERVER", hide_env_values = true, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// File with contexts [default: $XDG_CONFIG_HOME/causeway/config.yaml].
    #[arg(long, global = true, env = "CAUSEWAY_CONFIG", hide_env_values = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// File with Threeport's control planes [default: ~/.threeport/config.yaml].
    #[arg(long, global = true, env = "THREEPORT_CONFIG", hide_env_values = true, value_name = "FILE")]
    pub(crate) threeport_config: Option<PathBuf>,
    /// How to print: json, yaml (documents for `apply`), name, or wide.
    #[arg(short, long, global = true, value_name = "FORMAT", hide_possible_values = true)]
    pub(crate) output: Option<Format>,
}

/// How results are printed; None: for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    // Whole records. Ids are texts, because many readers of JSON round them.
    Json,
    // The same as YAML documents, which `causeway apply` takes.
    Yaml,
    // Kind and name, one a line.
    Name,
    // A table with more columns.
    Wide,
}

impl Format {
    /// Read by programs.
    pub(crate) const fn is_data(self) -> bool {
        matches!(self, Self::Json | Self::Yaml)
    }
}

/// Documents to read.
#[derive(Args, Clone, Debug)]
pub(crate) struct Files {
    /// File, folder (its *.yaml, *.yml and *.json), or `-` for stdin. Can be repeated.
    #[arg(short, long = "filename", value_name = "FILE", required = true)]
    pub(crate) filename: Vec<PathBuf>,
    /// Read folders inside of folders, too.
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
}
