//! What is wrong with a request: one word for programs, a sentence for people, and for each field what is wrong with it.

use std::fmt;

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $reason:ident),* $(,)?) => {
        /// Why a request is refused: the same word for the same kind of refusal, whatever the sentence says.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[doc = $doc])* $reason),*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$reason),*];

            /// As on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$reason => stringify!($reason)),* }
            }

            /// What it means, for the API document.
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$reason => concat!($($doc),*).trim_ascii()),* }
            }
        }
    };
}

reasons! {
    /// The body is no JSON, or no JSON object.
    MalformedBody,
    /// The body holds no field.
    EmptyPayload,
    /// The body holds fields that the system alone sets: ID, CreatedAt, UpdatedAt, DeletedAt.
    SystemField,
    /// The body holds fields of Threeport whose records have paths of their own here.
    AssociatedField,
    /// The body holds fields that the kind doesn't have.
    UnknownField,
    /// The body lacks required fields.
    MissingField,
    /// A field has a value that it can't have.
    InvalidField,
    /// The body changes fields that workers report.
    ReadOnlyField,
    /// The body changes fields that stay as they were made.
    ImmutableField,
    /// A field names a record that doesn't exist.
    ParentNotFound,
    /// A query parameter can't be read, or can't stand beside another one.
    InvalidQuery,
    /// The id in the path is no whole number.
    InvalidID,
    /// No live record has this id.
    NotFound,
    /// Another live record of the kind has the name.
    NameTaken,
    /// A record that says the same exists already.
    AlreadyExists,
    /// Another gateway instance answers to the same hostname and path, or to the same TCP or UDP port.
    RouteTaken,
    /// The port can't stand beside one that the Gateway has.
    PortTaken,
    /// The shared gateway doesn't let the workload attach, or has no listener for what it asks for.
    NotAttachable,
    /// The cluster, or the controller of the GatewayClass, says that it can't do what is asked for.
    Unsupported,
    /// The record, or one that it names, is being deleted.
    BeingDeleted,
    /// Other records need this one.
    InUse,
    /// What is on record doesn't make objects of a cluster yet.
    Incomplete,
    /// Nothing is sent to the webhook.
    WebhookDisabled,
    /// Others change the same records all the time.
    Contention,
    /// The record isn't any more what If-Match names.
    PreconditionFailed,
    /// The write would now do something else than the plan that If-Plan names.
    PlanOutdated,
    /// Nobody has said who is calling.
    Unauthenticated,
    /// The caller's role doesn't allow it.
    Forbidden,
    /// The path has no such verb.
    MethodNotAllowed,
    /// Answers are JSON, YAML or a stream of events, which the client doesn't take.
    NotAcceptable,
    /// The body's Content-Type isn't JSON.
    UnsupportedMediaType,
    /// The body is larger than the server takes.
    BodyTooLarge,
    /// The caller sends more requests than it may, or has too many streams.
    TooManyRequests,
    /// More is asked of the server than it can answer; in a moment it may.
    Overloaded,
    /// The server can't answer right now; later it may.
    Unavailable,
    /// The server made a mistake.
    InternalError,
}

impl Reason {
    /// Another record is in the way: the request could be right at another time.
    pub const CONFLICTS: &'static [Self] = &[
        Self::NameTaken,
        Self::AlreadyExists,
        Self::RouteTaken,
        Self::PortTaken,
        Self::NotAttachable,
        Self::Unsupported,
        Self::BeingDeleted,
        Self::InUse,
        Self::Incomplete,
        Self::WebhookDisabled,
        Self::Contention,
    ];

    /// The reason of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == word)
    }
}

/// Problems that one refusal names. A body may have a hundred thousand of them, and an answer must not be larger than what it answers.
pub const MAX_PROBLEMS: usize = 20;
/// Longest path of a field, in bytes: a key of a body may be as long as the body.
const MAX_FIELD: usize = 200;
/// Longest text about a field, in bytes: it may repeat the value.
const MAX_PROBLEM: usize = 1000;

/// One field, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Path of the field in the body, or the name of a query parameter: `HttpPorts[0].Port`. Empty: the body itself.
    pub field: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl Problem {
    /// What is wrong with a field.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: cut(field.into(), MAX_FIELD), problem: cut(problem.into(), MAX_PROBLEM) }
    }

    /// The first problems; the last one counts those that are left out.
    pub fn first(mut problems: impl Iterator<Item = Self>) -> Vec<Self> {
        let mut first: Vec<_> = problems.by_ref().take(MAX_PROBLEMS).collect();
        let left_out = problems.count();
        if left_out > 0 {
            first.pop();
            first.push(Self::new("", format!("{} more problems", left_out + 1)));
        }
        first
    }

    /// The same, seen from what holds the field.
    #[must_use]
    pub fn inside(mut self, outer: &str) -> Self {
        let between = if self.field.is_empty() || self.field.starts_with('[') { "" } else { "." };
        self.field = format!("{outer}{between}{}", self.field);
        self
    }
}

/// The beginning of a text that is too long.
fn cut(mut text: String, longest: usize) -> String {
    if text.len() > longest {
        text.truncate(text.floor_char_boundary(longest));
        text.push('…');
    }
    text
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() { f.write_str(&self.problem) } else { write!(f, "{}: {}", self.field, self.problem) }
    }
}

/// Why something is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The code for programs.
    pub reason: Reason,
    /// For people: what is wrong and what to do next.
    pub sentence: String,
    /// The fields that are to blame; empty when none is.
    pub details: Vec<Problem>,
}

impl Refusal {
    /// A refusal that no field is to blame for.
    pub fn new(reason: Reason, sentence: impl Into<String>) -> Self {
        Self { reason, sentence: sentence.into(), details: vec![] }
    }

    /// A refusal because of one field.
    pub fn field(reason: Reason, field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::fields(reason, vec![Problem::new(field, problem)])
    }

    /// A refusal because of several fields: the sentence is what is wrong with them.
    pub fn fields(reason: Reason, details: Vec<Problem>) -> Self {
        let details = Problem::first(details.into_iter());
        let sentence = details.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        Self { reason, sentence, details }
    }

    /// A refusal whose sentence is Threeport's, `<sentence> : A,B`, because of fields that all have the same problem.
    pub fn listed(reason: Reason, sentence: &str, fields: &[&str], problem: &str) -> Self {
        let details: Vec<_> = fields.iter().take(MAX_PROBLEMS).map(|field| Problem::new(*field, problem)).collect();
        let names = details.iter().map(|detail| detail.field.as_str()).collect::<Vec<_>>().join(",");
        let sentence = match fields.len() - details.len() {
            0 => format!("{sentence} : {names}"),
            more => format!("{sentence} : {names} and {more} more"),
        };
        Self { reason, sentence, details }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_grow_from_the_inside() {
        let port = Problem::new("Port", "is out of range").inside("[1]").inside("HttpPorts");
        assert_eq!(port.to_string(), "HttpPorts[1].Port: is out of range");
        assert_eq!(Problem::new("", "is no object").inside("[0]").inside("HttpPorts").field, "HttpPorts[0]");
    }

    #[test]
    fn words_and_reasons_are_the_same() {
        assert!(Reason::ALL.iter().all(|reason| Reason::from_word(reason.as_str()) == Some(*reason)));
        assert_eq!((Reason::NameTaken.as_str(), Reason::from_word("Nonsense")), ("NameTaken", None));
        assert_eq!(Reason::EmptyPayload.doc(), "The body holds no field.");
    }

    #[test]
    fn a_refusal_names_the_first_problems_and_counts_the_others() {
        let problems = |count: usize| (0..count).map(|n| Problem::new(n.to_string(), "is bad")).collect::<Vec<_>>();
        assert_eq!(Refusal::fields(Reason::InvalidField, problems(20)).details, problems(20));
        let many = Refusal::fields(Reason::InvalidField, problems(100_000));
        assert_eq!((&many.details[..19], many.details.len()), (&problems(19)[..], 20));
        assert!(many.sentence.ends_with("; 18: is bad; 99981 more problems"), "{}", many.sentence);
        let names: Vec<_> = problems(1000).into_iter().map(|problem| problem.field).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let listed = Refusal::listed(Reason::UnknownField, "Unsupported", &names, "is unknown");
        assert!(listed.sentence.ends_with(",19 and 980 more") && listed.details.len() == 20, "{}", listed.sentence);
    }

    #[test]
    fn long_keys_and_values_are_cut() {
        let long = Problem::new("é".repeat(100_000), "x".repeat(100_000));
        assert!(long.field.len() <= 203 && long.field.ends_with("é…") && long.problem.len() == 1003);
    }

    #[test]
    fn sentences_hold_every_field() {
        let both =
            Refusal::fields(Reason::InvalidField, vec![Problem::new("A", "is bad"), Problem::new("B", "is worse")]);
        assert_eq!(both.to_string(), "A: is bad; B: is worse");
        let listed = Refusal::listed(Reason::MissingField, "Missing required field(s)", &["A", "B"], "is required");
        assert_eq!(listed.sentence, "Missing required field(s) : A,B");
        assert_eq!(listed.details[1], Problem::new("B", "is required"));
    }
}
