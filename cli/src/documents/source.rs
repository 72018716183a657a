//! Files, folders and stdin as documents.

use causeway_manifests::{Budget, read_documents};
use serde_json::{Map, Value};
use std::{
    fmt, fs,
    io::Read,
    path::{Path, PathBuf},
};

use crate::{
    args::Files,
    failure::{Failure, Outcome},
};

/// Where a document stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Place {
    pub(crate) file: String,
    /// From 1; 0: the file has only one.
    pub(crate) number: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            0 => f.write_str(&self.file),
            number => write!(f, "{}, document {number}", self.file),
        }
    }
}

/// One thing that a file asks for: `GatewayDefinition: {…}`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Document {
    pub(crate) place: Place,
    /// Where paths in it begin.
    pub(crate) folder: PathBuf,
    /// `GatewayDefinition`.
    pub(crate) root: String,
    pub(crate) body: Map<String, Value>,
}

/// A file, or stdin.
pub(crate) struct Text {
    pub(crate) file: String,
    /// Where paths in it begin.
    folder: PathBuf,
    pub(crate) text: String,
}

/// Reads all that is named. Nothing is asked of a server yet.
pub(crate) fn read(files: &Files) -> Outcome<Vec<Document>> {
    let mut documents = vec![];
    for Text { file, folder, text } in texts(files)? {
        documents.extend(parse(&text, &file, &folder)?);
    }
    Ok(documents)
}

/// The texts of all that is named, as they are.
pub(crate) fn texts(files: &Files) -> Outcome<Vec<Text>> {
    let mut texts = vec![];
    for named in &files.filename {
        if named.as_os_str() == "-" {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|error| Failure::usage(format!("stdin can't be read: {error}")))?;
            texts.push(Text { file: "stdin".to_owned(), folder: ".".into(), text });
            continue;
        }
        for path in expand(named, files.recursive, true)? {
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
            texts.push(Text { file: path.display().to_string(), folder, text });
        }
    }
    Ok(texts)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("{} can't be read: {error}", path.display()))
}

/// A file itself, or the documents of a folder by their names.
fn expand(path: &Path, recursive: bool, named: bool) -> Outcome<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    let mut entries: Vec<_> =
        entries.map_err(|error| unreadable(path, &error))?.iter().map(fs::DirEntry::path).collect();
    entries.sort();
    let mut files = vec![];
    for entry in entries {
        let is_document =
            entry.extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known));
        if entry.is_dir() && recursive {
            files.extend(expand(&entry, true, false)?);
        } else if is_document && entry.is_file() {
            files.push(entry);
        }
    }
    if files.is_empty() && named {
        let remedy = if recursive { "" } else { "; with -R folders inside of it are read, too" };
        return Err(Failure::usage(format!("{} holds no *.yaml, *.yml or *.json{remedy}", path.display())));
    }
    Ok(files)
}

/// The documents of a text.
pub(crate) fn parse(text: &str, file: &str, folder: &Path) -> Outcome<Vec<Document>> {
    let values = read_documents(text, &Budget::default());
    let values = values.map_err(|error| Failure::usage(format!("{file}: {error}")))?;
    let many = values.len() > 1;
    let mut documents = vec![];
    for (at, value) in values.into_iter().enumerate() {
        let place = Place { file: file.to_owned(), number: if many { at + 1 } else { 0 } };
        let values = match value {
            Value::Null => continue,
            Value::Array(items) => items,
            other => vec![other],
        };
        for value in values {
            let Value::Object(roots) = value else {
                return Err(Failure::usage("a document is a kind with its fields below it")
                    .at(&place)
                    .next("causeway explain"));
            };
            if roots.contains_key("apiVersion") && roots.contains_key("kind") {
                let sentence = "this is a Kubernetes manifest; a WorkloadDefinition brings manifests, by YAMLDocument";
                return Err(Failure::usage(sentence).at(&place).next("causeway explain workload-definition"));
            }
            for (root, body) in roots {
                let Value::Object(body) = body else {
                    let sentence = format!("{} has no fields below it", root.escape_debug());
                    return Err(Failure::usage(sentence).at(&place));
                };
                documents.push(Document { place: place.clone(), folder: folder.to_owned(), root, body });
            }
        }
    }
    Ok(documents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_read_in_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("more")).unwrap();
        for (name, text) in
            [("b.yml", "B: {}\n---\nC: {}\n"), ("a.yaml", "A: {}\n"), ("x.txt", "no"), ("more/d.json", r#"{"D": {}}"#)]
        {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let roots = |recursive| {
            let files = Files { filename: vec![folder.path().to_owned()], recursive };
            read(&files).unwrap().into_iter().map(|document| document.root).collect::<Vec<_>>()
        };
        assert_eq!(
            (roots(false), roots(true)),
            (
                vec!["A", "B", "C"].into_iter().map(str::to_owned).collect::<Vec<_>>(),
                ["A", "B", "C", "D"].map(str::to_owned).to_vec()
            )
        );
        let files = Files { filename: vec![folder.path().join("more/none")], recursive: false };
        assert!(read(&files).unwrap_err().sentence.contains("more/none can't be read"));
    }

    #[test]
    fn what_is_no_document_is_told_so() {
        let refused = |text| parse(text, "x.yaml", Path::new(".")).unwrap_err().sentence;
        assert_eq!(refused("- 1\n"), "x.yaml: a document is a kind with its fields below it");
        assert_eq!(refused("A: 1\n"), "x.yaml: A has no fields below it");
        assert!(refused("apiVersion: v1\nkind: Pod\n").contains("this is a Kubernetes manifest"));
        assert!(refused("a: {}\n---\na: [\n").starts_with("x.yaml: document 2"), "{}", refused("a: {}\n---\na: [\n"));
        assert!(parse("---\n---\n", "x.yaml", Path::new(".")).unwrap().is_empty());
    }
}
