//! The texts of the statements that make and change records, each put together once.
//!
//! Such a text has some fifty parts, and depends on little: the noun, what is done, and which lists of children hold rows. Everything else is a parameter. So
//! there are at most 3 · 2ⁿ texts of a noun with n lists, less than two hundred of all nouns, and they are kept for as long as the process runs. Nouns with
//! documents are left out: a document that stays as it is isn't written.

use super::children;
use crate::{documents::Place, error::Result, statement::Statement};
use causeway_records::{
    Kind,
    noun::{Children, Noun},
};
use std::{
    collections::HashMap,
    sync::{LazyLock, PoisonError, RwLock},
};

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Write {
    /// It makes a record.
    Create,
    /// It changes one.
    Change,
    /// It changes one unless another record depends on it.
    ChangeUnused,
}

/// All that the text of a statement depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    kind: Kind,
    write: Write,
    /// The lists of children that hold rows, a bit each.
    children: u32,
}

impl Shape {
    /// None: the text depends on more.
    pub(super) fn of<T: Noun>(write: Write, children: &[Children<'_>]) -> Option<Self> {
        let filled = children::filled(children).fold(0, |bits, (at, _)| bits | 1 << at);
        Place::all(&T::INFO).next().is_none().then_some(Self { kind: T::KIND, write, children: filled })
    }
}

static TEXTS: LazyLock<RwLock<HashMap<Shape, &'static str>>> = LazyLock::new(RwLock::default);

/// A statement of this shape. `build` appends its parts: always the same texts for the same shape.
pub(super) fn statement(shape: Option<Shape>, build: impl Fn(&mut Statement) -> Result<()>) -> Result<Statement> {
    let built = || {
        let mut statement = Statement::new("");
        build(&mut statement).map(|()| statement)
    };
    let Some(shape) = shape else { return built() };
    let known = TEXTS.read().unwrap_or_else(PoisonError::into_inner).get(&shape).copied();
    let Some(text) = known else {
        let statement = built()?;
        let mut texts = TEXTS.write().unwrap_or_else(PoisonError::into_inner);
        texts.entry(shape).or_insert_with(|| statement.text().to_owned().leak());
        return Ok(statement);
    };
    let mut statement = Statement::known(text);
    build(&mut statement)?;
    debug_assert_eq!(built()?.text(), text, "{shape:?}");
    Ok(statement)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Origin, Store, Writer};
    use causeway_records::{
        Record,
        noun::Info,
        nouns::{self, AwsAccount, GatewayDefinition, GatewayTcpPort, WorkloadDefinition},
        overlay::overlay,
    };
    use std::time::Duration;

    fn writer(request_id: Option<&str>) -> Writer {
        let store = Store::connect("postgres://nobody@127.0.0.1:1/nothing", 1, Duration::from_secs(1)).unwrap();
        store.on_behalf_of(Origin { caller: "tester".into(), request_id: request_id.map(str::to_owned) })
    }

    fn definition(json: &str) -> Record<GatewayDefinition> {
        let mut record = Record::default();
        overlay(json.as_bytes(), &mut record.writable()).unwrap();
        record
    }

    /// As many ports as these.
    fn ports(ports: usize) -> GatewayDefinition {
        GatewayDefinition { tcp_ports: vec![GatewayTcpPort::default(); ports], ..GatewayDefinition::default() }
    }

    #[tokio::test]
    async fn statements_of_one_shape_have_one_text_whatever_they_write() {
        let text = |json: &str, request_id| writer(request_id).insertion(&definition(json)).unwrap().text().to_owned();
        let first = text(r#"{"Name":"one","TcpPorts":[{"Port":5432}]}"#, None);
        assert!(first.starts_with("WITH t AS (INSERT INTO gateway_definitions("), "{first}");
        assert!(
            first.contains("INSERT INTO gateway_tcp_ports") && first.contains("INSERT INTO event_inbox"),
            "{first}"
        );
        let more = r#"{"Name":"two","SubDomain":"www","Hostnames":["a.example"],"TcpPorts":[{"Port":1},{"Port":2}]}"#;
        assert_eq!(text(more, Some("request")), first);
        assert_ne!(text(r#"{"Name":"three","UdpPorts":[{"Port":53}]}"#, None), first);
    }

    #[test]
    fn shapes_differ_in_all_that_a_text_depends_on() {
        let (with, without) = (ports(1), ports(0));
        let shape = |write, of: &GatewayDefinition| Shape::of::<GatewayDefinition>(write, &of.children()).unwrap();
        assert_eq!(shape(Write::Create, &with), shape(Write::Create, &ports(9)));
        assert_ne!(shape(Write::Create, &with), shape(Write::Create, &without));
        assert_ne!(shape(Write::Change, &without), shape(Write::ChangeUnused, &without));
        assert_ne!(shape(Write::Create, &without), Shape::of::<AwsAccount>(Write::Create, &[]).unwrap());
        assert_eq!(Shape::of::<WorkloadDefinition>(Write::Create, &[]), None, "it has documents");
    }

    #[test]
    #[should_panic(expected = "assertion `left == right` failed")]
    fn a_text_that_depends_on_more_is_found_out() {
        let shape = Some(Shape { kind: Kind::AuditEvent, write: Write::Create, children: 0 });
        for text in ["SELECT 1", "SELECT 2"] {
            let _ = statement(shape, |statement| {
                statement.push(text);
                Ok(())
            });
        }
    }

    #[test]
    fn there_are_fewer_than_two_hundred_texts() {
        let lists = |info: &Info| info.fields.iter().filter(|field| field.is_child()).count();
        let of_changes = nouns::ALL.iter().filter(|info| Place::all(info).next().is_none());
        let most: usize = of_changes.map(|info| 3 << lists(info)).sum();
        assert!((50..200).contains(&most), "{most}");
    }
}
