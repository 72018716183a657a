//! The names that a record's objects bear in clusters.

/// Characters of a record's name that its objects keep: with an id of 19 digits the object's name stays below the 63 of a DNS label.
const MOST: usize = 40;

/// A record's name as a label of DNS: lower case, at most 40 characters, letters and digits joined by single hyphens. `x` if nothing is left.
pub fn slug(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut slug = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    slug.truncate(MOST);
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "x".into() } else { slug.into() }
}

/// The name of a record's objects, given once: a rename changes nothing in a cluster.
pub fn object_name(name: &str, id: i64) -> String {
    format!("{}-{id}", slug(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_becomes_a_label() {
        assert_eq!(object_name("My Shop (eu)", 7), "my-shop-eu-7");
        assert_eq!([slug("-a--b-"), slug("Ärger"), slug("日本"), slug("")], ["a-b", "rger", "x", "x"]);
        assert_eq!(slug(&format!("{}-b", "a".repeat(39))), "a".repeat(39));
    }

    proptest! {
        #[test]
        fn every_name_gives_a_label(name in ".{0,300}") {
            let slug = slug(&name);
            prop_assert!((1..=MOST).contains(&slug.len()));
            prop_assert!(slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
            prop_assert!(!slug.starts_with('-') && !slug.ends_with('-') && !slug.contains("--"));
        }
    }
}
