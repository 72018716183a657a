//! The model: random sequences of creations, changes and deletions over several definitions, instances and clusters, with random failures
//! in between. When everything is quiet again, exactly what was requested must exist, and nothing else.
//!
//! The model deliberately shares no code with the product that it checks. It has its own idea of what the API must accept ([`world`],
//! [`claims`]) and of the objects that must exist; a mistake in the product's rules, names or renderers is not repeated here. The only
//! product code in it serves the failures: the names of failpoints, and the bus with its kinds, which carries wrong hints.
//!
//! A sequence ([`sequence`]) is played step by step ([`play`]) by a control plane that belongs to it meanwhile ([`lane`]). [`checks`] read
//! the clusters, the zone, the API servers' logs and the database themselves. `docs/faults.md` says how to play a sequence again.

mod bodies;
mod bundles;
mod checks;
mod claims;
mod draft;
mod faults;
mod foreign;
mod harness;
mod lane;
mod late;
mod ongoing;
mod play;
mod publishing;
mod requests;
mod run;
mod sequence;
mod settings;
mod webhook;
mod world;
mod zones;

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
