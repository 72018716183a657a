//! The model: random sequences of creations, changes and deletions over several definitions, instances and clusters, with random failures in
//! between; then quiet; then the question whether exactly what was asked for stands, and nothing else. `docs/faults.md` says how to play one again.
//!
//! A sequence ([`sequence`]) is played step by step ([`play`]) by a control plane that is its own meanwhile ([`lane`]). The model ([`world`],
//! [`claims`]) knows what the API must say to each request, and what must stand at the end; [`checks`] look at the clusters, the zone, the API
//! servers' logs and the database themselves.

mod bundles;
mod checks;
mod claims;
mod faults;
mod grounds;
mod lane;
mod play;
mod run;
mod sequence;
mod settings;
mod world;

use settings::Settings;

#[tokio::test(flavor = "multi_thread")]
async fn random_sequences_with_failures_leave_exactly_what_was_asked_for() {
    let settings = Settings::from_env().expect("the settings can't be read");
    println!("{settings:?}");
    match run::run(&settings).await {
        Ok(report) => println!("{report}"),
        Err(error) => panic!("{error:#}\n\nthe first seed of this run was {}", settings.seed),
    }
}
