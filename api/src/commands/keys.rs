//! `causeway-api keys`: which keys the secrets at rest are under, and moving them to the first one. See `docs/audit-and-keys.md`.

use super::migrate;
use anyhow::bail;
use causeway_records::secret::{KeyText, Keyring};
use causeway_store::{Database, keys::KeyUse};
use clap::{Args, Subcommand};
use std::{collections::BTreeMap, fmt::Write};

/// What to do with the keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Say how many secrets are under which key.
    Status(KeysSettings),
    /// Encrypt all secrets with the first key that are under another one. Everything else may go on meanwhile, and it may be stopped and begun
    /// again.
    ReEncrypt(KeysSettings),
}

/// Where the secrets are, and what they are under.
#[derive(Args, Debug)]
pub struct KeysSettings {
    /// Postgres.
    #[command(flatten)]
    database: Database,
    /// Keys for secrets at rest, as the API and the workers have them.
    #[arg(long, env = "ENCRYPTION_KEY", hide_env_values = true)]
    encryption_key: KeyText,
}

/// The text for stdout. Fails when Postgres can't be reached, or secrets are left under other keys.
pub(super) async fn run(command: KeysCommand) -> anyhow::Result<String> {
    let (KeysCommand::Status(settings) | KeysCommand::ReEncrypt(settings)) = &command;
    let keys = settings.encryption_key.keyring()?;
    let store = migrate::connect(&settings.database).await?;
    match command {
        KeysCommand::Status(_) => Ok(table(&keys, &store.key_use(&keys).await?)),
        KeysCommand::ReEncrypt(_) => {
            let done = store.re_encrypt(&keys).await?;
            let said = format!("{} encrypted anew, {} were under the first key before\n", done.moved, done.kept);
            if done.contended > 0 {
                bail!("{said}{} records were changed by others all the time; do it again", done.contended);
            }
            if done.unreadable > 0 {
                bail!(
                    "{said}{} can't be read: `causeway-api keys status` says which keys are missing",
                    done.unreadable
                );
            }
            Ok(said)
        }
    }
}

/// One line for each key: id, number of secrets, remark.
fn table(keys: &Keyring, found: &KeyUse) -> String {
    let mut lines = BTreeMap::new();
    for key in keys.keys() {
        let count = found.readable.get(key.id()).copied().unwrap_or_default();
        let remark = match (key.id() == keys.id(), count) {
            (true, _) => "encrypts",
            (false, 0) => "not needed any more",
            (false, _) => "needed until these are encrypted anew",
        };
        lines.insert(key.id(), (count, remark));
    }
    let mut text = String::from("KEY       SECRETS\n");
    for (id, (count, remark)) in lines {
        // Writing to a String can't fail.
        let _ = writeln!(text, "{id:8}  {count:7}  {remark}");
    }
    for (id, count) in &found.unreadable {
        let _ = writeln!(text, "{:8}  {count:7}  none of these keys reads them", id.as_deref().unwrap_or("unknown"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_line() {
        let keys = Keyring::from_base64(
            "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        )
        .unwrap();
        let old = keys.keys().nth(1).unwrap().id().to_owned();
        let found = KeyUse {
            readable: BTreeMap::from([(keys.id().to_owned(), 12)]),
            unreadable: BTreeMap::from([(None, 1), (Some("ffffffff".into()), 2)]),
        };
        let text = table(&keys, &found);
        for line in [
            format!("{}       12  encrypts", keys.id()),
            format!("{old}        0  not needed any more"),
            "unknown         1  none of these keys reads them".into(),
            "ffffffff        2  none of these keys reads them".into(),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
