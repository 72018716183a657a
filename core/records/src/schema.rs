//! JSON Schema of what columns hold, for the API document.

use crate::{
    scalar::{Hints, Typed},
    value::Type,
};
use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// The values of a column.
#[must_use]
pub fn of(ty: Type, hints: &Hints) -> Map<String, Value> {
    hints.schema.map_or_else(|| own(ty, hints), |typed| object(typed(&mut generator())))
}

/// The same, without a name.
pub(crate) fn own(ty: Type, hints: &Hints) -> Map<String, Value> {
    let mut schema = plain(ty);
    let mut say = |keyword: &str, value: Option<Value>| {
        if let Some(value) = value {
            schema.insert(keyword.to_owned(), value);
        }
    };
    say("format", hints.format.map(Value::from));
    say("pattern", hints.pattern.map(Value::from));
    say("minimum", hints.minimum.map(Value::from));
    say("maximum", hints.maximum.map(Value::from));
    say("minLength", hints.min_length.map(Value::from));
    say("maxLength", hints.max_length.map(Value::from));
    say("enum", (!hints.choices.is_empty()).then(|| hints.choices.into()));
    let pairs = hints.choices.iter().zip(hints.meanings);
    let meanings: Vec<_> = pairs.map(|(choice, meaning)| format!("`{choice}`: {meaning}")).collect();
    say("description", (!meanings.is_empty()).then(|| meanings.join(" ").into()));
    schema
}

/// The named types within these types.
pub(crate) fn definitions_in(types: impl Iterator<Item = Typed>) -> Map<String, Value> {
    let mut generator = generator();
    for typed in types {
        typed(&mut generator);
    }
    generator.take_definitions(false)
}

/// Named types stand where an OpenAPI document has them.
fn generator() -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.definitions_path = "/components/schemas".into();
    });
    settings.into_generator()
}

fn object(mut schema: Schema) -> Map<String, Value> {
    std::mem::take(schema.ensure_object())
}

fn plain(ty: Type) -> Map<String, Value> {
    let word = match ty {
        Type::Bool => "boolean",
        Type::Int4 | Type::Int8 => "integer",
        Type::Text | Type::Time => "string",
        // Any JSON.
        Type::Json => return Map::new(),
    };
    Map::from_iter([("type".to_owned(), json!(word))])
}

/// Describes a scalar by its hints. It is a named type if its hints say so.
macro_rules! described {
    ($ty:ident) => {
        impl schemars::JsonSchema for $ty {
            fn inline_schema() -> bool {
                <Self as $crate::scalar::Scalar>::HINTS.schema.is_none()
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($ty).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                use $crate::scalar::Scalar;
                $crate::schema::own(Self::TYPE, &Self::HINTS).into()
            }
        }
    };
}
pub(crate) use described;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        nouns::{Hostnames, Placement},
        scalar::Scalar,
        status::Conditions,
    };

    #[test]
    fn choices_are_listed_with_their_meaning() {
        let named = of(Placement::TYPE, &Placement::HINTS);
        assert_eq!(Value::from(named), json!({"$ref": "#/components/schemas/Placement"}));
        let schema = &crate::nouns::definitions()["Placement"];
        assert_eq!(schema["enum"], json!(["Shared", "Dedicated"]));
        let meaning = schema["description"].as_str().unwrap();
        assert!(meaning.starts_with("`Shared`: The cluster's common one. `Dedicated`: One of its own"), "{meaning}");
    }

    #[test]
    fn named_types_are_told_once() {
        let items = &of(Conditions::TYPE, &Conditions::HINTS)["items"];
        assert_eq!(items, &json!({"$ref": "#/components/schemas/Condition"}));
        let status = &crate::nouns::definitions()["Condition"]["properties"]["Status"];
        assert_eq!(status["$ref"], "#/components/schemas/ConditionStatus");
        let hostnames = &of(Hostnames::TYPE, &Hostnames::HINTS)["items"];
        assert!(hostnames["pattern"].as_str().unwrap().starts_with(r"^(\*\.)?[A-Za-z0-9]"), "{hostnames}");
    }
}
