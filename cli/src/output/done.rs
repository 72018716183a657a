//! What became of the records that documents ask for.

use causeway_records::Kind;
use serde_json::{Value, json};

use super::{
    clean,
    style::{FAINT, GOOD, PLAIN, WAITING, paint},
};
use crate::{api::Fields, args::Format, kinds};

/// What became of one record.
pub(crate) struct Done {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) id: i64,
    pub(crate) became: Became,
    pub(crate) secret: Secret,
}

/// What was written.
#[derive(PartialEq)]
pub(crate) enum Became {
    Created,
    /// These fields.
    Changed(Vec<&'static str>),
    Unchanged,
}

/// What a person has to know about the secrets of a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Secret {
    Nothing,
    /// They may differ.
    NotCompared,
    /// The API has made one up.
    MadeUp,
}

impl Secret {
    /// That of a record which was created with this body. A webhook without a secret gets one.
    pub(crate) fn of_new(kind: Kind, body: &Fields) -> Self {
        if kind == Kind::Webhook && !body.contains_key("Secret") { Self::MadeUp } else { Self::Nothing }
    }
}

impl Done {
    /// In a word, and the fields that were changed.
    fn told(&self) -> (&'static str, &[&'static str]) {
        match &self.became {
            Became::Created => ("created", &[]),
            Became::Changed(fields) => ("changed", fields),
            Became::Unchanged => ("unchanged", &[]),
        }
    }

    /// A line for people, or the record as `-o name` prints it.
    pub(crate) fn line(&self, format: Option<Format>) -> String {
        if format == Some(Format::Name) {
            return format!("{}/{}\n", self.kind.label(), clean(&self.name));
        }
        let style = match self.became {
            Became::Created => GOOD,
            Became::Changed(_) => WAITING,
            Became::Unchanged => FAINT,
        };
        let (word, fields) = self.told();
        let fields = if fields.is_empty() { String::new() } else { format!("   {}", paint(FAINT, &fields.join(", "))) };
        let padded = format!("{word:<9}");
        format!("{}   {} {}{fields}\n", paint(style, &padded), paint(PLAIN, self.kind.as_str()), clean(&self.name))
    }

    /// The same for programs.
    pub(crate) fn data(&self) -> Value {
        let (word, fields) = self.told();
        json!({"Kind": self.kind, "Name": self.name, "ID": self.id.to_string(), "Result": word, "Fields": fields})
    }
}

/// What is to be said about secrets. None is printed: what an apply prints often ends in the log of a pipeline.
pub(crate) fn remarks(done: &[Done]) -> String {
    let mut text = String::new();
    if done.iter().any(|one| one.secret == Secret::NotCompared) {
        text.push_str(
            "Secrets were not compared, because nobody can read them back; --send-secrets writes them again.\n",
        );
    }
    for one in done.iter().filter(|one| one.secret == Secret::MadeUp) {
        text.push_str(&format!(
            "{} {} got a secret that was made up and is not shown. Have one shown that its receiver can use: causeway webhook rotate-secret {}\n",
            one.kind,
            clean(&one.name),
            kinds::quoted(&one.name)
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_was_made_up_is_told_of_and_not_shown() {
        let of = |body: Value| Secret::of_new(Kind::Webhook, body.as_object().unwrap());
        assert_eq!(of(json!({"Name": "a", "Secret": "whsec_x"})), Secret::Nothing);
        let made_up = of(json!({"Name": "a"}));
        assert_eq!(Secret::of_new(Kind::AwsAccount, &Fields::new()), Secret::Nothing);
        let done = |name: &str, secret| Done {
            kind: Kind::Webhook,
            name: name.into(),
            id: 7,
            became: Became::Created,
            secret,
        };
        assert_eq!(remarks(&[done("a", Secret::Nothing)]), "");
        let text = remarks(&[done("my hook", made_up), done("b", Secret::NotCompared)]);
        assert!(text.contains("Webhook my hook got a secret") && text.contains("rotate-secret 'my hook'\n"), "{text}");
        assert!(text.contains("--send-secrets"), "{text}");
    }
}
