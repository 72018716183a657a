//! Numbers of YAML 1.1, as Go's strconv and go-yaml's second version read them: `0755` and `0o755` are octal, `1_000` is a thousand, `08` is
//! 8 (a float that is whole), and there are no numbers of base 60.

use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Int(i64),
    /// Above the greatest `i64`.
    Unsigned(u64),
    Float(f64),
}

/// The number that a plain scalar is, if it is one.
pub(super) fn parse(text: &str) -> Option<Number> {
    match text.as_bytes().first()? {
        b'.' => match text {
            ".inf" | ".Inf" | ".INF" => Some(Number::Float(f64::INFINITY)),
            ".nan" | ".NaN" | ".NAN" => Some(Number::Float(f64::NAN)),
            _ => float(&without_separators(text)?),
        },
        b'+' | b'-' | b'0'..=b'9' => match text {
            "+.inf" | "+.Inf" | "+.INF" => Some(Number::Float(f64::INFINITY)),
            "-.inf" | "-.Inf" | "-.INF" => Some(Number::Float(f64::NEG_INFINITY)),
            _ => {
                let dense = text.replace('_', "");
                integer(&dense).or_else(|| float(&dense)).or_else(|| signed_binary(&dense))
            }
        },
        _ => None,
    }
}

/// A number that starts with a point may have `_` between digits only; others have it anywhere.
fn without_separators(text: &str) -> Option<String> {
    let between = |bytes: &[u8]| bytes[1] != b'_' || (bytes[0].is_ascii_digit() && bytes[2].is_ascii_digit());
    (!text.ends_with('_') && text.as_bytes().windows(3).all(between)).then(|| text.replace('_', ""))
}

fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let magnitude = unsigned(digits)?;
    match i64::try_from(magnitude) {
        Ok(int) => Some(Number::Int(if negative { -int } else { int })),
        Err(_) if negative => (magnitude == i64::MIN.unsigned_abs()).then_some(Number::Int(i64::MIN)),
        // With a plus sign it is none of Go's unsigned integers.
        Err(_) => (digits.len() == text.len()).then_some(Number::Unsigned(magnitude)),
    }
}

/// Digits with Go's prefixes.
fn unsigned(digits: &str) -> Option<u64> {
    let bytes = digits.as_bytes();
    let (radix, rest) = match bytes {
        [b'0', b'b' | b'B', _, ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', _, ..] => (8, &digits[2..]),
        [b'0', b'x' | b'X', _, ..] => (16, &digits[2..]),
        [b'0'] => return Some(0),
        [b'0', ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    // `from_str_radix` would take a sign.
    if rest.starts_with(['+', '-']) { None } else { u64::from_str_radix(rest, radix).ok() }
}

/// A decimal float, unless it is too large for one.
fn float(text: &str) -> Option<Number> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let well_formed = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    if !well_formed || exponent.is_empty() || !digits(exponent) {
        return None;
    }
    text.parse().ok().filter(|float: &f64| float.is_finite()).map(Number::Float)
}

/// `0b-1` is -1: go-yaml reads the digits after the prefix by themselves.
fn signed_binary(text: &str) -> Option<Number> {
    i64::from_str_radix(text.strip_prefix("0b")?, 2).ok().map(Number::Int)
}

impl Number {
    pub(super) fn into_value(self) -> Result<Value, String> {
        match self {
            Number::Int(int) => Ok(int.into()),
            Number::Unsigned(int) => Ok(shortest(int as f64)),
            Number::Float(float) if float.is_finite() => Ok(shortest(float)),
            Number::Float(_) => {
                Err("the number is infinite or none, which JSON can't hold; put it in quotes if it is a text".into())
            }
        }
    }

    pub(super) fn into_key(self) -> Result<String, String> {
        match self {
            Number::Int(int) => Ok(int.to_string()),
            Number::Unsigned(_) => Err("a key is a number that is too large; put it in quotes".into()),
            Number::Float(float) => Ok(float_key(float)),
        }
    }
}

/// A float as Kubernetes has it after JSON: whole numbers are integers as long as they fit.
pub(crate) fn shortest(float: f64) -> Value {
    // Display writes the shortest digits that give this float, filled up with zeros, as Go does.
    match float.to_string().parse::<i64>() {
        Ok(int) => int.into(),
        Err(_) => float.into(),
    }
}

/// A float as the key of a map: in the shortest digits of single precision, with an exponent from a million on. So it is what `1.10` becomes.
fn float_key(float: f64) -> String {
    if float.is_nan() {
        return ".nan".into();
    }
    let single = float as f32;
    if single.is_infinite() {
        return if single > 0.0 { ".inf" } else { "-.inf" }.into();
    }
    let scientific = format!("{single:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{digits}e{sign}{:02}", exponent.abs())
    } else {
        single.to_string()
    }
}
