//! How far somebody has read the events of a control plane.

use std::{fmt, str::FromStr};

/// A place in the log of events: everything up to it has been read. As text `9f04c1d2-1042`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Which history the position belongs to. A database that was restored begins another one, in which positions are given out again.
    pub epoch: u32,
    /// Counts up with every event, with gaps. 0: before the first one.
    pub position: i64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{}", self.epoch, self.position)
    }
}

impl FromStr for Cursor {
    type Err = String;

    /// Takes exactly what is printed: two texts never stand for one place.
    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (epoch, position) = text.split_once('-')?;
            Some(Self { epoch: u32::from_str_radix(epoch, 16).ok()?, position: position.parse().ok()? })
        };
        let cursor = read().filter(|cursor| cursor.position >= 0 && cursor.to_string() == text);
        cursor.ok_or_else(|| "is no position: send one as it was answered, such as 9f04c1d2-1042".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_printed_is_read(epoch: u32, position in 0..=i64::MAX) {
            let cursor = Cursor { epoch, position };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn one_place_has_one_text(text in "\\PC*|[0-9a-fA-F+]{7,9}-[-+0-9]{0,20}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }
    }

    #[test]
    fn anything_else_is_refused() {
        assert_eq!("9f04c1d2-1042".parse(), Ok(Cursor { epoch: 0x9f04_c1d2, position: 1042 }));
        let others =
            ["", "-", "1042", "9f04c1d2", "9F04C1D2-1", "9f04c1d2--1", "9f04c1d2-01", "+f04c1d2-1", " 9f04c1d2-1"];
        for text in others {
            assert!(text.parse::<Cursor>().unwrap_err().contains("9f04c1d2-1042"), "{text}");
        }
    }
}
