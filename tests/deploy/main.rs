//! What an operator gets: the chart and what it installs, container images, alert rules and the dashboard of Grafana.
//!
//! `make test-one T=deploy` runs it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod alerts;
mod chart;
mod helm;
mod images;
mod installed;
mod monitoring;
mod refusals;
mod settings;
mod strict;
mod trial;
mod values_page;

use std::path::{Path, PathBuf};

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
