//! How a command ends, for scripts.

use std::process::ExitCode;

/// How a command ends. Its number is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// What was asked for is done, or true.
    Done = 0,
    /// The answer is no: `diff` found a difference, a record is not Ready in time.
    Negative = 1,
    /// The command or the request is wrong, or another record is in the way.
    Refused = 2,
    /// There is no such record.
    NotFound = 3,
    /// The caller is not signed in, or has no role for it.
    NotAllowed = 4,
    /// The API doesn't answer, or has too much to do.
    Unreachable = 5,
}

/// What `causeway --help` says about them.
pub(crate) const HELP: &str = "Exit codes:
  0  done, or true
  1  the answer is no: a difference was found, a record is not Ready in time
  2  the command or the request is wrong, or another record is in the way
  3  there is no such record
  4  not signed in, or not allowed
  5  the API doesn't answer, or has too much to do";

impl Exit {
    /// What an HTTP status of the API means for a script.
    pub(crate) const fn of_status(code: u16) -> Self {
        match code {
            200..=299 => Self::Done,
            401 | 403 => Self::NotAllowed,
            404 => Self::NotFound,
            429 | 500..=599 => Self::Unreachable,
            _ => Self::Refused,
        }
    }

    /// The number.
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_the_api_has_a_code() {
        let expected = [
            (200, 0),
            (201, 0),
            (400, 2),
            (401, 4),
            (403, 4),
            (404, 3),
            (405, 2),
            (409, 2),
            (412, 2),
            (413, 2),
            (415, 2),
            (429, 5),
            (500, 5),
            (503, 5),
        ];
        for (status, code) in expected {
            assert_eq!(Exit::of_status(status).code(), code, "{status}");
        }
    }

    #[test]
    fn help_names_every_code() {
        let all = [Exit::Done, Exit::Negative, Exit::Refused, Exit::NotFound, Exit::NotAllowed, Exit::Unreachable];
        for exit in all {
            assert!(HELP.contains(&format!("\n  {}  ", exit.code())), "{exit:?}");
        }
        assert_eq!(HELP.lines().count(), all.len() + 1);
    }
}
