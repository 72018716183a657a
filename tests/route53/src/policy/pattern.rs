//! Patterns of IAM.

/// Whether a text is as a pattern has it: `*` stands for any text, `?` for one character.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut seen) = (0, 0);
    // Behind the last asterisk, and how much of the text it has taken: where a mismatch goes on.
    let mut last: Option<(usize, usize)> = None;
    while seen < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                at += 1;
                last = Some((at, seen));
            }
            Some(&byte) if byte == b'?' || byte == text[seen] => (at, seen) = (at + 1, seen + 1),
            _ => {
                let Some((behind, taken)) = &mut last else { return false };
                *taken += 1;
                (at, seen) = (*behind, *taken);
            }
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asterisk_stands_for_any_text_and_a_question_mark_for_a_character() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "a.b/c:d"),
            ("a*c", "abbc"),
            ("a*c", "ac"),
            ("a?c", "abc"),
            ("*.example.org", "a.b.example.org"),
            ("_acme-challenge.*.example.org", "_acme-challenge.www.example.org"),
            ("*a*b*", "xaxbx"),
            ("a**", "a"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("", "a"), ("a", ""), ("a?c", "ac"), ("*.example.org", "example.org"), ("a*c", "abcd"), ("*a*b", "xbxa")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
