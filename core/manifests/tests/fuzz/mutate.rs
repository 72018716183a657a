//! Mutations of the structure of a text: pieces are repeated, nested, moved, taken from other texts. Those of single characters are of crate
//! `mutatis`.

use crate::pool::Pool;
use mutatis::{Candidates, Mutate, Result, Rng};
use std::ops::Range;

/// Most texts stay short, so that many are tried; some get longer than may be read.
const LENGTHS: [usize; 8] = [1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15, 1 << 16, 1 << 18, 9 << 20];
/// One of so many texts may have the last length.
const LONG_ONES: u32 = 64;

const TOKENS: &[&str] = &[
    "\n",
    "\n  ",
    "\n- ",
    "\n? ",
    "\n: ",
    "\n---\n",
    "\n...\n",
    ": ",
    ", ",
    "- ",
    "? ",
    "[",
    "]",
    "{",
    "}",
    "[]",
    "{}",
    "[[",
    "{{",
    "\"",
    "'",
    "''",
    "\\",
    "\\\n",
    "\\u0000",
    "\\x41",
    "\\ud800",
    "|\n",
    "|+2\n",
    ">-\n",
    ">\n\n",
    "&a ",
    "*a",
    "*a : ",
    "<<: *a\n",
    "<<: [*a, *a]\n",
    "!!str ",
    "!!int ",
    "!!float ",
    "!!binary ",
    "!!merge ",
    "!!null ",
    "!<tag:yaml.org,2002:str> ",
    "!a!b ",
    "! ",
    "%TAG !a! tag:\n",
    "%YAML 1.1\n---\n",
    "#",
    " # c\n",
    "\t",
    "\r\n",
    "\r",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "\u{a0}",
    "é",
    "💡",
    "\u{7f}",
    "\0",
    "0755",
    "0x7fffffffffffffff",
    "0b-1",
    "1e400",
    "-.inf",
    ".nan",
    "18446744073709551616",
    "9223372036854775808",
    "-9223372036854775809",
    "1_000",
    "190:20:30",
    "1e-7",
    "0.1",
    "yes",
    "~",
    "null",
    "2001-01-01",
    "apiVersion: v1\n",
    "kind: List\n",
    "kind: ConfigMapList\n",
    "kind: Secret\n",
    "metadata: {name: a}\n",
    "items:\n",
    "items: null\n",
    "generateName: a-\n",
    "annotations: {helm.sh/hook: pre-delete}\n",
    "stringData: {a: b}\n",
    "{\"a\":1}",
    "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\"}}",
];

type Operation = fn(&mut Rng, &mut String, &Pool);
const OPERATIONS: [Operation; 14] =
    [insert, insert, delete, repeat, repeat, number, splice, splice, indent, nest, alias, append, cut, grow];

/// Takes a text of the pool, and says how often it is to be mutated.
pub(super) struct Next<'p> {
    pub(super) pool: &'p Pool,
    pub(super) rounds: u32,
    /// Whether single characters are mutated, too, after which few texts can be read.
    pub(super) characters: bool,
}

impl Mutate<String> for Next<'_> {
    fn mutate(&mut self, candidates: &mut Candidates<'_>, text: &mut String) -> Result<()> {
        candidates.mutation(|context| {
            self.pool.text(context.rng().gen_u64()).clone_into(text);
            self.rounds = 1 + context.rng().gen_u32().trailing_zeros();
            self.characters = context.rng().gen_u32() % 8 == 0;
            Ok(())
        })
    }
}

/// One of the mutations above.
pub(super) struct Structure<'p> {
    pub(super) pool: &'p Pool,
}

impl Mutate<String> for Structure<'_> {
    fn mutate(&mut self, candidates: &mut Candidates<'_>, text: &mut String) -> Result<()> {
        candidates.mutation_group(OPERATIONS.len() as u32, |context, which| {
            OPERATIONS[which as usize](context.rng(), text, self.pool);
            let longest = if context.rng().gen_u32() % LONG_ONES == 0 { LENGTHS.len() } else { LENGTHS.len() - 1 };
            let longest = LENGTHS[below(context.rng(), longest)];
            text.truncate(text.floor_char_boundary(longest));
            Ok(())
        })
    }
}

fn below(rng: &mut Rng, end: usize) -> usize {
    rng.gen_index(end).unwrap_or_default()
}

/// A number up to `most`; small ones are as likely as large ones.
fn amount(rng: &mut Rng, most: usize) -> usize {
    let bits = below(rng, most.max(1).ilog2() as usize + 1) as u32;
    (below(rng, 1 << bits) + (1 << bits)).min(most)
}

fn place(rng: &mut Rng, text: &str) -> usize {
    text.floor_char_boundary(below(rng, text.len() + 1))
}

/// A piece of the text; half of them are whole lines.
fn piece(rng: &mut Rng, text: &str) -> Range<usize> {
    let start = place(rng, text);
    let end = text.ceil_char_boundary((start + amount(rng, text.len())).min(text.len()));
    if rng.gen_bool() {
        return start..end;
    }
    let start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    start..text[end..].find('\n').map_or(text.len(), |at| end + at + 1)
}

fn token<'t>(rng: &mut Rng) -> &'t str {
    TOKENS[below(rng, TOKENS.len())]
}

fn insert(rng: &mut Rng, text: &mut String, _: &Pool) {
    let token = token(rng).repeat(if rng.gen_bool() { 1 } else { amount(rng, 200) });
    text.insert_str(place(rng, text), &token);
}

fn delete(rng: &mut Rng, text: &mut String, _: &Pool) {
    let piece = piece(rng, text);
    text.replace_range(piece, "");
}

/// How often a piece is repeated: up to some length, or as often as fits into it.
fn times(rng: &mut Rng, piece: &str) -> usize {
    let most = LENGTHS[below(rng, LENGTHS.len() - 1)] / piece.len().max(1) + 1;
    if rng.gen_bool() { most } else { amount(rng, most) }
}

fn repeat(rng: &mut Rng, text: &mut String, _: &Pool) {
    let piece = piece(rng, text);
    let copies = text[piece.clone()].repeat(times(rng, &text[piece.clone()]));
    text.insert_str(piece.end, &copies);
}

/// Repeats a piece with a number in it, so that its keys are different ones.
fn number(rng: &mut Rng, text: &mut String, _: &Pool) {
    let piece = piece(rng, text);
    let copied = text[piece.clone()].to_owned();
    let letter = copied.find(|c: char| c.is_alphanumeric()).unwrap_or_default();
    let after = copied[letter..].find(|c: char| !c.is_alphanumeric()).map_or(copied.len(), |at| letter + at);
    let copies: String =
        (0..times(rng, &copied)).map(|n| format!("{}{n}{}", &copied[..after], &copied[after..])).collect();
    text.insert_str(piece.end, &copies);
}

fn splice(rng: &mut Rng, text: &mut String, pool: &Pool) {
    let other = pool.text(rng.gen_u64());
    let piece = piece(rng, other);
    text.insert_str(place(rng, text), &other[piece]);
}

fn indent(rng: &mut Rng, text: &mut String, _: &Pool) {
    let piece = piece(rng, text);
    let by = [" ", "  ", "    ", "- ", "\t", "a:\n  "][below(rng, 6)];
    let lines: String = text[piece.clone()].split_inclusive('\n').map(|line| format!("{by}{line}")).collect();
    text.replace_range(piece, &lines);
}

fn nest(rng: &mut Rng, text: &mut String, _: &Pool) {
    let (piece, deep) = (piece(rng, text), amount(rng, 300));
    let (open, close) =
        [("[", "]"), ("{a: ", "}"), ("[[],", "]"), ("{? [", "] : a}"), ("!!seq [", "]"), ("[*a,", "]")][below(rng, 6)];
    text.insert_str(piece.end, &close.repeat(deep));
    text.insert_str(piece.start, &open.repeat(deep));
}

/// Gives a place an anchor, and another one many aliases of it.
fn alias(rng: &mut Rng, text: &mut String, _: &Pool) {
    let (first, second) = (place(rng, text), place(rng, text));
    let aliases =
        ["*a,", "- *a\n", "{<<: *a},", "*a : 1, ", "&a *a,", "[*a],"][below(rng, 6)].repeat(amount(rng, 3000));
    text.insert_str(first.max(second), &aliases);
    text.insert_str(first.min(second), "&a ");
}

fn append(rng: &mut Rng, text: &mut String, pool: &Pool) {
    text.push_str(["\n---\n", "\n", "\n...\n"][below(rng, 3)]);
    text.push_str(pool.text(rng.gen_u64()));
}

fn cut(rng: &mut Rng, text: &mut String, _: &Pool) {
    let at = place(rng, text);
    if rng.gen_bool() { text.truncate(at) } else { text.replace_range(..at, "") }
}

/// The whole text again and again, up to what may be read and beyond.
fn grow(rng: &mut Rng, text: &mut String, _: &Pool) {
    let longest = if rng.gen_u32().is_multiple_of(LONG_ONES) {
        LENGTHS[LENGTHS.len() - 1]
    } else {
        LENGTHS[below(rng, LENGTHS.len() - 1)]
    };
    let times = longest / text.len().max(1);
    *text = text.repeat(amount(rng, times.max(1)));
}
