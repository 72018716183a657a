//! Streams of manifests as people bring them, made at random.
//!
//! A [`Stream`] is written from objects, so it is known what it holds, without any reader: documents and lists in each other, empty ones, comments, byte
//! order marks, line ends of Windows, anchors and merge keys, words and numbers of YAML 1.1, texts in every style. Some streams are damaged
//! afterwards; of those nobody knows what they hold, but a reader must say something.
//!
//! It shares no code with the product's reader. A seed always means the same stream.

mod damage;
mod objects;
mod write;

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

use self::{damage::damage, objects::object, write::Writer};

/// A stream of documents.
#[derive(Clone, Debug)]
pub struct Stream {
    /// What a person would send.
    pub text: String,
    /// The objects in it, in their order, lists taken apart. None: it was damaged.
    pub objects: Option<Vec<Value>>,
}

impl Stream {
    /// The stream that belongs to a seed: one in three is damaged. Names of its objects begin with `prefix`.
    ///
    /// # Panics
    /// Never: no strategy here refuses a value.
    #[must_use]
    pub fn of(seed: u64, prefix: &str) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let any = prop_oneof![2 => whole(prefix), 1 => damaged(prefix)];
        any.new_tree(&mut runner).expect("every value is taken").current()
    }
}

/// Streams of which every object is known.
pub fn whole(prefix: &str) -> impl Strategy<Value = Stream> + use<> {
    recipe(prefix).prop_map(|recipe| Stream { text: recipe.write(), objects: Some(recipe.objects()) })
}

/// Streams that were cut, or in which something was left out, doubled, moved or put in.
pub fn damaged(prefix: &str) -> impl Strategy<Value = Stream> + use<> {
    let texts = recipe(prefix).prop_map(|recipe| recipe.write());
    damage(texts).prop_map(|text| Stream { text, objects: None })
}

/// How a stream is written.
#[derive(Clone, Debug)]
struct Recipe {
    documents: Vec<Part>,
    /// Of the writer's choices.
    style: u64,
    form: Form,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Yaml,
    /// With the line ends of Windows.
    Windows,
    /// With a byte order mark before each document.
    Marked,
    /// JSON objects, one after the other.
    Json,
}

/// A document, or an item of a list.
#[derive(Clone, Debug)]
enum Part {
    Object(Value),
    /// `kind: List`.
    List(Vec<Part>),
    /// `kind: ConfigMapList`, whose items don't repeat what they are.
    TypedList(Vec<Value>),
    /// Nothing: a document of a comment, of `null`, or an empty one.
    Nothing,
}

fn recipe(prefix: &str) -> impl Strategy<Value = Recipe> + use<> {
    let form =
        prop_oneof![5 => Just(Form::Yaml), 2 => Just(Form::Windows), 2 => Just(Form::Marked), 1 => Just(Form::Json)];
    // Some documents are there twice, as when somebody concatenates what overlaps.
    let twice = prop::option::weighted(0.15, any::<prop::sample::Index>());
    // Some need each other, in any order and wherever they stand.
    let places = any::<[prop::sample::Index; 2]>();
    let dependent = prop::option::weighted(0.2, (objects::dependent(prefix), places));
    let documents = (prop::collection::vec(part(prefix), 1..7), dependent).prop_map(|(mut documents, dependent)| {
        let (dependent, places) = dependent.unzip();
        for (object, place) in dependent.into_iter().flatten().zip(places.into_iter().flatten()) {
            documents.insert(place.index(documents.len() + 1), Part::Object(object));
        }
        documents
    });
    (documents, twice, any::<u64>(), form).prop_map(|(mut documents, twice, style, form)| {
        if let Some(twice) = twice {
            let again = twice.get(&documents).clone();
            documents.push(again);
        }
        Recipe { documents, style, form }
    })
}

fn part(prefix: &str) -> impl Strategy<Value = Part> + use<> {
    let items =
        prop::collection::vec(object(prefix), 1..4).prop_map(|items| items.into_iter().map(Part::Object).collect());
    let nested = (prop::collection::vec(object(prefix), 1..3), object(prefix))
        .prop_map(|(inner, last)| vec![Part::List(inner.into_iter().map(Part::Object).collect()), Part::Object(last)]);
    prop_oneof![
        8 => object(prefix).prop_map(Part::Object),
        2 => items.prop_map(Part::List),
        1 => nested.prop_map(Part::List),
        1 => Just(Part::List(vec![])),
        1 => prop::collection::vec(objects::config_map(prefix), 1..3).prop_map(Part::TypedList),
        2 => Just(Part::Nothing),
    ]
}

impl Part {
    fn objects(&self) -> Vec<Value> {
        match self {
            Self::Object(object) => vec![object.clone()],
            Self::List(items) => items.iter().flat_map(Self::objects).collect(),
            Self::TypedList(items) => items.clone(),
            Self::Nothing => vec![],
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Object(object) => object.clone(),
            Self::List(items) => {
                let items: Vec<Value> = items.iter().map(Self::value).collect();
                json!({"apiVersion": "v1", "kind": "List", "items": items})
            }
            Self::TypedList(items) => {
                let bare = items.iter().cloned().map(|mut item| {
                    if let Some(item) = item.as_object_mut() {
                        item.retain(|key, _| key != "apiVersion" && key != "kind");
                    }
                    item
                });
                json!({"apiVersion": "v1", "kind": "ConfigMapList", "items": bare.collect::<Vec<_>>()})
            }
            Self::Nothing => Value::Null,
        }
    }
}

impl Recipe {
    fn objects(&self) -> Vec<Value> {
        self.documents.iter().flat_map(Part::objects).collect()
    }

    fn write(&self) -> String {
        let mut writer = Writer::new(self.style);
        if let Form::Json = self.form {
            let documents = self.documents.iter().filter(|part| !matches!(part, Part::Nothing));
            return documents.map(|part| writer.json(&part.value())).collect();
        }
        let mark = if let Form::Marked = self.form { "\u{feff}" } else { "" };
        let mut text = String::new();
        for (n, part) in self.documents.iter().enumerate() {
            text += &match n {
                // The first may begin with a separator, too.
                0 if writer.one_in(2) => mark.to_owned(),
                0 => format!("{mark}---\n"),
                _ => writer.separator() + mark,
            };
            text += writer.remark();
            text += &match part {
                Part::Nothing => writer.nothing(),
                part => writer.document(&part.value()),
            };
        }
        if let Form::Windows = self.form { text.replace('\n', "\r\n") } else { text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_means_the_same_stream() {
        let [one, again, other] = [7, 7, 8].map(|seed| Stream::of(seed, "a").text);
        assert_eq!(one, again);
        assert_ne!(one, other);
    }

    /// What only one stream in thousands had would be tested by nobody.
    #[test]
    fn streams_have_what_people_bring() {
        let streams: Vec<Stream> = (0..300).map(|seed| Stream::of(seed, "a")).collect();
        for sign in [
            "\r\n",
            "\u{feff}",
            "&a",
            "*a",
            "<<: ",
            "kind: List",
            "ConfigMapList",
            "items: []",
            ": |",
            ": >-",
            "# ",
            "null",
            "0x",
            "yes",
            "{\"",
            "example.invalid/v1",
            "CustomResourceDefinition",
            "kind: Thing",
            "Namespace",
            "\\u",
            "'",
        ] {
            let many = streams.iter().filter(|stream| stream.text.contains(sign)).count();
            assert!(many >= 5, "{sign:?} is in {many} of 300 streams");
        }
        let large = streams.iter().filter(|stream| stream.text.len() > 50_000).count();
        let damaged = streams.iter().filter(|stream| stream.objects.is_none()).count();
        assert!((3..100).contains(&large) && (50..150).contains(&damaged), "{large} are large, {damaged} damaged");
    }
}
