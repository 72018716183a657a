//! Which control plane a command talks to, and as whom.
//!
//! A context stands in our own file or in Threeport's. What `--server` names is used without the credentials of any context: they belong to the
//! server that they were made for.

pub(crate) mod file;
mod threeport;

use serde_json::{Value, json};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    args::Global,
    exit::Exit,
    failure::{Failure, Outcome},
    kinds::quoted,
};
use file::{ConfigFile, NamedContext};

/// Where `make up` and `causeway-api serve` listen.
pub(crate) const DEFAULT_SERVER: &str = "http://127.0.0.1:1323";

/// Where the API is and who calls it.
#[derive(Clone, Default)]
pub(crate) struct Connection {
    /// The context's name; None: the address was given, or is the default one.
    pub(crate) context: Option<String>,
    /// `https://host:port`.
    pub(crate) server: String,
    /// PEM of the authorities that the server's certificate may lead to; None: those of the system.
    pub(crate) authorities: Option<Vec<u8>>,
    /// PEM of a client certificate and its key.
    pub(crate) identity: Option<(Vec<u8>, Vec<u8>)>,
    pub(crate) token: Option<String>,
}

/// All contexts: ours, then Threeport's whose names are not taken.
pub(crate) struct Contexts {
    pub(crate) path: PathBuf,
    pub(crate) own: ConfigFile,
    pub(crate) threeport: threeport::ControlPlanes,
}

impl Contexts {
    /// Reads both files. One that isn't there has no contexts.
    pub(crate) fn read(global: &Global) -> Outcome<Self> {
        let path = global.config.clone().map_or_else(default_path, Ok)?;
        let own = ConfigFile::read(&path)?;
        let threeport = threeport::read(global.threeport_config.as_deref())?;
        Ok(Self { path, own, threeport })
    }

    /// The context that is used when none is named.
    pub(crate) fn current(&self) -> Option<&str> {
        let own = self.own.current.as_deref();
        own.or(if self.own.contexts.is_empty() { self.threeport.current.as_deref() } else { None })
    }

    /// The names, ours first, each with its server and the file it stands in.
    pub(crate) fn list(&self) -> Vec<(String, String, &Path)> {
        let own = self.own.contexts.iter().map(|one| (one.name.clone(), one.server.clone(), self.path.as_path()));
        let taken = |name: &str| self.own.contexts.iter().any(|one| one.name == name);
        let others = self.threeport.planes.iter().filter(|plane| !taken(&plane.name));
        own.chain(others.map(|plane| (plane.name.clone(), plane.server(), self.threeport.path.as_path()))).collect()
    }

    fn connection(&self, name: &str) -> Outcome<Connection> {
        if let Some(own) = self.own.contexts.iter().find(|one| one.name == name) {
            return connection_of(own, self.path.parent().unwrap_or(Path::new(".")));
        }
        if let Some(plane) = self.threeport.planes.iter().find(|plane| plane.name == name) {
            return plane.connection();
        }
        let known: Vec<_> = self.list().into_iter().map(|(name, ..)| name).collect();
        let known = if known.is_empty() { "there is none yet".to_owned() } else { known.join(", ") };
        let add = format!("causeway context add {} --server URL", quoted(name));
        Err(Failure::usage(format!("there is no context `{name}`: {known}")).next(add))
    }
}

/// What this command line means.
pub(crate) fn connection(global: &Global) -> Outcome<Connection> {
    let token = env::var("CAUSEWAY_TOKEN").ok().filter(|token| !token.is_empty());
    if let Some(server) = global.server.as_ref().filter(|server| !server.is_empty()) {
        return Ok(Connection { server: checked_server(server)?, token, ..Connection::default() });
    }
    let contexts = Contexts::read(global)?;
    let named = global.context.as_deref().filter(|name| !name.is_empty());
    let mut connection = match named.or(contexts.current()) {
        Some(name) => contexts.connection(name)?,
        None => Connection { server: DEFAULT_SERVER.to_owned(), ..Connection::default() },
    };
    if token.is_some() {
        connection.token = token;
    }
    Ok(connection)
}

/// The address of a server, without a final slash.
pub(crate) fn checked_server(server: &str) -> Outcome<String> {
    let server = server.trim_end_matches('/');
    let uri: Result<http::Uri, _> = server.parse();
    let is_one = uri.is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && matches!(uri.path(), "" | "/")
    });
    if is_one {
        return Ok(server.to_owned());
    }
    let sentence =
        format!("`{}` is no address of an API; write {DEFAULT_SERVER} or https://host:port", server.escape_debug());
    Err(Failure::usage(sentence))
}

fn connection_of(context: &NamedContext, folder: &Path) -> Outcome<Connection> {
    let place = |failure: Failure| failure.at(format!("context {}", context.name));
    let bytes = |path: &Option<PathBuf>| path.as_ref().map(|path| read(&folder.join(path))).transpose().map_err(place);
    let identity = match (bytes(&context.client_certificate)?, bytes(&context.client_key)?) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => {
            let sentence = "client-certificate and client-key go together; name both or neither";
            return Err(place(Failure::usage(sentence)));
        }
    };
    Ok(Connection {
        context: Some(context.name.clone()),
        server: checked_server(&context.server).map_err(place)?,
        authorities: bytes(&context.ca)?,
        identity,
        token: token(context, folder).map_err(place)?,
    })
}

fn token(context: &NamedContext, folder: &Path) -> Outcome<Option<String>> {
    let ways = [context.token_file.is_some(), context.token_env.is_some(), !context.exec.is_empty()];
    if ways.iter().filter(|way| **way).count() > 1 {
        return Err(Failure::usage("token-file, token-env and exec exclude each other; keep one of them"));
    }
    if let Some(path) = &context.token_file {
        let text = String::from_utf8_lossy(&read(&folder.join(path))?).trim().to_owned();
        return Ok(Some(text));
    }
    if let Some(variable) = &context.token_env {
        let missing = || {
            Failure::new(
                Exit::NotAllowed,
                "Unauthenticated",
                format!("the variable {variable}, which holds the token, is not set"),
            )
        };
        return env::var(variable).map(Some).map_err(|_| missing());
    }
    let Some((program, arguments)) = context.exec.split_first() else { return Ok(None) };
    let run = Command::new(program).args(arguments).stderr(std::process::Stdio::inherit()).output();
    let failed = |why: String| {
        Failure::new(Exit::NotAllowed, "Unauthenticated", format!("`{program}`, which prints the token, failed: {why}"))
    };
    let output = run.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    Ok(Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()))
}

/// A file's bytes.
pub(crate) fn read(path: &Path) -> Outcome<Vec<u8>> {
    fs::read(path).map_err(|error| Failure::usage(format!("{} can't be read: {error}", path.display())))
}

fn default_path() -> Outcome<PathBuf> {
    use etcetera::BaseStrategy;
    let base = etcetera::choose_base_strategy();
    let base =
        base.map_err(|error| Failure::usage(format!("there is no home folder: {error}; set HOME or CAUSEWAY_CONFIG")))?;
    Ok(base.config_dir().join("causeway/config.yaml"))
}

/// A context as `-o json` prints it: no secret.
pub(crate) fn shown(contexts: &Contexts) -> Vec<Value> {
    let current = contexts.current().map(str::to_owned);
    let one = |(name, server, path): (String, String, &Path)| json!({"Name": name, "Server": server, "File": path.display().to_string(), "Current": current.as_deref() == Some(name.as_str())});
    contexts.list().into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn global(folder: &Path) -> Global {
        let (config, threeport_config) = (Some(folder.join("c/config.yaml")), Some(folder.join("threeport.yaml")));
        Global { context: None, server: None, config, threeport_config, output: None }
    }

    #[test]
    fn nothing_configured_means_this_machine() {
        let folder = tempfile::tempdir().unwrap();
        let found = connection(&global(folder.path())).unwrap();
        assert_eq!((found.server.as_str(), found.context), (DEFAULT_SERVER, None));
    }

    #[test]
    fn ours_come_before_threeports_and_both_can_be_named() {
        let folder = tempfile::tempdir().unwrap();
        let text =
            "ControlPlanes:\n- {Name: dev, AuthEnabled: false, APIServer: 'localhost:80'}\nCurrentControlPlane: dev\n";
        fs::write(folder.path().join("threeport.yaml"), text).unwrap();
        let mut global = global(folder.path());
        assert_eq!(connection(&global).unwrap().server, "http://localhost:80");
        fs::create_dir(folder.path().join("c")).unwrap();
        fs::write(folder.path().join("c/token"), "causeway_abc\n").unwrap();
        let own =
            "current-context: prod\ncontexts:\n- {name: prod, server: 'https://api.example/', token-file: token}\n";
        fs::write(folder.path().join("c/config.yaml"), own).unwrap();
        let found = connection(&global).unwrap();
        assert_eq!((found.server.as_str(), found.token.as_deref()), ("https://api.example", Some("causeway_abc")));
        global.context = Some("dev".into());
        assert_eq!(connection(&global).unwrap().server, "http://localhost:80");
        global.context = Some("other".into());
        let Err(failure) = connection(&global) else { panic!("there is no such context") };
        assert_eq!(failure.sentence, "there is no context `other`: prod, dev");
        global.server = Some("http://127.0.0.1:9".into());
        assert_eq!(connection(&global).unwrap().token, None, "a token of another server is not sent");
    }

    #[test]
    fn an_address_is_an_address() {
        for wrong in ["localhost:1323", "ftp://x", "https://", "https://x/v0", ""] {
            assert!(checked_server(wrong).is_err(), "{wrong}");
        }
    }
}
