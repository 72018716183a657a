//! Why a command ends without having done its work: a sentence, a word for programs, and the next command.

use causeway_records::problem::Refusal;
use serde_json::{Value, json};

use crate::exit::Exit;

/// Why a command failed. `sentence` is the API's own where the API refused.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// One word for programs: the API's reason, or one of ours.
    pub(crate) reason: String,
    pub(crate) sentence: String,
    /// Fields and what is wrong with each, as the API lists them.
    pub(crate) details: Value,
    /// The command to run next.
    pub(crate) next: Option<String>,
}

/// What a command has to say, or why it failed.
pub(crate) type Outcome<T> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(exit: Exit, reason: &str, sentence: impl Into<String>) -> Self {
        Self { exit, reason: reason.to_owned(), sentence: sentence.into(), details: Value::Null, next: None }
    }

    /// The command line or a file is wrong.
    pub(crate) fn usage(sentence: impl Into<String>) -> Self {
        Self::new(Exit::Refused, "Usage", sentence)
    }

    /// The answer is no.
    pub(crate) fn negative(reason: &str, sentence: impl Into<String>) -> Self {
        Self::new(Exit::Negative, reason, sentence)
    }

    /// There is no such record.
    pub(crate) fn not_found(sentence: impl Into<String>) -> Self {
        Self::new(Exit::NotFound, "NotFound", sentence)
    }

    /// The same with the command to run next.
    pub(crate) fn next(mut self, command: impl Into<String>) -> Self {
        self.next = Some(command.into());
        self
    }

    /// The same, seen from a file or a record.
    pub(crate) fn at(mut self, place: impl std::fmt::Display) -> Self {
        self.sentence = format!("{place}: {}", self.sentence);
        self
    }

    /// For people, on stderr.
    pub(crate) fn text(&self) -> String {
        let next = self.next.as_ref().map(|next| format!("next: {next}\n")).unwrap_or_default();
        format!("causeway: {}\n{next}", self.sentence)
    }

    /// For programs that asked for JSON or YAML, on stdout.
    pub(crate) fn data(&self) -> Value {
        let mut error = json!({"Error": self.sentence, "Reason": self.reason, "ExitCode": self.exit.code()});
        if !self.details.is_null() {
            error["Details"] = self.details.clone();
        }
        if let Some(next) = &self.next {
            error["Next"] = json!(next);
        }
        error
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let details = refusal.details.iter().map(|one| json!({"field": one.field, "problem": one.problem}));
        let details = Value::Array(details.collect());
        Self { details, ..Self::new(Exit::Refused, refusal.reason.as_str(), refusal.sentence) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_to_run_next() {
        let failure = Failure::not_found("there is no gateway instance shop").next("causeway get gateway-instances");
        assert_eq!(
            failure.text(),
            "causeway: there is no gateway instance shop\nnext: causeway get gateway-instances\n"
        );
        let data = json!({
            "Error": "there is no gateway instance shop", "Reason": "NotFound", "ExitCode": 3,
            "Next": "causeway get gateway-instances",
        });
        assert_eq!(failure.data(), data);
    }
}
