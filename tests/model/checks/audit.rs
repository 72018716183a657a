//! What a cluster's API server has written down of the writes of each lane: a lane may change and delete only what it has itself made.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use serde_json::Value;

/// All users of lanes begin with this.
const LANES: &str = "system:serviceaccount:default:model-";

/// The log, read as far as it was written.
pub(crate) struct Audit {
    path: PathBuf,
    reader: Option<BufReader<File>>,
    /// The beginning of a line whose end isn't written yet.
    rest: String,
    users: BTreeMap<String, Writes>,
}

/// What one user has done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writes {
    /// Successful writes.
    pub(crate) done: usize,
    /// Resource, namespace and name of everything it ever made, or may have: a request that broke off may have been done.
    made: BTreeSet<[String; 3]>,
    /// What else it tried, and how that was answered.
    tried: BTreeMap<[String; 3], Vec<i64>>,
    /// What it did to others' objects.
    harm: Vec<String>,
}

impl Audit {
    pub(crate) fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), reader: None, rest: String::new(), users: BTreeMap::new() }
    }

    /// Whether a user has left alone what isn't its own, as far as is written.
    pub(crate) fn check(&mut self, user: &str) -> Result<()> {
        self.read()?;
        let harm = self.users.get(user).map(|writes| writes.harm.join("\n")).unwrap_or_default();
        ensure!(harm.is_empty(), "what our workers never made was changed by them:\n{harm}");
        Ok(())
    }

    /// How many writes of all lanes were done.
    pub(crate) fn done(&self) -> usize {
        self.users.values().map(|writes| writes.done).sum()
    }

    /// Goes on where it stopped.
    fn read(&mut self) -> Result<()> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => none.insert(BufReader::new(File::open(&self.path)?)),
        };
        while reader.read_line(&mut self.rest)? > 0 {
            if self.rest.ends_with('\n') {
                note(&mut self.users, &self.rest);
                self.rest.clear();
            }
        }
        Ok(())
    }
}

fn note(users: &mut BTreeMap<String, Writes>, line: &str) {
    if !line.contains(LANES) {
        return;
    }
    let Ok(event) = serde_json::from_str::<Value>(line) else { return };
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let user = text("/user/username");
    let code = event.pointer("/responseStatus/code").and_then(Value::as_i64).unwrap_or_default();
    if !user.starts_with(LANES) || text("/requestURI").contains("dryRun=All") {
        return;
    }
    let object = ["resource", "namespace", "name"].map(|part| text(&format!("/objectRef/{part}")));
    let writes = users.entry(user).or_default();
    if !(200..300).contains(&code) {
        // 499 is what a server calls a client that has hung up; none at all is an answer that could not be given.
        if text("/verb") == "patch" && (code == 0 || code >= 499) {
            writes.made.insert(object.clone());
        }
        writes.tried.entry(object).or_default().push(code);
        return;
    }
    writes.done += 1;
    if code == 201 {
        writes.made.insert(object);
        return;
    }
    // cert-manager makes the Secret of a Certificate and leaves it behind; it has our labels and our Certificate's name.
    let [resource, namespace, name] = object.clone();
    let certificate = ["certificates".to_owned(), namespace, name];
    let secret = resource == "secrets" && text("/verb") == "delete" && writes.made.contains(&certificate);
    if !writes.made.contains(&object) && !secret {
        let tried = writes.tried.get(&object).cloned().unwrap_or_default();
        writes.harm.push(format!("{} {} (before: {tried:?})", text("/verb"), text("/requestURI")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn line(verb: &str, name: &str, code: i64) -> String {
        let object = serde_json::json!({"resource": "configmaps", "namespace": "n", "name": name});
        let event = serde_json::json!({
            "verb": verb, "requestURI": format!("/{name}"), "user": {"username": format!("{LANES}1")},
            "objectRef": object, "responseStatus": {"code": code},
        });
        format!("{event}\n")
    }

    #[test]
    fn only_what_was_made_may_be_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.log");
        let user = format!("{LANES}1");
        std::fs::write(&path, line("patch", "own", 201) + &line("patch", "own", 200) + &line("delete", "other", 409))
            .unwrap();
        let mut audit = Audit::of(&path);
        audit.check(&user).unwrap();
        assert_eq!(audit.done(), 2);
        let half = line("delete", "other", 200);
        File::options().append(true).open(&path).unwrap().write_all(&half.as_bytes()[..20]).unwrap();
        audit.check(&user).unwrap();
        let rest = [&half.as_bytes()[20..], line("patch", "third", 200).as_bytes()].concat();
        File::options().append(true).open(&path).unwrap().write_all(&rest).unwrap();
        let harm = audit.check(&user).unwrap_err().to_string();
        assert!(harm.contains("delete /other (before: [409])") && harm.contains("patch /third"), "{harm}");
    }
}
