//! Documents: what people write in files, and what it asks of the API. Nothing here sends or waits.
//!
//! ```text
//! files ─▶ Document ──▶ Wanted (one record, others by name) ──┐
//!                                                             ├─▶ Operation: create, change, nothing
//!                           records that stand ─▶ Live ───────┘
//! ```

pub(crate) mod intent;
pub(crate) mod keys;
pub(crate) mod kubeconfig;
pub(crate) mod live;
mod pairs;
pub(crate) mod plan;
pub(crate) mod set;
pub(crate) mod source;
pub(crate) mod wanted;
pub(crate) mod written;

use crate::failure::{Failure, Outcome};
use source::Document;
use wanted::Wanted;

/// What documents ask for, parents before those that name them.
pub(crate) fn wanted(documents: Vec<Document>) -> Outcome<Vec<Wanted>> {
    let mut all = vec![];
    for document in documents {
        let place = document.place.clone();
        all.extend(pairs::expand(document).map_err(|failure| failure.at(&place))?);
    }
    if all.is_empty() {
        return Err(Failure::usage("the files hold no document").next("causeway explain"));
    }
    ordered(all)
}

/// Sorts by dependence, and otherwise leaves the order of the files. A record that is asked for twice is refused.
fn ordered(mut all: Vec<Wanted>) -> Outcome<Vec<Wanted>> {
    all.sort_by_key(|wanted| crate::kinds::rank(wanted.kind));
    for (at, wanted) in all.iter().enumerate() {
        if let Some(other) = all[..at].iter().find(|other| other.kind == wanted.kind && other.name == wanted.name) {
            let sentence = format!(
                "{}: {} {} stands in {}, too; keep one of them",
                wanted.place, wanted.kind, wanted.name, other.place
            );
            return Err(Failure::usage(sentence));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
