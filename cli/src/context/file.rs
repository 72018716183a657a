//! Our own file of contexts. Only its owner may read it.

use causeway_manifests::{Budget, read_documents};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use crate::failure::{Failure, Outcome};

/// The file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct ConfigFile {
    /// The context that is used when none is named.
    #[serde(rename = "current-context", skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<String>,
    pub(crate) contexts: Vec<NamedContext>,
}

/// One control plane and one caller of it. Paths are seen from the file's folder.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct NamedContext {
    pub(crate) name: String,
    pub(crate) server: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_certificate: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_key: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token_file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token_env: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) exec: Vec<String>,
}

impl ConfigFile {
    /// Reads a file; one that isn't there is empty.
    pub(crate) fn read(path: &Path) -> Outcome<Self> {
        let wrong = |why: String| Failure::usage(format!("{}: {why}", path.display()));
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(wrong(format!("can't be read: {error}"))),
        };
        let mut documents = read_documents(&text, &Budget::default()).map_err(|error| wrong(error.to_string()))?;
        match documents.len() {
            0 => Ok(Self::default()),
            1 => serde_json::from_value(documents.remove(0)).map_err(|error| wrong(error.to_string())),
            _ => Err(wrong("holds several documents; one is expected".into())),
        }
    }

    /// Writes it whole or not at all, for its owner alone.
    pub(crate) fn write(&self, path: &Path) -> Outcome<()> {
        let wrong = |why: String| Failure::usage(format!("{} can't be written: {why}", path.display()));
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let text = serde_saphyr::to_string(self).map_err(|error| wrong(error.to_string()))?;
        let written = fs::create_dir_all(folder).and_then(|()| {
            // A temporary file is made with mode 0600.
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error)
        });
        written.map(drop).map_err(|error| wrong(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_written_is_read_again_and_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/config.yaml");
        assert_eq!(ConfigFile::read(&path).unwrap(), ConfigFile::default());
        let context = NamedContext {
            name: "prod: 1".into(),
            server: "https://api.example".into(),
            exec: vec!["token".into(), "--for".into(), "prod".into()],
            ..NamedContext::default()
        };
        let config = ConfigFile { current: Some("prod: 1".into()), contexts: vec![context] };
        config.write(&path).unwrap();
        assert_eq!(ConfigFile::read(&path).unwrap(), config);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_word_that_is_no_setting_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        fs::write(&path, "contexts: [{name: a, server: 'http://x', token: secret}]\n").unwrap();
        let sentence = ConfigFile::read(&path).unwrap_err().sentence;
        assert!(sentence.contains("unknown field `token`") && !sentence.contains("secret"), "{sentence}");
    }
}
