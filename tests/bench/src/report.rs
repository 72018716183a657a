//! What was measured: a table for people, JSON for programs, bars for the eye.

use std::{fmt::Write, fs, path::Path};

use anyhow::{Context, Result};
use serde::{Serialize, Serializer};

/// One measured value, beside the least that the parts below allow.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What was measured: `a: POST of a gateway instance to its objects, p50`.
    pub case: String,
    /// The value.
    pub value: f64,
    /// Its unit: `ms`, `1/s`, `writes`.
    pub unit: &'static str,
    /// The same work done by the parts below alone, in the same run and unit; None where there is nothing to compare with.
    pub floor: Option<f64>,
    /// `value / floor`.
    pub ratio: Option<f64>,
    /// What is aimed at, in words; empty for a value that is shown only.
    #[serde(rename = "target", serialize_with = "in_words")]
    pub targets: Vec<Target>,
    /// Whether it is reached; None without a target.
    pub holds: Option<bool>,
}

/// A bound that a figure should keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// `ratio` is at most this.
    RatioAtMost(f64),
    /// `ratio` is at least this.
    RatioAtLeast(f64),
    /// `value` is at most this.
    AtMost(f64),
}

impl Target {
    fn holds(self, figure: &Figure) -> bool {
        match self {
            Self::RatioAtMost(limit) => figure.ratio.is_some_and(|ratio| ratio <= limit),
            Self::RatioAtLeast(limit) => figure.ratio.is_some_and(|ratio| ratio >= limit),
            Self::AtMost(limit) => figure.value <= limit,
        }
    }

    fn words(self, unit: &str) -> String {
        match self {
            Self::RatioAtMost(limit) => format!("ratio ≤ {limit}"),
            Self::RatioAtLeast(limit) => format!("ratio ≥ {limit}"),
            Self::AtMost(limit) => format!("≤ {limit} {unit}"),
        }
    }
}

impl Figure {
    /// A value without floor or target.
    #[must_use]
    pub fn new(case: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { case: case.into(), value, unit, floor: None, ratio: None, targets: vec![], holds: None }
    }

    /// Of rounds that measured both in turn: the middle of the values, of the floors, and of the ratios of the rounds. What disturbs the
    /// machine for longer than a round disturbs both sides of it.
    #[must_use]
    pub fn paired(case: impl Into<String>, rounds: &[(f64, f64)], unit: &'static str) -> Self {
        let value = median(rounds.iter().map(|(value, _)| *value));
        let mut figure = Self::new(case, value, unit).floor(median(rounds.iter().map(|(_, floor)| *floor)));
        let ratios: Vec<_> =
            rounds.iter().filter(|(_, floor)| *floor > 0.0).map(|(value, floor)| value / floor).collect();
        figure.ratio = (!ratios.is_empty()).then(|| median(ratios));
        figure
    }

    /// With what the parts below need for the same.
    #[must_use]
    pub fn floor(mut self, floor: f64) -> Self {
        self.floor = Some(floor);
        // A floor of nothing has no ratio.
        self.ratio = (floor > 0.0).then(|| self.value / floor);
        self.judged()
    }

    /// With one more bound; all must hold.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.targets.push(target);
        self.judged()
    }

    fn judged(mut self) -> Self {
        let holds = self.targets.iter().all(|target| target.holds(&self));
        self.holds = (!self.targets.is_empty()).then_some(holds);
        self
    }

    fn target_words(&self) -> String {
        self.targets.iter().map(|target| target.words(self.unit)).collect::<Vec<_>>().join(", ")
    }
}

fn in_words<S: Serializer>(targets: &[Target], serializer: S) -> Result<S::Ok, S::Error> {
    // The unit has a field of its own.
    let words: Vec<_> = targets.iter().map(|target| target.words("").trim_end().to_owned()).collect();
    serializer.serialize_str(&words.join(", "))
}

/// The figures of one benchmark, in the order in which they were measured.
#[derive(Debug, Default)]
pub struct Report {
    figures: Vec<Figure>,
}

impl Report {
    /// Adds a figure, and says it at once: the next one may take minutes.
    pub fn add(&mut self, figure: Figure) {
        eprintln!("{}", row(&figure));
        self.figures.push(figure);
    }

    /// What was measured so far.
    #[must_use]
    pub fn figures(&self) -> &[Figure] {
        &self.figures
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = heading();
        for figure in &self.figures {
            let _ = write!(table, "\n{}", row(figure));
        }
        table
    }

    /// Writes `<name>.json` and `<name>.svg` into a folder.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn write(&self, folder: &Path, name: &str) -> Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
        let json = folder.join(format!("{name}.json"));
        let text = serde_json::to_string_pretty(&self.figures)? + "\n";
        fs::write(&json, text).with_context(|| format!("can't write {}", json.display()))?;
        let plot = folder.join(format!("{name}.svg"));
        crate::plot::ratios(&self.figures, &plot).with_context(|| format!("can't write {}", plot.display()))?;
        eprintln!("written: {} and {}", json.display(), plot.display());
        Ok(())
    }
}

fn heading() -> String {
    format!("{:<66} {:>10} {:<7} {:>10} {:>7}  {:<24} {}", "case", "value", "unit", "floor", "ratio", "target", "holds")
}

fn row(figure: &Figure) -> String {
    let optional = |value: Option<f64>| value.map(short).unwrap_or_default();
    let holds = match figure.holds {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "",
    };
    format!(
        "{:<66} {:>10} {:<7} {:>10} {:>7}  {:<24} {holds}",
        figure.case,
        short(figure.value),
        figure.unit,
        optional(figure.floor),
        optional(figure.ratio),
        figure.target_words(),
    )
}

/// Three digits that count.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<_> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    percentile(&sorted, 0.5)
}

/// The value below which `share` of the sorted samples lie; 0 without samples.
#[must_use]
pub fn percentile(sorted: &[f64], share: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index, not negative")]
    let at = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(at.saturating_sub(1).min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bounds_of_a_figure_must_hold() {
        let figure = Figure::new("x", 50.0, "ms").floor(20.0);
        assert_eq!((figure.ratio, figure.holds), (Some(2.5), None));
        let figure = figure.target(Target::AtMost(60.0));
        assert_eq!(figure.holds, Some(true));
        assert_eq!(figure.target(Target::RatioAtMost(2.0)).holds, Some(false));
        let late = Figure::new("x", 7.0, "1/s").target(Target::RatioAtLeast(0.7));
        assert_eq!(late.holds, Some(false), "without a floor there is no ratio");
        assert_eq!(late.floor(10.0).holds, Some(true));
    }

    #[test]
    fn one_disturbed_round_decides_nothing() {
        let figure = Figure::paired("x", &[(95.0, 100.0), (10.0, 100.0), (47.0, 50.0)], "1/s");
        assert_eq!((figure.value, figure.floor, figure.ratio), (47.0, Some(100.0), Some(0.94)));
        assert_eq!(Figure::paired("x", &[(1.0, 0.0)], "ms").ratio, None);
    }

    #[test]
    fn programs_read_the_target_in_words() {
        let figure = Figure::new("x", 1.0, "ms").target(Target::AtMost(60.0)).target(Target::RatioAtMost(2.0));
        let json = serde_json::to_value(figure).unwrap();
        assert_eq!(json["target"], "≤ 60, ratio ≤ 2");
        assert_eq!((json["holds"].as_bool(), json["floor"].is_null()), (Some(false), true));
    }

    #[test]
    fn percentiles_are_samples() {
        let samples: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!([0.5, 0.99, 1.0].map(|share| percentile(&samples, share)), [50.0, 99.0, 100.0]);
        assert_eq!((percentile(&[7.0], 0.5), percentile(&[], 0.5)), (7.0, 0.0));
    }

    #[test]
    fn a_report_becomes_files() {
        let folder = std::env::temp_dir().join(format!("causeway-report-{}", std::process::id()));
        let mut report = Report::default();
        report.add(Figure::new("a", 30.0, "ms").floor(20.0).target(Target::RatioAtMost(2.0)));
        report.add(Figure::new("b", 0.0, "writes").target(Target::AtMost(0.0)));
        assert!(report.table().lines().count() == 3 && report.table().contains("ratio ≤ 2"));
        report.write(&folder, "test").unwrap();
        let json = fs::read(folder.join("test.json")).unwrap();
        let read: Vec<serde_json::Value> = serde_json::from_slice(&json).unwrap();
        assert_eq!((read.len(), read[0]["ratio"].as_f64()), (2, Some(1.5)));
        assert!(fs::read_to_string(folder.join("test.svg")).unwrap().contains("<svg"));
        fs::remove_dir_all(folder).unwrap();
    }
}
