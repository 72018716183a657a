//! What happens to texts on their way: cut off, lines lost, doubled or swapped, something put in.

use proptest::{prelude::*, sample::Index};

/// What is put in where it doesn't belong, or seldom does.
const PIECES: [&str; 20] = [
    "\t",
    "\n",
    "\n---\n",
    "...\n",
    "{",
    "}",
    "]",
    ": ",
    "- ",
    "\"",
    "'",
    "*a9",
    "&a9 ",
    "\u{feff}",
    "\u{0}",
    "!!binary ",
    "<<: ",
    "%YAML 1.2\n",
    "kind: List\n",
    "|\n",
];

#[derive(Clone, Debug)]
enum Damage {
    /// The rest is lost, in the middle of a character's bytes never: that is no text any more, and no JSON can carry it.
    Cut(Index),
    LineLost(Index),
    LineTwice(Index),
    LinesSwapped(Index, Index),
    /// A line stands some blanks further in.
    LineMoved(Index, usize),
    PutIn(Index, &'static str),
}

/// Texts to which one or two such things have happened.
pub(crate) fn damage(texts: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (texts, prop::collection::vec(kind(), 1..3))
        .prop_map(|(text, damages)| damages.iter().fold(text, |text, damage| damage.to(&text)))
}

fn kind() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    prop_oneof![
        3 => at().prop_map(Damage::Cut),
        1 => at().prop_map(Damage::LineLost),
        1 => at().prop_map(Damage::LineTwice),
        1 => (at(), at()).prop_map(|(one, other)| Damage::LinesSwapped(one, other)),
        1 => (at(), 1..5_usize).prop_map(|(line, by)| Damage::LineMoved(line, by)),
        3 => (at(), prop::sample::select(&PIECES[..])).prop_map(|(at, piece)| Damage::PutIn(at, piece)),
    ]
}

impl Damage {
    fn to(&self, text: &str) -> String {
        let at = |index: &Index| text.floor_char_boundary(index.index(text.len() + 1));
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        if lines.is_empty() {
            return text.to_owned();
        }
        match self {
            Self::Cut(index) => return text[..at(index)].to_owned(),
            Self::PutIn(index, piece) => {
                let (before, after) = text.split_at(at(index));
                return format!("{before}{piece}{after}");
            }
            Self::LineMoved(index, by) => {
                let (n, blanks) = (index.index(lines.len()), " ".repeat(*by));
                let moved = format!("{blanks}{}", lines[n]);
                return lines[..n].concat() + &moved + &lines[n + 1..].concat();
            }
            Self::LineLost(index) => {
                lines.remove(index.index(lines.len()));
            }
            Self::LineTwice(index) => {
                let n = index.index(lines.len());
                lines.insert(n, lines[n]);
            }
            Self::LinesSwapped(one, other) => {
                lines.swap(one.index(text.lines().count()), other.index(text.lines().count()))
            }
        }
        lines.concat()
    }
}
