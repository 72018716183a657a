//! What the control plane has sent to the API server, by its audit log.

use std::{
    fs::File,
    io::{BufRead, BufReader, Seek, SeekFrom},
    path::Path,
};

use serde_json::Value;

/// Which object: `httproutes`, its namespace (empty: it has none), its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    pub(crate) resource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl At {
    pub(crate) fn new(kind: &str, namespace: &str, name: &str) -> Self {
        let singular = kind.to_lowercase();
        let end = if singular.ends_with('s') { "es" } else { "s" };
        Self { resource: singular + end, namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// A write that the API server has carried out.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) at: At,
    pub(crate) goes: bool,
    /// As it was sent, for the kinds of which the log has it.
    pub(crate) manifest: Option<Value>,
}

/// The log from some moment on.
pub(crate) struct AuditLog {
    reader: BufReader<File>,
    /// The beginning of a line whose end isn't written yet.
    rest: String,
}

impl AuditLog {
    pub(crate) fn from_now(path: &Path) -> Self {
        let mut reader = BufReader::new(File::open(path).unwrap());
        reader.seek(SeekFrom::End(0)).unwrap();
        Self { reader, rest: String::new() }
    }

    /// What was written since, by the control plane.
    pub(crate) fn read(&mut self) -> Vec<Sent> {
        let mut all = vec![];
        while self.reader.read_line(&mut self.rest).unwrap() > 0 {
            if self.rest.ends_with('\n') {
                all.extend(sent(&std::mem::take(&mut self.rest)));
            }
        }
        all
    }
}

/// What a line says. None: somebody else's write, or one that changed nothing.
fn sent(line: &str) -> Option<Sent> {
    let event: Value = line.contains("\"causeway\"").then(|| serde_json::from_str(line).ok())??;
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let code = event.pointer("/responseStatus/code").and_then(Value::as_i64).unwrap_or_default();
    let uri = text("/requestURI");
    let is_ours = text("/user/username") == "causeway" && (200..300).contains(&code);
    if !is_ours || uri.contains("dryRun=All") || event["objectRef"]["subresource"].is_string() {
        return None;
    }
    let (resource, namespace, name) =
        (text("/objectRef/resource"), text("/objectRef/namespace"), text("/objectRef/name"));
    // A namespace is called to be in itself.
    let namespace = if resource == "namespaces" { String::new() } else { namespace };
    let mut manifest = event.get("requestObject").filter(|_| !uri.contains("-handover")).cloned();
    if let Some(metadata) = manifest.as_mut().and_then(|manifest| manifest["metadata"].as_object_mut()) {
        // To which state it is bound is no part of what it says.
        metadata.remove("resourceVersion");
        metadata.remove("uid");
    }
    Some(Sent { at: At { resource, namespace, name }, goes: text("/verb") == "delete", manifest })
}
