//! `causeway get KIND [NAME]`.

use causeway_records::{Kind, field::Table, status::Status};
use clap::Args;

use crate::{
    api::{Api, id},
    exit::Exit,
    failure::{Failure, Outcome},
    kinds, output,
    session::{Session, words},
};

/// List records of a kind, or read one.
#[derive(Args, Debug)]
pub(crate) struct Get {
    /// A kind in any form: `gateway-instances`, `GatewayInstance`; `gateways` for instances of gateways.
    kind: String,
    /// Name of one record; an id where the kind has no names.
    name: Option<String>,
    /// Only records with this value, as `ServiceName=web` or `GatewayDefinition=shop`. Can be repeated.
    #[arg(short, long, value_name = "FIELD=VALUE")]
    filter: Vec<String>,
    /// In another order than that by id: NotAfter for certificates, the first to end first; BlockingSince for what workers reconcile, only what something
    /// blocks, the longest first.
    #[arg(long, value_name = "FIELD", conflicts_with = "last")]
    order: Option<String>,
    /// Only so many, the newest first.
    #[arg(long, value_name = "NUMBER")]
    last: Option<usize>,
}

impl Get {
    pub(crate) async fn run(&self, session: &Session) -> Outcome<Exit> {
        let (kind, name) = words(&self.kind, self.name.as_deref())?;
        let api = session.api()?;
        let info = kind.info();
        if let Some(name) = name {
            let record = api.find(kind, &name).await?;
            session.print_record(&api, info, &record).await?;
            return Ok(Exit::Done);
        }
        let mut filters = vec![];
        for filter in &self.filter {
            filters.push(pair(&api, kind, filter).await?);
        }
        let filters: Vec<_> = filters.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let records = match (&self.order, self.last) {
            (Some(order), _) => api.in_order(kind, &filters, order).await?,
            (None, Some(count)) => api.newest(kind, &filters, count).await?,
            (None, None) => api.list(kind, &filters).await?,
        };
        if records.is_empty() && session.format().is_none() {
            output::say(&format!("There are no {} here.\n", info.plural.replace('-', " ")));
        } else {
            session.print_records(&api, info, &records).await?;
        }
        Ok(Exit::Done)
    }
}

/// A filter as the API takes it; a record that is named there becomes its id.
async fn pair(api: &Api, kind: Kind, filter: &str) -> Outcome<(String, String)> {
    let wrong = |why: &str| Failure::usage(format!("the filter `{}` {why}", filter.escape_debug()));
    let (key, value) = filter.split_once('=').ok_or_else(|| wrong("has no `=`; write FIELD=VALUE"))?;
    let info = kind.info();
    if let Some((field, parent)) =
        kinds::parents(info).find(|(field, _)| kinds::reference(field).eq_ignore_ascii_case(key))
    {
        let named = api.find(parent.kind, value).await?;
        return Ok((field.json.to_ascii_lowercase(), id(&named).to_string()));
    }
    let status: &[_] = if info.reconciled { Status::FIELDS } else { &[] };
    let fields = info.fields.iter().chain(status).filter(|field| field.filterable);
    if fields.clone().any(|field| field.json.eq_ignore_ascii_case(key)) {
        return Ok((key.to_ascii_lowercase(), value.to_owned()));
    }
    let known: Vec<_> = fields.map(|field| field.json).collect();
    Err(wrong(&format!("names no field that can be asked for; {} can", known.join(", "))))
}
