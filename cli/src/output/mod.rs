//! How results look: pure functions from records to text, and the terminal that the text goes to.
//!
//! Text for people has colours in it; `anstream` takes them out where nobody sees them: no terminal, `NO_COLOR`.

pub(crate) mod age;
pub(crate) mod columns;
pub(crate) mod data;
pub(crate) mod details;
pub(crate) mod diagnosis;
pub(crate) mod done;
pub(crate) mod fields;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod state;
pub(crate) mod style;
pub(crate) mod summaries;
pub(crate) mod table;
pub(crate) mod tree;
pub(crate) mod wrap;

use std::io::{ErrorKind, IsTerminal, Write};

use crate::{
    exit::Exit,
    failure::{Failure, Outcome},
};

/// Prints data on stdout.
pub(crate) fn print(text: &str) -> Outcome<()> {
    match anstream::stdout().write_all(text.as_bytes()).and_then(|()| anstream::stdout().flush()) {
        // Who reads has seen enough.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Refused, "Output", format!("stdout can't be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Says something to the person on stderr.
pub(crate) fn say(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// Columns of the terminal that stdout is; None: it is none, so that lines stay whole.
pub(crate) fn width() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
    Some(size.map_or(80, |size| usize::from(size.ws_col)).max(40))
}

/// A person is there who reads stderr while the command runs.
pub(crate) fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// A text of others on one line, without what a terminal would take for a command.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_gives_no_command_to_the_terminal() {
        assert_eq!(super::clean("a\u{1b}[2Jb\nc\u{9b}d"), "a [2Jb c d");
    }
}
