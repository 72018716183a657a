//! Tables: aligned columns and nothing else.
//!
//! Our own forty lines and not comfy-table: a table here has no lines, no wrapped cells and no styles of its own, and what is left is padding by the
//! width of characters, which the crate `unicode-width` knows.

use anstyle::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{
    clean,
    style::{FAINT, PLAIN, paint},
};

/// Between two columns, where there is room and where there isn't.
const GAPS: [usize; 2] = [3, 2];
/// No column gets narrower for the sake of a terminal. What is short anyway, such as a state, is never cut.
const NARROWEST: usize = 12;
/// A terminal that is still too narrow shows this many columns at least.
const FEWEST: usize = 3;

/// A cell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// Text of others is cleaned.
    pub(crate) fn new(text: &str) -> Self {
        Self::styled(text, PLAIN)
    }

    pub(crate) fn styled(text: &str, style: Style) -> Self {
        Self { text: clean(text), style }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

/// A table; every row has a cell for each head.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Table {
    pub(crate) heads: Vec<String>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

impl Table {
    /// The text. In a terminal of this width cells are cut until a row fits; elsewhere nothing is.
    pub(crate) fn text(&self, width: Option<usize>) -> String {
        let column = |at: usize| self.rows.iter().map(|row| row[at].text.width()).max().unwrap_or(0);
        let mut widths: Vec<_> = self.heads.iter().enumerate().map(|(at, head)| head.width().max(column(at))).collect();
        let taken = |gap: usize, widths: &[usize]| widths.iter().sum::<usize>() + gap * widths.len().saturating_sub(1);
        let [wide, close] = GAPS;
        let gap = if width.is_none_or(|width| taken(wide, &widths) <= width) { wide } else { close };
        if let Some(width) = width {
            narrow(&mut widths, |widths| taken(gap, widths) > width);
            while taken(gap, &widths) > width && widths.len() > FEWEST {
                widths.pop();
            }
        }
        let heads = self.heads.iter().map(|head| Cell::styled(head, FAINT)).collect::<Vec<_>>();
        std::iter::once(&heads).chain(&self.rows).map(|row| line(row, &widths, gap)).collect()
    }

    /// Takes away the columns that no row says anything in, but the first.
    pub(crate) fn without_empty_columns(mut self) -> Self {
        for at in (1..self.heads.len()).rev() {
            if self.rows.iter().all(|row| row[at].is_empty()) {
                self.heads.remove(at);
                self.rows.iter_mut().for_each(|row| drop(row.remove(at)));
            }
        }
        self
    }
}

/// Takes from the widest columns what doesn't fit. The first one, by which a record is named, may be twice as wide as the others.
fn narrow(widths: &mut [usize], is_too_wide: impl Fn(&[usize]) -> bool) {
    while is_too_wide(widths) {
        let wide = widths.iter_mut().enumerate().filter(|(_, width)| **width > NARROWEST);
        let Some((_, widest)) = wide.max_by_key(|(at, width)| if *at == 0 { **width / 2 } else { **width }) else {
            return;
        };
        *widest -= 1;
    }
}

fn line(cells: &[Cell], widths: &[usize], gap: usize) -> String {
    let mut line = String::new();
    let shown = &cells[..widths.len()];
    let last = shown.iter().rposition(|cell| !cell.is_empty()).unwrap_or(0);
    for (at, (cell, width)) in shown.iter().zip(widths).enumerate().take(last + 1) {
        let text = cut(&cell.text, *width);
        line.push_str(&paint(cell.style, &text));
        if at < last {
            line.push_str(&" ".repeat(width.saturating_sub(text.width())));
            line.push_str(&" ".repeat(gap));
        }
    }
    line.push('\n');
    line
}

/// The beginning of a text that is too wide.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let (mut cut, mut width) = (String::new(), 1);
    for c in text.chars() {
        width += c.width().unwrap_or(0);
        if width > most {
            break;
        }
        cut.push(c);
    }
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[[&str; 3]]) -> Table {
        let heads = ["NAME", "READY", "AGE"].map(str::to_owned).to_vec();
        Table { heads, rows: rows.iter().map(|row| row.map(Cell::new).to_vec()).collect() }
    }

    fn plain(table: &Table, width: Option<usize>) -> String {
        anstream::adapter::strip_str(&table.text(width)).to_string()
    }

    #[test]
    fn columns_are_aligned_and_lines_end_with_their_text() {
        let text = plain(&table(&[["shop", "Ready", "3m"], ["a-longer-name", "", ""]]), None);
        assert_eq!(text, "NAME            READY   AGE\nshop            Ready   3m\na-longer-name\n");
        assert_eq!(plain(&table(&[]), None), "NAME   READY   AGE\n");
    }

    #[test]
    fn wide_characters_count_as_two() {
        let text = plain(&table(&[["日本", "x", ""], ["abcde", "y", ""]]), None);
        assert_eq!(text, "NAME    READY   AGE\n日本    x\nabcde   y\n");
    }

    #[test]
    fn a_terminal_cuts_the_widest_columns_and_the_name_least() {
        let long = "n".repeat(30);
        let table = table(&[[&long, &long, "not Ready"]]);
        let text = plain(&table, Some(60));
        assert!(text.lines().all(|line| line.width() <= 60) && text.contains("not Ready"), "{text}");
        assert!(text.contains(&long), "the name is whole: {text}");
    }

    #[test]
    fn what_has_no_room_at_all_is_left_out_from_the_right() {
        let heads = ["NAME", "A", "B", "C", "D"].map(str::to_owned).to_vec();
        let table = Table { heads, rows: vec![vec![Cell::new("a-name-of-length"); 5]] };
        let text = plain(&table, Some(45));
        assert!(text.starts_with("NAME          A             B\n"), "{text}");
    }

    #[test]
    fn a_terminal_cuts_what_does_not_fit_and_a_pipe_nothing() {
        let long = "n".repeat(60);
        let table = table(&[[&long, "Ready", "3m"]]);
        let text = plain(&table, Some(40));
        assert!(text.lines().all(|line| line.width() <= 40) && text.contains("n…  Ready  3m"), "{text}");
        assert!(plain(&table, None).contains(&long));
    }

    #[test]
    fn what_no_row_says_is_left_out() {
        let table = table(&[["a", "", "1s"], ["b", "", "2s"]]).without_empty_columns();
        assert_eq!(table.heads, ["NAME", "AGE"]);
    }
}
