//! Which requests a match is about. It is on record as a text, which is the same for the same requests, different for different ones, and can be read
//! again.

use serde_json::Value;
use std::{collections::BTreeMap, fmt, str::FromStr};

/// What a match demands of a request: all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requests {
    /// What it demands of the path.
    pub path: PathDemand,
    /// The method; None: any.
    pub method: Option<String>,
    /// Of headers, by name in lower case.
    pub headers: BTreeMap<String, Demand>,
    /// Of query parameters, by name.
    pub query: BTreeMap<String, Demand>,
}

/// What a match demands of the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathDemand {
    /// It is this one.
    Exact(String),
    /// It is this one, which has no final slash, or goes on with a slash. `/` is every path.
    Prefix(String),
    /// A regular expression describes the whole of it.
    Regular(String),
    /// It is the method of a gRPC service.
    Call {
        /// The service; None: any.
        service: Option<String>,
        /// The method; None: any.
        method: Option<String>,
        /// Both are regular expressions.
        regular: bool,
    },
}

/// What a match demands of a header or query parameter, which must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The value, or the regular expression that describes the whole of it.
    pub value: String,
    /// It is a regular expression.
    pub regular: bool,
}

const EXACTLY: &str = " exactly";
const MATCHING: &str = "/ matching ";
const GRPC: &str = " (gRPC)";
const METHOD: &str = ", method ";
const HEADER: &str = ", header ";
const QUERY: &str = ", query parameter ";

impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)?;
        if let Some(method) = &self.method {
            write!(f, "{METHOD}{method}")?;
        }
        for (what, demands) in [(HEADER, &self.headers), (QUERY, &self.query)] {
            for (name, Demand { value, regular }) in demands {
                let sign = if *regular { "matching" } else { "=" };
                write!(f, "{what}{name} {sign} {}", quoted(value))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for PathDemand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(path) => write!(f, "{path}{EXACTLY}"),
            Self::Prefix(path) => f.write_str(path),
            Self::Regular(path) => write!(f, "{MATCHING}{}", quoted(path)),
            Self::Call { service: None, method: None, .. } => write!(f, "/{GRPC}"),
            Self::Call { service, method, regular } => {
                let part = |part: &Option<String>| match part {
                    None => "*".to_owned(),
                    Some(text) if *regular => quoted(text),
                    Some(text) => text.clone(),
                };
                let start = if *regular { MATCHING } else { "/" };
                write!(f, "{start}{}/{}{GRPC}", part(service), part(method))
            }
        }
    }
}

/// In quotes, so that no value looks like the end of one.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A text that was cut because it is long can't be read.
#[derive(Debug, PartialEq, Eq)]
pub struct UnreadableMatch;

impl FromStr for Requests {
    type Err = UnreadableMatch;

    fn from_str(text: &str) -> Result<Self, UnreadableMatch> {
        let mut rest = Reader(text);
        let path = rest.path().ok_or(UnreadableMatch)?;
        let mut read = Self { path, method: None, headers: BTreeMap::new(), query: BTreeMap::new() };
        while !rest.0.is_empty() {
            if rest.take(METHOD) {
                read.method = Some(rest.word(',').to_owned());
                continue;
            }
            let list = if rest.take(HEADER) {
                &mut read.headers
            } else if rest.take(QUERY) {
                &mut read.query
            } else {
                return Err(UnreadableMatch);
            };
            let name = rest.word(' ').to_owned();
            let regular = rest.take(" matching ");
            let is_said = regular || rest.take(" = ");
            let value = rest.quoted().filter(|_| is_said).ok_or(UnreadableMatch)?;
            list.insert(name, Demand { value, regular });
        }
        Ok(read)
    }
}

/// What is left to read.
struct Reader<'t>(&'t str);

impl<'t> Reader<'t> {
    fn take(&mut self, start: &str) -> bool {
        self.0.strip_prefix(start).map(|rest| self.0 = rest).is_some()
    }

    /// All before a letter.
    fn word(&mut self, end: char) -> &'t str {
        let (word, rest) = self.0.split_at(self.0.find(end).unwrap_or(self.0.len()));
        self.0 = rest;
        word
    }

    fn quoted(&mut self) -> Option<String> {
        let mut values = serde_json::Deserializer::from_str(self.0).into_iter::<String>();
        let text = values.next()?.ok()?;
        self.0 = &self.0[values.byte_offset()..];
        Some(text)
    }

    fn path(&mut self) -> Option<PathDemand> {
        if self.take(MATCHING) {
            let part = |rest: &mut Self| if rest.take("*") { Some(None) } else { rest.quoted().map(Some) };
            let first = part(self)?;
            if !self.take("/") {
                return first.map(PathDemand::Regular);
            }
            let (service, method) = (first, part(self)?);
            return self.take(GRPC).then_some(PathDemand::Call { service, method, regular: true });
        }
        let path = self.plain();
        if self.take(EXACTLY) {
            return Some(PathDemand::Exact(path.to_owned()));
        }
        if !self.take(GRPC) {
            return path.starts_with('/').then(|| PathDemand::Prefix(path.to_owned()));
        }
        let part = |part: &str| (part != "*").then(|| part.to_owned());
        let (service, method) = match path.strip_prefix('/')? {
            "" => (None, None),
            both => both.split_once('/').map(|(service, method)| (part(service), part(method)))?,
        };
        Some(PathDemand::Call { service, method, regular: false })
    }

    /// A path: it has no spaces, and may end with a comma, as what stands before a demand does.
    fn plain(&mut self) -> &'t str {
        let end = self.0.find(' ').unwrap_or(self.0.len());
        let before_demand = end.checked_sub(1).filter(|comma| {
            let rest = self.0.get(*comma..).unwrap_or_default();
            [METHOD, HEADER, QUERY].iter().any(|demand| rest.starts_with(demand))
        });
        let (path, rest) = self.0.split_at(before_demand.unwrap_or(end));
        self.0 = rest;
        path
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::{collection::btree_map, option, prelude::*, sample::select};

    fn demands() -> impl Strategy<Value = BTreeMap<String, Demand>> {
        let demand = ("[ab\", =(…]{0,3}", any::<bool>()).prop_map(|(value, regular)| Demand { value, regular });
        btree_map("[a-c]", demand, 0..3)
    }

    fn path() -> impl Strategy<Value = PathDemand> {
        let part = || option::of("[a-z.\"/]{1,3}");
        prop_oneof![
            "/[a,/]{0,3}".prop_map(PathDemand::Exact),
            "/[a,]{0,3}".prop_map(PathDemand::Prefix),
            "[a, \"/*]{0,3}".prop_map(PathDemand::Regular),
            (option::of("[a-z.]{1,3}"), option::of("[a-z]{1,3}")).prop_map(|(service, method)| PathDemand::Call {
                service,
                method,
                regular: false
            }),
            (part(), part()).prop_filter_map("without both it is no regular expression", |(service, method)| {
                let regular = service.is_some() || method.is_some();
                regular.then_some(PathDemand::Call { service, method, regular })
            }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            path in path(), method in option::of(select(vec!["GET", "PUT"])), headers in demands(), query in demands(),
        ) {
            let requests = Requests { path, method: method.map(str::to_owned), headers, query };
            prop_assert_eq!(requests.to_string().parse(), Ok(requests));
        }

        #[test]
        fn any_text_is_read_or_not(text in ".{0,40}") {
            let read = text.parse::<Requests>();
            prop_assert!(read.is_err() || text.starts_with('/'));
        }
    }

    #[test]
    fn a_text_that_was_cut_is_not_read() {
        for cut in ["/aaa… (12)", "/a, header x = \"aaa… (12)", "/a, method GE… (12)", "", "a"] {
            let read = cut.parse::<Requests>();
            assert!(read.is_err() || cut.contains("method"), "{cut}: {read:?}");
        }
    }
}
