//! Writes values as YAML, in a style that is drawn anew at every place.

use serde_json::{Map, Value};

/// Words that are no texts in YAML 1.1.
const WORDS: [&str; 10] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan"];

/// Draws and writes.
pub(crate) struct Writer {
    state: u64,
    /// What anchors stand for in this document; the name is `a` with the number.
    anchored: Vec<Value>,
    /// Anchors that are being written: an alias inside of them would mean themselves.
    open: Vec<usize>,
}

/// A written value: what follows on the line of its key or dash, and the lines below, which stand further in.
struct Written {
    head: String,
    lines: Vec<String>,
}

impl Written {
    fn short(head: impl Into<String>) -> Self {
        Self { head: head.into(), lines: vec![] }
    }
}

impl Writer {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed, anchored: vec![], open: vec![] }
    }

    /// SplitMix64: the choices depend on the seed alone.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, many: usize) -> usize {
        usize::try_from(self.draw() % many.max(1) as u64).unwrap_or_default()
    }

    pub(crate) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// JSON, on one line or on many.
    pub(crate) fn json(&mut self, value: &Value) -> String {
        match self.below(3) {
            0 => format!("{value}\n"),
            1 => value.to_string(),
            _ => format!("{value:#}\n\n"),
        }
    }

    pub(crate) fn separator(&mut self) -> String {
        self.pick(&["---\n", "---\n", "--- \n", "--- # next\n", "\n---\n", "# end\n---\n"]).to_owned()
    }

    /// What tools write above a document.
    pub(crate) fn remark(&mut self) -> &'static str {
        if self.one_in(6) { "# Source: chart/templates/web.yaml\n" } else { "" }
    }

    /// A document that holds nothing.
    pub(crate) fn nothing(&mut self) -> String {
        self.pick(&["", "\n", "# nothing: {here}\n", "null\n", "\n# a\n\n# b\n"]).to_owned()
    }

    pub(crate) fn document(&mut self, value: &Value) -> String {
        self.anchored.clear();
        let written = match value {
            Value::Object(map) if self.one_in(8) => Written { head: String::new(), lines: vec![self.flow_map(map)] },
            Value::Object(map) => Written { head: String::new(), lines: self.block_map(map) },
            value => self.block(value),
        };
        let mut text = String::new();
        for line in written.lines {
            text += &line;
            text.push('\n');
        }
        text
    }

    /// A value below a key or a dash.
    fn block(&mut self, value: &Value) -> Written {
        if let Some(alias) = self.alias(value) {
            return Written::short(alias);
        }
        let anchor = self.anchor(value);
        let mut written = match value {
            Value::Object(map) if !map.is_empty() && !self.one_in(6) => {
                Written { head: String::new(), lines: self.block_map(map) }
            }
            Value::Array(items) if !items.is_empty() && !self.one_in(6) => {
                Written { head: String::new(), lines: self.block_list(items) }
            }
            Value::String(text) => self.block_text(text),
            value => Written::short(self.flow_of(value)),
        };
        if let Some(anchor) = anchor {
            self.open.retain(|open| *open != anchor);
            written.head = format!("&a{anchor} {}", written.head).trim_end().to_owned();
        }
        written
    }

    fn block_map(&mut self, map: &Map<String, Value>) -> Vec<String> {
        let mut lines = vec![];
        let merged = self.merge(map);
        let mut entries: Vec<(&String, &Value)> = map.iter().collect();
        if let Some(merged) = merged {
            lines.push(format!("<<: *a{merged}"));
            let known = self.anchored[merged].clone();
            entries.retain(|(key, _)| known.get(key.as_str()).is_none());
        } else {
            let by = self.below(entries.len());
            entries.rotate_left(by);
        }
        for (key, value) in entries {
            if self.one_in(12) {
                lines.push(self.pick(&["# remark", "#", "", "# - x: {", "#  '"]).to_owned());
            }
            let key = self.key(key);
            let written = self.block(value);
            let blank = if written.head.is_empty() { "" } else { " " };
            let remark = if written.lines.is_empty() && self.one_in(15) { " # it's \"so\": {" } else { "" };
            lines.push(format!("{key}:{blank}{}{remark}", written.head));
            // A list may stand as far out as its key.
            let by = match value {
                Value::Array(_) if written.head.is_empty() => self.below(5),
                _ => 1 + self.below(4),
            };
            lines.extend(indented(written.lines, by));
        }
        lines
    }

    fn block_list(&mut self, items: &[Value]) -> Vec<String> {
        let mut lines = vec![];
        for item in items {
            let Written { head, lines: below } = self.block(item);
            let plain = below.first().is_some_and(|first| !first.starts_with('#') && !first.is_empty());
            if head.is_empty() && plain && !self.one_in(5) {
                let mut inner = indented(below, 2);
                inner[0].replace_range(..2, "- ");
                lines.extend(inner);
            } else {
                lines.push(format!("- {head}").trim_end().to_owned());
                lines.extend(indented(below, 2));
            }
        }
        lines
    }

    /// A text, over several lines where that is possible.
    fn block_text(&mut self, text: &str) -> Written {
        let body = text.strip_suffix('\n').unwrap_or(text);
        let fits = !body.is_empty()
            && !body.starts_with([' ', '\n'])
            && !body.ends_with([' ', '\n'])
            && body.chars().all(|c| c == '\n' || !is_odd(c));
        if !fits || (!text.contains('\n') && !self.one_in(4)) {
            return Written::short(self.flow_text(text));
        }
        let lines: Vec<String> = body.split('\n').map(str::to_owned).collect();
        let style = if lines.len() == 1 && self.one_in(2) { '>' } else { '|' };
        let keep = if text.ends_with('\n') { "" } else { "-" };
        Written { head: format!("{style}{keep}"), lines }
    }

    fn flow(&mut self, value: &Value) -> String {
        self.alias(value).unwrap_or_else(|| self.flow_of(value))
    }

    fn flow_of(&mut self, value: &Value) -> String {
        match value {
            Value::Null => self.pick(&["null", "~", "Null", "NULL"]).to_owned(),
            Value::Bool(true) => self.pick(&["true", "True", "yes", "Yes", "on", "ON", "y"]).to_owned(),
            Value::Bool(false) => self.pick(&["false", "FALSE", "no", "No", "off", "Off", "n"]).to_owned(),
            Value::Number(number) => self.number(number.as_i64()).unwrap_or_else(|| number.to_string()),
            Value::String(text) => self.flow_text(text),
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| self.flow(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Object(map) => self.flow_map(map),
        }
    }

    fn flow_map(&mut self, map: &Map<String, Value>) -> String {
        let entries: Vec<String> =
            map.iter().map(|(key, value)| format!("{}: {}", self.key(key), self.flow(value))).collect();
        let blank = self.pick(&["", " "]);
        format!("{{{blank}{}{blank}}}", entries.join(", "))
    }

    /// The ways to write a whole number; None for fractions.
    fn number(&mut self, number: Option<i64>) -> Option<String> {
        let number = number?;
        Some(match self.below(6) {
            0 if number > 0 => format!("0{number:o}"),
            1 if number > 0 => format!("0x{number:x}"),
            2 if number > 999 => format!("{}_{:03}", number / 1000, number % 1000),
            3 if number > 0 => format!("0b{number:b}"),
            4 if number > 0 => format!("+{number}"),
            _ => number.to_string(),
        })
    }

    fn key(&mut self, key: &str) -> String {
        if self.one_in(10) { quoted(key) } else { self.flow_text(key) }
    }

    fn flow_text(&mut self, text: &str) -> String {
        let single = !text.chars().any(is_odd);
        match self.below(3) {
            0 | 1 if is_plain(text) => text.to_owned(),
            2 if single => format!("'{}'", text.replace('\'', "''")),
            _ => quoted(text),
        }
    }

    /// An alias of what was written in this document already.
    fn alias(&mut self, value: &Value) -> Option<String> {
        let found = self.anchored.iter().position(|anchored| anchored == value)?;
        // In a flow mapping a comma may follow, and in a block nothing: a blank is right in both.
        (!self.open.contains(&found) && !self.one_in(3)).then(|| format!("*a{found}"))
    }

    /// Names what is about to be written, if it may be worth it.
    fn anchor(&mut self, value: &Value) -> Option<usize> {
        let worth = match value {
            Value::Object(map) => !map.is_empty() && map.len() < 5,
            Value::String(text) => text.len() > 3,
            _ => false,
        };
        if !worth || !self.one_in(4) {
            return None;
        }
        self.anchored.push(value.clone());
        self.open.push(self.anchored.len() - 1);
        Some(self.anchored.len() - 1)
    }

    /// An anchored mapping whose entries are all in this one.
    fn merge(&mut self, map: &Map<String, Value>) -> Option<usize> {
        let is_part = |part: &Value| {
            part.as_object().is_some_and(|part| part.iter().all(|(key, value)| map.get(key) == Some(value)))
        };
        let found = self.anchored.iter().position(is_part)?;
        (!self.open.contains(&found) && !map.contains_key("<<")).then_some(found)
    }
}

fn indented(lines: Vec<String>, by: usize) -> Vec<String> {
    let blanks = " ".repeat(by);
    lines.into_iter().map(|line| if line.is_empty() { line } else { format!("{blanks}{line}") }).collect()
}

/// In double quotes, as JSON has it.
fn quoted(text: &str) -> String {
    let mut all = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => all.extend(['\\', c]),
            '\n' => all += "\\n",
            c if is_odd(c) => all += &format!("\\u{:04x}", u32::from(c)),
            c => all.push(c),
        }
    }
    all + "\""
}

/// Characters that stand in double quotes only, escaped.
fn is_odd(c: char) -> bool {
    c.is_control() || c == '\u{2028}' || c == '\u{2029}' || c == '\u{feff}'
}

/// Texts that need no quotes, wherever they stand.
fn is_plain(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
    let is_word = WORDS.iter().any(|word| word.eq_ignore_ascii_case(text));
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(inner) && !is_word
}
