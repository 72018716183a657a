use super::{Rules, Texts};
use crate::{Kind, problem::Problem, text::Name};
use causeway_records_derive::Noun;
use std::fmt;

/// Records that a set has at most.
const MOST: usize = 10_000;

/// A set of documents under a name, with the records that applying them has created: by it `causeway apply --prune` knows what has left the documents.
/// It holds nothing up, and goes without them.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "apply-sets")]
pub struct ApplySet {
    /// Unique among live sets.
    #[noun(required, example = "shop")]
    pub name: Name,
    /// The records that were created for the set, as in paths: kind and id. Some may be gone. One that is about to be created has its name instead:
    /// gateway-instances?name=shop.
    #[noun(no_filter, example = r#"["gateway-instances/912345678900001024"]"#)]
    pub members: Option<Texts>,
}

/// A record of a set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SetMember {
    /// It was created for the set.
    Created(Kind, i64),
    /// It is about to be created. Whether it was isn't on record yet.
    Announced(Kind, String),
}

impl SetMember {
    /// The member that stands in a set as this text; None: the text is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let end = text.find(['/', '?'])?;
        let kind = super::ALL.iter().find(|info| info.plural == &text[..end])?.kind;
        match text[end..].strip_prefix("?name=") {
            Some(name) => (!name.is_empty()).then(|| Self::Announced(kind, name.to_owned())),
            None => Some(Self::Created(kind, text[end..].strip_prefix('/')?.parse().ok()?)),
        }
    }
}

impl fmt::Display for SetMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created(kind, id) => write!(f, "{}/{id}", kind.info().plural),
            Self::Announced(kind, name) => write!(f, "{}?name={name}", kind.info().plural),
        }
    }
}

impl Rules for ApplySet {
    fn check(&self) -> Vec<Problem> {
        let Some(members) = &self.members else { return vec![] };
        if members.0.len() > MOST {
            return vec![Problem::new("Members", format!("must be {MOST} records at most; make two sets of it"))];
        }
        let wrong = members.0.iter().find(|text| SetMember::read(text).is_none());
        let problem = |text: &String| {
            Problem::new(
                "Members",
                format!("`{}` is no record; write kind and id as in paths: gateway-instances/7", text.escape_debug()),
            )
        };
        wrong.map(problem).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_records() {
        for (member, text) in [
            (SetMember::Created(Kind::GatewayInstance, 7), "gateway-instances/7"),
            (SetMember::Announced(Kind::GatewayInstance, "a/b?name=c".into()), "gateway-instances?name=a/b?name=c"),
        ] {
            assert_eq!((member.to_string().as_str(), SetMember::read(text)), (text, Some(member)));
        }
        let problems = |members: &[&str]| {
            let members = Some(Texts(members.iter().map(|text| (*text).to_owned()).collect()));
            ApplySet { members, ..ApplySet::default() }.check()
        };
        assert!(problems(&["gateway-instances/7", "aws-accounts/8", "aws-accounts?name=ü"]).is_empty());
        for wrong in [
            "gateway-instances",
            "elsewhere/7",
            "gateway-instances/x",
            "listener-sets/7",
            "aws-accounts?name=",
            "aws-accounts?id=7",
        ] {
            assert!(problems(&["aws-accounts/8", wrong])[0].problem.contains("is no record"), "{wrong}");
        }
        assert!(problems(&vec!["aws-accounts/8"; MOST + 1])[0].problem.contains("10000 records at most"));
    }
}
