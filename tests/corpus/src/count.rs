//! What became of how many objects, of each folder and of each kind.

use std::collections::BTreeMap;

/// What became of an object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// What is rendered says what it says.
    Same,
    /// It stays where it is and goes on meaning what it means: a GatewayClass, a grant of a Secret to Gateways.
    Kept,
    /// No cluster has it: the API server refuses it by its definition.
    Refused,
    /// Its publisher says that nothing of it is to be served, or not all.
    Unserved,
    /// It differs, and the report says where.
    Reported,
    /// It differs, and nothing says so.
    Silent,
}

impl Class {
    const ALL: [Self; 6] = [Self::Same, Self::Kept, Self::Refused, Self::Unserved, Self::Reported, Self::Silent];

    fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Kept => "kept",
            Self::Refused => "refused",
            Self::Unserved => "unserved",
            Self::Reported => "reported",
            Self::Silent => "silent",
        }
    }

    /// Whether a record could say it: not what stays where it is, what no cluster has, and what is to be served by nobody.
    fn counts(self) -> bool {
        matches!(self, Self::Same | Self::Reported | Self::Silent)
    }
}

/// Counted objects.
#[derive(Default)]
pub(crate) struct Row(BTreeMap<Class, usize>);

impl Row {
    pub(crate) fn of(&self, class: Class) -> usize {
        self.0.get(&class).copied().unwrap_or_default()
    }

    /// Those that a record could say.
    pub(crate) fn served(&self) -> usize {
        Class::ALL.into_iter().filter(|class| class.counts()).map(|class| self.of(class)).sum()
    }

    fn all(&self) -> usize {
        self.0.values().sum()
    }

    fn print(&self, name: &str) {
        let share = |of: usize| {
            let share = self.of(Class::Same) * 1000 / of.max(1);
            format!("{}.{} %", share / 10, share % 10)
        };
        let counts: String = Class::ALL.into_iter().map(|class| format!("{:>9}", self.of(class))).collect();
        println!("{name:<50}{:>9}{counts}{:>10}{:>10}", self.all(), share(self.all()), share(self.served()));
    }
}

/// All objects that were looked at.
#[derive(Default)]
pub(crate) struct Counts {
    folders: BTreeMap<String, Row>,
    kinds: BTreeMap<String, Row>,
    lines: BTreeMap<Class, Vec<String>>,
    /// Files that hold no manifests.
    pub(crate) unread: Vec<String>,
}

impl Counts {
    /// `why`: which object, and the reason.
    pub(crate) fn add(&mut self, folder: &str, kind: &str, class: Class, why: String) {
        for (rows, name) in [(&mut self.folders, folder), (&mut self.kinds, kind)] {
            *rows.entry(name.to_owned()).or_default().0.entry(class).or_default() += 1;
        }
        self.lines.entry(class).or_default().push(why);
    }

    /// Those that lose something without a word.
    pub(crate) fn silent(&self) -> &[String] {
        self.lines.get(&Class::Silent).map_or(&[], Vec::as_slice)
    }

    /// All of them.
    pub(crate) fn total(&self) -> Row {
        let mut total = Row::default();
        for (class, count) in self.kinds.values().flat_map(|row| &row.0) {
            *total.0.entry(*class).or_default() += count;
        }
        total
    }

    /// Prints a table, and then what is lost. `is_long`: also why each other object is not the same.
    pub(crate) fn print(&self, is_long: bool) {
        let names: String = Class::ALL.into_iter().map(|class| format!("{:>9}", class.name())).collect();
        println!("{:<50}{:>9}{names}{:>10}{:>10}", "", "objects", "of all", "of served");
        for (name, row) in self.folders.iter().chain(&self.kinds) {
            row.print(name);
        }
        self.total().print("all");
        if !self.unread.is_empty() {
            println!("{} files hold no manifests: {}", self.unread.len(), self.unread.join(", "));
        }
        for (class, lines) in &self.lines {
            if *class == Class::Silent || (is_long && *class != Class::Same) {
                lines.iter().for_each(|line| println!("{}: {line}", class.name()));
            }
        }
    }
}
