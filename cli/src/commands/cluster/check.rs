//! `causeway cluster check`: which rights credentials lack in a cluster.

use clap::Args;
use serde_json::{Value, json};

use super::{ACCOUNT, Place};
use crate::{
    args::Format,
    exit::Exit,
    failure::Outcome,
    kubernetes::{
        self,
        access::Account,
        rights::{self, Missing},
    },
    output::{
        data, print,
        style::{BAD, BOLD, GOOD, paint},
        table::{Cell, Table},
        width,
    },
    session::Session,
};

/// Whose rights are asked for.
#[derive(Args, Debug)]
pub(crate) struct Check {
    #[command(flatten)]
    place: Place,
    /// Those of a service account that `cluster add --service-account` has made, in place of the kubeconfig's user.
    #[arg(long, value_name = "NAMESPACE/NAME", num_args = 0..=1, require_equals = true, default_missing_value = ACCOUNT)]
    service_account: Option<Account>,
}

impl Check {
    pub(super) async fn run(&self, session: &Session) -> Outcome<Exit> {
        let (path, context) = (self.place.path()?, self.place.context());
        let mut client = kubernetes::of_kubeconfig(&path, context).await?;
        if let Some(account) = &self.service_account {
            let token = account.known_token(&client).await?;
            client = kubernetes::with_token(&path, context, token).await?;
        }
        let missing = rights::missing(&client, false).await?;
        print(&text(&missing, session.format())?)?;
        Ok(if missing.lacking.is_empty() { Exit::Done } else { Exit::Negative })
    }
}

fn text(missing: &Missing, format: Option<Format>) -> Outcome<String> {
    match format {
        Some(Format::Json) => data::json(&as_data(missing)),
        Some(Format::Yaml) => data::yaml(&as_data(missing)),
        Some(Format::Name) => Ok(missing.rows().into_iter().map(|(what, _)| format!("{what}\n")).collect()),
        _ => {
            let (style, mark) = if missing.lacking.is_empty() { (GOOD, "✓") } else { (BAD, "✗") };
            let sentence = format!("{} {}\n", paint(style, mark), paint(BOLD, &missing.sentence()));
            Ok(if missing.lacking.is_empty() { sentence } else { format!("{sentence}\n{}", table(missing)) })
        }
    }
}

/// What is missing, a line for each kind of object.
pub(super) fn table(missing: &Missing) -> String {
    let rows = missing.rows().into_iter().map(|(what, verbs)| vec![Cell::new(&what), Cell::new(&verbs)]);
    Table { heads: vec!["MISSING FOR".into(), "VERBS".into()], rows: rows.collect() }.text(width())
}

fn as_data(missing: &Missing) -> Value {
    json!({"Allowed": missing.lacking.is_empty(), "Asked": missing.asked, "Missing": missing.data()})
}
