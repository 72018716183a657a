//! How types of checked values are declared. Macros, because each type has the same dozen impls and nothing else.

/// A text column whose values pass a check. The check may also normalise (hostnames are lower-cased).
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $check:path, $hints:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                $check(text).map(Self)
            }
        }
        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl Scalar for $name {
            const TYPE: Type = Type::Text;
            const HINTS: Hints = $hints;
            const EMPTY_IS_NONE: bool = true;
            fn to_value(&self) -> Value {
                Value::Text(self.0.clone())
            }
            // What is stored passed the rules of its day.
            fn from_value(value: Value) -> Result<Self, String> {
                match value {
                    Value::Text(text) => Ok(Self(text)),
                    other => Err(format!("expected text, got {other:?}")),
                }
            }
            // A filter may ask for what no record can have.
            fn parse(text: &str) -> Result<Self, String> {
                no_nul(text)?;
                Ok(Self(text.to_owned()))
            }
        }
        described!($name);
    };
}
pub(crate) use checked_text;

/// A number column whose values lie in a range.
macro_rules! ranged {
    ($(#[$doc:meta])* $name:ident, $min:literal..=$max:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "i64", into = "i32")]
        pub struct $name(i32);

        impl $name {
            /// The number.
            pub const fn get(self) -> i32 {
                self.0
            }
        }
        impl Default for $name {
            fn default() -> Self {
                Self($min)
            }
        }
        impl TryFrom<i64> for $name {
            type Error = String;
            fn try_from(number: i64) -> Result<Self, String> {
                i32::try_from(number)
                    .ok()
                    .filter(|number| ($min..=$max).contains(number))
                    .map(Self)
                    .ok_or_else(|| format!("{number} is out of range; {} to {} are allowed", $min, $max))
            }
        }
        impl From<$name> for i32 {
            fn from(value: $name) -> i32 {
                value.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl Scalar for $name {
            const TYPE: Type = Type::Int4;
            const HINTS: Hints =
                Hints { format: Some("int32"), minimum: Some($min), maximum: Some($max), ..Hints::NONE };
            fn to_value(&self) -> Value {
                Value::Int4(self.0)
            }
            fn from_value(value: Value) -> Result<Self, String> {
                match value {
                    Value::Int4(number) => Ok(Self(number)),
                    other => Err(format!("expected int4, got {other:?}")),
                }
            }
            fn parse(text: &str) -> Result<Self, String> {
                number(text).map(Self)
            }
        }
        described!($name);
    };
}
pub(crate) use ranged;

/// An enumeration stored as text.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[doc = $vdoc:literal])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[doc = $vdoc])* #[serde(rename = $text)] $variant),*
        }
        impl $name {
            /// Every choice, the default first.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// As on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }
        impl Default for $name {
            fn default() -> Self { Self::ALL[0] }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }
        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|choice| choice.as_str() == text).ok_or_else(|| {
                    format!("`{text}` is none of {}", [$($text),*].join(", "))
                })
            }
        }
        impl $crate::scalar::Scalar for $name {
            const TYPE: $crate::value::Type = $crate::value::Type::Text;
            const HINTS: $crate::scalar::Hints = $crate::scalar::Hints {
                choices: &[$($text),*],
                meanings: &[$(concat!($($vdoc),*).trim_ascii()),*],
                schema: Some(|generator| generator.subschema_for::<$name>()),
                ..$crate::scalar::Hints::NONE
            };
            fn to_value(&self) -> $crate::value::Value { $crate::value::Value::Text(self.as_str().to_owned()) }
            fn from_value(value: $crate::value::Value) -> Result<Self, String> {
                match value {
                    $crate::value::Value::Text(text) => text.parse(),
                    other => Err(format!("expected text, got {other:?}")),
                }
            }
            fn parse(text: &str) -> Result<Self, String> { text.parse() }
        }
        $crate::schema::described!($name);
    };
}
pub(crate) use choice;
