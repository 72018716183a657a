//! Version numbers of support services, compared as numbers.

use serde::{Deserialize, Serialize};

/// `1.21.2`: how a bundle, a label or an annotation names a release. A leading `v` is accepted and dropped; a pre-release (`-rc.1`)
/// comes before its release, and build metadata (`+k8s`, a digest) counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    number: [u32; 3],
    /// False for a pre-release: pre-releases of one number are compared by their text.
    release: bool,
    pre: String,
}

/// The error for a text that is not a version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version like 1.21.2")]
pub struct NotAVersion(String);

impl Version {
    /// The first number: releases with different ones promise each other nothing.
    pub fn major(&self) -> u32 {
        self.number[0]
    }
}

impl std::str::FromStr for Version {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let fail = || NotAVersion(text.to_owned());
        let bare = text.strip_prefix('v').unwrap_or(text);
        let bare = bare.split(['+', '@']).next().unwrap_or_default();
        let (number, pre) = bare.split_once('-').unwrap_or((bare, ""));
        let mut parts = number.split('.').map(|part| part.parse::<u32>().map_err(|_| fail()));
        let mut next = || parts.next().unwrap_or(Ok(0));
        let number = [next()?, next()?, next()?];
        if parts.next().is_some() {
            return Err(fail());
        }
        Ok(Self { number, release: pre.is_empty(), pre: pre.to_owned() })
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [major, minor, patch] = self.number;
        write!(f, "{major}.{minor}.{patch}")?;
        if self.release { Ok(()) } else { write!(f, "-{}", self.pre) }
    }
}

impl TryFrom<String> for Version {
    type Error = NotAVersion;

    fn try_from(text: String) -> Result<Self, NotAVersion> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        assert!(version("v1.9.1") < version("1.21.0"));
        assert!(version("1.6.1-rc.2") < version("1.6.1"));
        assert_eq!(version("v1.5.0+build"), version("1.5"));
        assert_eq!(version("v1.21.2").to_string(), "1.21.2");
    }

    #[test]
    fn what_is_no_version_says_so() {
        for text in ["", "latest", "v1.x", "1.2.3.4", "8fe6ea42f"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }
}
