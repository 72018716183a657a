//! Events to nodes: the shape of one document at a time.

use crate::{
    budget::Meter,
    error::{ManifestError, Place, quoted},
};
use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use std::{borrow::Cow, collections::HashMap};

/// A node of a document, and where it starts.
pub(super) struct Node<'a> {
    pub(super) content: Content<'a>,
    pub(super) line: u32,
    pub(super) column: u32,
}

/// Children are indices into the arena of the document.
pub(super) enum Content<'a> {
    Scalar { text: Cow<'a, str>, plain: bool, tag: Option<String> },
    Sequence(Vec<u32>),
    Mapping(Vec<(u32, u32)>),
    Alias(u32),
}

/// The documents of a stream, one after the other.
pub(crate) struct Documents<'a> {
    parser: Parser<'a, StrInput<'a>>,
    number: usize,
}

/// A document without its meaning: the first node is the root.
pub(super) struct Document<'a> {
    pub(super) number: usize,
    pub(super) nodes: Vec<Node<'a>>,
}

/// A collection whose end has not come yet, with the key that waits for its value.
struct Open {
    node: u32,
    key: Option<u32>,
}

impl<'a> Documents<'a> {
    pub(crate) fn new(text: &'a str, meter: &Meter) -> Self {
        let depth = meter.greatest_depth();
        let mut options = granit_parser::options! { flow_nesting_limit: depth, block_nesting_limit: depth };
        options.set_emit_comments(false);
        Self { parser: Parser::new_from_str_with_options(text, options), number: 0 }
    }

    /// The next document; None at the end of the stream.
    pub(super) fn next(&mut self, meter: &mut Meter) -> Result<Option<Document<'a>>, ManifestError> {
        loop {
            match self.event(meter)? {
                None | Some((Event::StreamEnd, _)) => return Ok(None),
                Some((Event::DocumentStart(..), span)) => {
                    self.number += 1;
                    meter.document().map_err(|problem| self.error(&span, problem))?;
                    return self.document(meter).map(Some);
                }
                Some(_) => {}
            }
        }
    }

    fn document(&mut self, meter: &mut Meter) -> Result<Document<'a>, ManifestError> {
        let mut nodes: Vec<Node<'a>> = Vec::new();
        let mut open: Vec<Open> = Vec::new();
        let mut anchors: HashMap<usize, u32> = HashMap::new();
        while let Some((event, span)) = self.event(meter)? {
            let (content, anchor) = match event {
                Event::DocumentEnd => break,
                Event::SequenceEnd | Event::MappingEnd => {
                    open.pop();
                    continue;
                }
                Event::Scalar(text, style, anchor, tag) => {
                    let (plain, tag) = (style == ScalarStyle::Plain, tag.as_deref().map(full_tag));
                    (Content::Scalar { text, plain, tag }, anchor)
                }
                Event::SequenceStart(_, anchor, _) => (Content::Sequence(Vec::new()), anchor),
                Event::MappingStart(_, anchor, _) => (Content::Mapping(Vec::new()), anchor),
                Event::Alias(anchor) => match anchors.get(&anchor) {
                    Some(target) if !open.iter().any(|open| open.node == *target) => (Content::Alias(*target), 0),
                    _ => return Err(self.error(&span, "an alias repeats what it is part of; write it out")),
                },
                _ => continue,
            };
            meter.node().map_err(|problem| self.error(&span, problem))?;
            if matches!(content, Content::Mapping(_)) {
                meter.mapping().map_err(|problem| self.error(&span, problem))?;
            }
            // The budget of nodes is far below 2³².
            let node = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
            if anchor != 0 {
                anchors.insert(anchor, node);
            }
            attach(&mut nodes, open.last_mut(), node);
            if matches!(content, Content::Sequence(_) | Content::Mapping(_)) {
                open.push(Open { node, key: None });
                meter.depth(open.len()).map_err(|problem| self.error(&span, problem))?;
            }
            let (line, column) = position(&span);
            nodes.push(Node { content, line, column });
        }
        Ok(Document { number: self.number, nodes })
    }

    fn event(&mut self, meter: &Meter) -> Result<Option<(Event<'a>, Span)>, ManifestError> {
        self.parser.next_event().transpose().map_err(|error| self.syntax(&error, meter))
    }

    fn syntax(&self, error: &ScanError, meter: &Meter) -> ManifestError {
        let problem = match error.kind() {
            ErrorKind::RecursionLimitExceeded => meter.too_deep(),
            ErrorKind::UnknownAnchor => {
                "an alias names an anchor that is not before it; add the anchor, or quote the text".into()
            }
            _ => format!("is no YAML: {}; correct it there or just before", error.info()),
        };
        let at = error.marker();
        let place = Place { document: self.number.max(1), line: at.line(), column: at.col() + 1 };
        ManifestError::new(place, problem)
    }

    fn error(&self, span: &Span, problem: impl Into<String>) -> ManifestError {
        let (line, column) = position(span);
        ManifestError::new(Place { document: self.number, line: line as usize, column: column as usize }, problem)
    }
}

/// Puts a node into the collection that is open.
fn attach(nodes: &mut [Node<'_>], parent: Option<&mut Open>, node: u32) {
    let Some(parent) = parent else { return };
    match nodes.get_mut(parent.node as usize).map(|parent| &mut parent.content) {
        Some(Content::Sequence(items)) => items.push(node),
        Some(Content::Mapping(entries)) => match parent.key.take() {
            None => parent.key = Some(node),
            Some(key) => entries.push((key, node)),
        },
        _ => {}
    }
}

/// Line and column from 1.
fn position(span: &Span) -> (u32, u32) {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    (number(span.start.line()), number(span.start.col() + 1))
}

/// A tag in one text: its handle is resolved already.
fn full_tag(tag: &Tag) -> String {
    let (handle, suffix) = tag.parts();
    format!("{handle}{suffix}")
}

impl Document<'_> {
    pub(super) fn place(&self, node: &Node<'_>) -> Place {
        Place { document: self.number, line: node.line as usize, column: node.column as usize }
    }

    pub(super) fn duplicate(&self, node: &Node<'_>, key: &str) -> ManifestError {
        let problem = format!("the key {} is there twice; remove one, since only the last would count", quoted(key));
        ManifestError::new(self.place(node), problem)
    }
}
