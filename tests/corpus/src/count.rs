//! How many objects are the same, of each folder and of each kind.

use std::collections::BTreeMap;

/// What became of one object.
pub(crate) enum Count {
    Same,
    /// With the reason.
    Reported(String),
    /// With what is lost.
    Silent(String),
}

/// Counted objects.
#[derive(Default)]
pub(crate) struct Row {
    pub(crate) objects: usize,
    pub(crate) same: usize,
    reported: usize,
    silent: usize,
}

/// All objects that were looked at.
#[derive(Default)]
pub(crate) struct Counts {
    folders: BTreeMap<String, Row>,
    kinds: BTreeMap<String, Row>,
    reported: Vec<String>,
    silent: Vec<String>,
    /// Files that hold no manifests.
    pub(crate) unread: Vec<String>,
}

impl Row {
    fn add(&mut self, count: &Count) {
        self.objects += 1;
        match count {
            Count::Same => self.same += 1,
            Count::Reported(_) => self.reported += 1,
            Count::Silent(_) => self.silent += 1,
        }
    }

    fn print(&self, name: &str) {
        let share = self.same * 1000 / self.objects.max(1);
        let share = format!("{}.{} %", share / 10, share % 10);
        println!("{name:<50} {:>8} {:>6} {share:>8} {:>9} {:>7}", self.objects, self.same, self.reported, self.silent);
    }
}

impl Counts {
    pub(crate) fn add(&mut self, folder: &str, kind: &str, count: Count) {
        self.folders.entry(folder.to_owned()).or_default().add(&count);
        self.kinds.entry(kind.to_owned()).or_default().add(&count);
        match count {
            Count::Same => {}
            Count::Reported(line) => self.reported.push(line),
            Count::Silent(line) => self.silent.push(line),
        }
    }

    /// Those that lose something without a word.
    pub(crate) fn silent(&self) -> &[String] {
        &self.silent
    }

    /// All of them.
    pub(crate) fn total(&self) -> Row {
        let mut total = Row::default();
        for row in self.kinds.values() {
            total.objects += row.objects;
            total.same += row.same;
            total.reported += row.reported;
            total.silent += row.silent;
        }
        total
    }

    /// Prints a table, and then what is lost. `is_long`: also why objects that are reported are not the same.
    pub(crate) fn print(&self, is_long: bool) {
        println!("{:<50} {:>8} {:>6} {:>8} {:>9} {:>7}", "", "objects", "same", "", "reported", "silent");
        for (name, row) in self.folders.iter().chain(&self.kinds) {
            row.print(name);
        }
        self.total().print("all");
        if !self.unread.is_empty() {
            println!("{} files hold no manifests: {}", self.unread.len(), self.unread.join(", "));
        }
        if is_long {
            self.reported.iter().for_each(|line| println!("reported: {line}"));
        }
        self.silent.iter().for_each(|line| println!("lost without a word: {line}"));
    }
}
