//! What every command gets: where the API is, and how to print.

use causeway_records::{Kind, noun::Info};
use chrono::Utc;

use crate::{
    api::{Api, Fields, id, name},
    args::{Format, Global},
    context,
    failure::Outcome,
    kinds,
    output::{self, columns, data},
};

/// What every command gets.
pub(crate) struct Session {
    pub(crate) global: Global,
}

impl Session {
    /// A client of the API.
    pub(crate) fn api(&self) -> Outcome<Api> {
        Api::new(context::connection(&self.global)?)
    }

    /// How to print; None: for people.
    pub(crate) fn format(&self) -> Option<Format> {
        self.global.output
    }

    /// Prints records of one kind.
    pub(crate) async fn print_records(&self, api: &Api, info: &'static Info, records: &[Fields]) -> Outcome<()> {
        let text = match self.format() {
            Some(Format::Json) => {
                data::json(&records.iter().map(|record| data::record(info, record)).collect::<Vec<_>>())?
            }
            Some(Format::Yaml) => documents(info, records)?,
            Some(Format::Name) => records.iter().map(|record| called(info, record)).collect(),
            wide => {
                let mut names = columns::Names::new();
                for (kind, ids) in columns::named_in(info, records) {
                    names.insert(kind, api.names(kind, &ids).await?);
                }
                // What is wide by request is not cut.
                let is_wide = wide == Some(Format::Wide);
                let width = output::width().filter(|_| !is_wide);
                columns::table(info, records, &names, is_wide, Utc::now()).text(width)
            }
        };
        output::print(&text)
    }

    /// Prints a record that was changed; for people, what became of it.
    pub(crate) async fn print_changed(
        &self,
        api: &Api,
        info: &'static Info,
        record: &Fields,
        became: &str,
    ) -> Outcome<()> {
        if self.format().is_some() {
            return self.print_record(api, info, record).await;
        }
        output::say(&format!("{} {} {became}.\n", info.kind, output::clean(name(record))));
        Ok(())
    }

    /// Prints one record.
    pub(crate) async fn print_record(&self, api: &Api, info: &'static Info, record: &Fields) -> Outcome<()> {
        match self.format() {
            Some(Format::Json) => output::print(&data::json(&data::record(info, record))?),
            _ => self.print_records(api, info, std::slice::from_ref(record)).await,
        }
    }
}

/// Records as YAML documents; without any an empty list, so that every reader of YAML is content.
fn documents(info: &'static Info, records: &[Fields]) -> Outcome<String> {
    if records.is_empty() {
        return Ok("[]\n".to_owned());
    }
    let document = |record: &Fields| data::document(info.kind.as_str(), data::record(info, record));
    Ok(records.iter().map(document).collect::<Outcome<Vec<_>>>()?.join("---\n"))
}

/// `gateway-instance/shop`, one a line.
fn called(info: &Info, record: &Fields) -> String {
    let own = if info.named() { output::clean(name(record)) } else { id(record).to_string() };
    format!("{}/{own}\n", info.kind.label())
}

/// The kind and the record of a command's words; `gateway-instance/shop` is both in one.
pub(crate) fn words(kind: &str, name: Option<&str>) -> Outcome<(Kind, Option<String>)> {
    match (kind.split_once('/'), name) {
        (Some((kind, name)), None) => Ok((kinds::kind(kind)?, Some(name.to_owned()))),
        _ => Ok((kinds::kind(kind)?, name.map(str::to_owned))),
    }
}

/// The same for a command that needs a record.
pub(crate) fn record_of(kind: &str, name: Option<&str>) -> Outcome<(Kind, String)> {
    let (kind, name) = words(kind, name)?;
    let missing = || {
        let sentence = format!("say which {}", kinds::spoken(kind));
        crate::failure::Failure::usage(sentence).next(format!("causeway get {}", kind.info().plural))
    };
    Ok((kind, name.ok_or_else(missing)?))
}
