//! Sentences in lines.

use unicode_width::UnicodeWidthStr;

use super::clean;

/// A text in lines of at most `width` columns that begin with `indent`; the first line goes on where the cursor is. Nothing is cut: a word that is too long
/// has a line of its own. Without a width it stays one line.
pub(crate) fn hanging(text: &str, indent: usize, width: Option<usize>) -> String {
    let text = clean(text);
    let Some(width) = width else { return text };
    let room = width.saturating_sub(indent).max(20);
    let (mut lines, mut column) = (String::new(), 0);
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let wide = word.width();
        if column > 0 && column + 1 + wide > room {
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            column = 0;
        } else if column > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += wide;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_hang_and_words_stay_whole() {
        assert_eq!(hanging("one two three four five six", 4, Some(24)), "one two three four\n    five six");
        assert_eq!(hanging("a\nb", 4, None), "a b");
        let long = "x".repeat(90);
        assert_eq!(hanging(&format!("see {long} now"), 2, Some(30)), format!("see\n  {long}\n  now"));
    }
}
