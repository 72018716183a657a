//! Nodes to JSON values: scalars get their meaning, aliases and merge keys are followed, and keys are unique.

use super::{
    nodes::{Content, Document, Documents, Node},
    scalar::{Scalar, resolve},
};
use crate::{
    budget::{MAPPING, Meter},
    error::{ManifestError, Place},
};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

const MERGE: &str = "<<";
const MERGE_TAG: &str = "tag:yaml.org,2002:merge";

impl Documents<'_> {
    /// The next document as a value, and where it starts; None at the end of the stream.
    pub(crate) fn next_value(&mut self, meter: &mut Meter) -> Result<Option<(Place, Value)>, ManifestError> {
        let Some(document) = self.next(meter)? else { return Ok(None) };
        let Some(root) = document.nodes.first() else {
            return Ok(Some((Place { document: document.number, ..Place::default() }, Value::Null)));
        };
        let place = Place { column: 0, ..document.place(root) };
        let mut reader = Reader { document: &document, meter, depth: 0, aliases: 0 };
        Ok(Some((place, reader.value(root)?)))
    }
}

struct Reader<'d> {
    document: &'d Document<'d>,
    meter: &'d mut Meter,
    /// Collections around the node, aliases followed.
    depth: usize,
    /// Aliases that have been followed to get to the node.
    aliases: usize,
}

impl<'d> Reader<'d> {
    fn value(&mut self, node: &'d Node<'d>) -> Result<Value, ManifestError> {
        match &node.content {
            Content::Scalar { .. } => {
                let scalar = self.scalar(node)?;
                scalar.into_value().map_err(|problem| self.error(node, problem))
            }
            Content::Sequence(items) => self.inside(node, |reader| {
                items.iter().map(|item| reader.value(reader.node(*item))).collect::<Result<_, _>>().map(Value::Array)
            }),
            Content::Mapping(entries) => self.inside(node, |reader| reader.mapping(entries).map(Value::Object)),
            Content::Alias(target) => self.followed(|reader| reader.value(reader.node(*target))),
        }
    }

    fn mapping(&mut self, entries: &'d [(u32, u32)]) -> Result<Map<String, Value>, ManifestError> {
        let mut map = Map::new();
        let mut merged = BTreeSet::new();
        for (key, value) in entries {
            let (key, value) = (self.node(*key), self.node(*value));
            if is_merge(key) {
                // As kubectl has it, and unlike the YAML 1.1 type of that name, what comes later counts: also a merge after a key.
                for (key, value) in self.merge(value)? {
                    if !map.contains_key(&key) {
                        merged.insert(key.clone());
                    }
                    map.insert(key, value);
                }
                continue;
            }
            let name = self.key(key)?;
            let value = self.value(value)?;
            if !merged.remove(&name) && map.contains_key(&name) {
                return Err(self.document.duplicate(key, &name));
            }
            map.insert(name, value);
        }
        Ok(map)
    }

    /// The entries that a merge key brings. Of several mappings the first that has a key counts.
    fn merge(&mut self, value: &'d Node<'d>) -> Result<Map<String, Value>, ManifestError> {
        match &value.content {
            Content::Sequence(items) => {
                let mut all = Map::new();
                for item in items.iter().rev() {
                    let item = self.node(*item);
                    match &item.content {
                        Content::Sequence(_) | Content::Scalar { .. } => return Err(self.no_mapping(item)),
                        _ => all.extend(self.merge(item)?),
                    }
                }
                Ok(all)
            }
            Content::Mapping(entries) => self.inside(value, |reader| reader.mapping(entries)),
            Content::Alias(target) => {
                let target = self.node(*target);
                match &target.content {
                    Content::Mapping(_) => self.followed(|reader| reader.merge(target)),
                    _ => Err(self.no_mapping(value)),
                }
            }
            Content::Scalar { .. } => Err(self.no_mapping(value)),
        }
    }

    fn key(&mut self, node: &'d Node<'d>) -> Result<String, ManifestError> {
        match &node.content {
            Content::Scalar { .. } => {
                let scalar = self.scalar(node)?;
                scalar.into_key().map_err(|problem| self.error(node, problem))
            }
            Content::Alias(target) => self.followed(|reader| reader.key(reader.node(*target))),
            _ => Err(self
                .error(node, "a key is a sequence or a mapping; keys are texts (`{{ }}` of a template needs quotes)")),
        }
    }

    fn scalar(&mut self, node: &'d Node<'d>) -> Result<Scalar<'d>, ManifestError> {
        let Content::Scalar { text, plain, tag } = &node.content else { return Ok(Scalar::Null) };
        self.charge(node, text.len())?;
        resolve(text, *plain, tag.as_deref()).map_err(|problem| self.error(node, problem))
    }

    /// Reads what a collection holds.
    fn inside<T>(
        &mut self,
        node: &'d Node<'d>,
        read: impl FnOnce(&mut Self) -> Result<T, ManifestError>,
    ) -> Result<T, ManifestError> {
        self.charge(node, 0)?;
        self.depth += 1;
        self.meter.depth(self.depth).map_err(|problem| self.error(node, problem))?;
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// Reads what an alias repeats.
    fn followed<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, ManifestError>) -> Result<T, ManifestError> {
        self.aliases += 1;
        let read = read(self);
        self.aliases -= 1;
        read
    }

    /// What is written has been paid for when it was parsed; what is repeated is paid for each time.
    fn charge(&mut self, node: &Node<'_>, bytes: usize) -> Result<(), ManifestError> {
        if self.aliases == 0 {
            return Ok(());
        }
        let nodes = if matches!(node.content, Content::Mapping(_)) { MAPPING } else { 1 };
        self.meter.repeated(nodes, bytes).map_err(|problem| self.error(node, problem))
    }

    fn node(&self, index: u32) -> &'d Node<'d> {
        &self.document.nodes[index as usize]
    }

    fn no_mapping(&self, node: &Node<'_>) -> ManifestError {
        self.error(node, "`<<` merges mappings only; give it a mapping, an alias of one, or a sequence of these")
    }

    fn error(&self, node: &Node<'_>, problem: impl Into<String>) -> ManifestError {
        ManifestError::new(self.document.place(node), problem)
    }
}

fn is_merge(key: &Node<'_>) -> bool {
    let Content::Scalar { text, plain, tag } = &key.content else { return false };
    text == MERGE && tag.as_deref().map_or(*plain, |tag| tag == MERGE_TAG)
}
