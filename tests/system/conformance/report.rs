//! How the two runs differ. Each difference has a reason in `differences.toml`, or is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

/// Lines of a log that say why a test has failed.
const SHOWN_LINES: usize = 6;
/// What all tests share, as a test.
const BASE: &str = "base";

/// What came of a test.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Came {
    Passed,
    Failed,
    Skipped,
}

/// A test as the suite's program tells of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Outcome {
    name: String,
    result: Came,
    #[serde(default)]
    why: String,
    seconds: f64,
    /// Objects that workers wrote.
    #[serde(default)]
    taken: Vec<String>,
    /// Objects that were applied straight all the same, and why.
    #[serde(default)]
    beside: BTreeMap<String, String>,
}

impl Outcome {
    /// With what the log says of it.
    pub(super) fn explained(mut self, log: &str) -> Self {
        if self.result == Came::Failed {
            self.why = said(log, &self.name);
        }
        self
    }
}

/// The lines of a test's part of the log that tell of an error.
fn said(log: &str, test: &str) -> String {
    let begin = format!("=== RUN   Conformance/{test}");
    let lines = log.lines().skip_while(|line| *line != begin).skip(1);
    let own = lines.take_while(|line| !line.starts_with("=== RUN   ") || line.starts_with(&format!("{begin}/")));
    let told = own
        .map(str::trim)
        .filter(|line| line.contains("Error:") || line.contains("rror ") || line.contains("causeway "));
    let told: Vec<_> = told.take(SHOWN_LINES).collect();
    if told.is_empty() { "see its log".to_owned() } else { told.join(" | ") }
}

/// In which way a test differs.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Way {
    /// It passes straight, and not through the API.
    Fails,
    /// It passes both ways, but some of its objects were applied straight both times, because no record says them.
    Beside,
}

/// A difference that has to be, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    tests: Vec<String>,
    way: Way,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Differences {
    #[serde(default)]
    difference: Vec<Known>,
}

/// The list that is kept.
pub(super) fn known() -> Vec<Known> {
    let list: Differences = toml::from_str(include_str!("differences.toml")).unwrap();
    list.difference
}

/// One test, both ways.
#[derive(Debug, Serialize)]
struct Row {
    test: String,
    straight: Came,
    through: Came,
    seconds: (f64, f64),
    taken: Vec<String>,
    beside: BTreeMap<String, String>,
    difference: Option<Way>,
    /// Why they differ, or what went wrong.
    reason: String,
    is_known: bool,
}

/// All tests, both ways.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    rows: Vec<Row>,
    /// What the list has of tests that ran and don't differ so.
    outdated: Vec<String>,
}

impl Report {
    pub(super) fn new(straight: &[Outcome], through: &[Outcome], known: &[Known]) -> Self {
        let rows: Vec<Row> =
            straight.iter().map(|one| row(one, through.iter().find(|other| other.name == one.name), known)).collect();
        let differ: BTreeSet<_> = rows.iter().filter_map(|row| Some((row.test.as_str(), row.difference?))).collect();
        let ran: BTreeSet<_> = rows.iter().map(|row| row.test.as_str()).collect();
        let listed = known.iter().flat_map(|one| one.tests.iter().map(move |test| (test.as_str(), one.way)));
        let outdated = listed.filter(|one| ran.contains(one.0) && !differ.contains(one));
        let outdated = outdated.map(|(test, way)| format!("{test}: {way:?}")).collect();
        Self { rows, outdated }
    }

    fn tests(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.test != BASE)
    }

    /// How many pass straight, and how many through the API.
    pub(super) fn passed(&self) -> (usize, usize) {
        let count = |came: fn(&Row) -> Came| self.tests().filter(|row| came(row) == Came::Passed).count();
        (count(|row| row.straight), count(|row| row.through))
    }

    /// What a test says that doesn't pass both ways, or differs although no reason is known.
    pub(super) fn troubles(&self) -> Vec<String> {
        let both = (Came::Passed, Came::Passed);
        let troubled = self.rows.iter().filter(|row| (row.straight, row.through) != both || row.is_unexplained());
        troubled.map(|row| format!("{} {:?}/{:?}: {}", row.test, row.straight, row.through, row.reason)).collect()
    }

    /// Tests that differ although no reason is known.
    pub(super) fn unexplained(&self) -> Vec<&str> {
        self.rows.iter().filter(|row| row.is_unexplained()).map(|row| row.test.as_str()).collect()
    }
}

impl Row {
    fn is_unexplained(&self) -> bool {
        self.difference.is_some() && !self.is_known
    }
}

fn row(straight: &Outcome, through: Option<&Outcome>, known: &[Known]) -> Row {
    let came = through.map_or(Came::Failed, |outcome| outcome.result);
    let beside = through.map(|outcome| outcome.beside.clone()).unwrap_or_default();
    let difference = match (straight.result, came) {
        (Came::Passed, Came::Failed | Came::Skipped) => Some(Way::Fails),
        (Came::Passed, Came::Passed) if !beside.is_empty() => Some(Way::Beside),
        _ => None,
    };
    let reason =
        difference.and_then(|way| known.iter().find(|one| one.way == way && one.tests.contains(&straight.name)));
    let told = || match (difference, through) {
        (Some(Way::Fails), None) => "the suite ended before it".to_owned(),
        (Some(Way::Fails), Some(outcome)) => outcome.why.clone(),
        (Some(Way::Beside), _) => {
            beside.iter().map(|(object, why)| format!("{object}: {why}")).collect::<Vec<_>>().join("; ")
        }
        (None, _) => straight.why.clone(),
    };
    Row {
        test: straight.name.clone(),
        straight: straight.result,
        through: came,
        seconds: (straight.seconds, through.map_or(0.0, |outcome| outcome.seconds)),
        taken: through.map(|outcome| outcome.taken.clone()).unwrap_or_default(),
        is_known: reason.is_some(),
        reason: reason.map_or_else(told, |known| known.reason.clone()),
        beside,
        difference,
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<60} {:<9} {:<9} {:>6} {:>6}  objects by records", "test", "straight", "through", "s", "s")?;
        for row in &self.rows {
            let (one, two) = (format!("{:?}", row.straight), format!("{:?}", row.through));
            let of = row.taken.len() + row.beside.len();
            let (a, b) = row.seconds;
            write!(f, "{:<60} {one:<9} {two:<9} {a:>6.1} {b:>6.1}  {} of {of}", row.test, row.taken.len())?;
            match row.difference {
                Some(_) if !row.is_known => writeln!(f, "  UNEXPLAINED: {}", row.reason)?,
                _ if row.reason.is_empty() => writeln!(f)?,
                _ => writeln!(f, "  {}", row.reason)?,
            }
        }
        let (straight, through) = self.passed();
        writeln!(f, "{straight} pass straight, {through} through the API, of {} tests", self.tests().count())?;
        for line in &self.outdated {
            writeln!(f, "differences.toml has {line}, which isn't so any more: take it out")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn outcome(name: &str, result: &str, beside: &[&str]) -> Outcome {
        let beside: BTreeMap<_, _> = beside.iter().map(|object| (*object, "no record says it")).collect();
        let text =
            json!({"Name": name, "Result": result, "Seconds": 1.0, "Taken": ["HTTPRoute a/b"], "Beside": beside});
        serde_json::from_value(text).unwrap()
    }

    fn listed(test: &str, way: Way) -> Known {
        Known { tests: vec![test.to_owned()], way, reason: "so it is".to_owned() }
    }

    #[test]
    fn a_difference_without_a_reason_is_told() {
        let straight = [
            outcome("A", "passed", &[]),
            outcome("B", "passed", &[]),
            outcome("C", "failed", &[]),
            outcome("D", "passed", &[]),
        ];
        let through =
            [outcome("A", "failed", &[]), outcome("B", "passed", &["Gateway a/c"]), outcome("C", "failed", &[])];
        let report = Report::new(&straight, &through, &[]);
        assert_eq!((report.passed(), report.unexplained()), ((3, 1), vec!["A", "B", "D"]));
        let troubles = report.troubles();
        assert_eq!(troubles.len(), 4);
        assert!(
            troubles[2].starts_with("C Failed/Failed: ") && troubles[3].ends_with("ended before it"),
            "{troubles:?}"
        );
        let report = Report::new(
            &straight,
            &through,
            &[listed("A", Way::Fails), listed("B", Way::Fails), listed("D", Way::Fails)],
        );
        assert_eq!(report.unexplained(), ["B"], "it is another difference");
        assert_eq!(report.outdated, ["B: Fails"]);
        assert!(report.to_string().contains("UNEXPLAINED: Gateway a/c: no record says it"), "{report}");
    }

    #[test]
    fn the_log_says_why_a_test_has_failed() {
        let log = "=== RUN   Conformance/A\n    x.go:1: Error: first\n=== RUN   Conformance/A/sub\n    Error: second\n=== RUN   Conformance/B\n    Error: of another";
        assert_eq!(said(log, "A"), "x.go:1: Error: first | Error: second");
        assert_eq!(said(log, "C"), "see its log");
    }

    #[test]
    fn each_difference_that_is_listed_has_a_reason() {
        let known = known();
        assert!(known.iter().all(|one| !one.reason.trim().is_empty() && !one.tests.is_empty()), "{known:?}");
    }
}
