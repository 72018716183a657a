//! Why tests have failed, said once more at the end of a run: who reads only the last lines of it, as some CI keeps them, would know the names alone.

use std::fmt::{self, Display, Formatter};

/// Characters of all reasons together, without the names.
const ALL: usize = 2800;
/// Fewer of one reason tell nothing: then the last tests are only counted.
const LEAST: usize = 200;
/// What is kept of a test's output before it is known how many have failed.
const KEPT: usize = 1 << 16;
/// Stands for what is left out.
const GAP: &str = " […] ";

/// The tests that have failed, as the output of `cargo test` tells of them.
#[derive(Debug, Default)]
pub struct Failures {
    /// Each with its output, in their order.
    tests: Vec<(String, String)>,
    /// The last of them is being told of.
    is_open: bool,
    /// What was read of a line that hasn't ended yet.
    line: Vec<u8>,
}

impl Failures {
    /// Takes the next part of the output.
    pub fn read(&mut self, part: &[u8]) {
        for piece in part.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.read_line(&String::from_utf8_lossy(&line));
            }
        }
    }

    fn read_line(&mut self, line: &str) {
        let said = line.trim_end();
        if let Some(name) = said.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----")) {
            self.tests.push((name.to_owned(), String::new()));
            self.is_open = true;
        } else if said == "failures:" || said.starts_with("test result: ") {
            self.is_open = false;
        } else if let (true, Some((_, output))) = (self.is_open, self.tests.last_mut()) {
            output.push_str(line);
            if output.len() > 2 * KEPT {
                *output = cut(output, KEPT);
            }
        }
    }
}

impl Display for Failures {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let shown = &self.tests[..self.tests.len().min(ALL / LEAST)];
        let reasons: Vec<_> = shown.iter().map(|(name, output)| (name, reason(output))).collect();
        let most = most_of_each(reasons.iter().map(|(_, reason)| reason.chars().count()).collect());
        for (name, reason) in &reasons {
            writeln!(f, "{name} failed:\n{}", cut(reason, most))?;
        }
        match self.tests.len() - shown.len() {
            0 => Ok(()),
            more => writeln!(f, "and {more} more tests failed"),
        }
    }
}

/// What a test has printed from its panic on, without what only makes it longer.
fn reason(output: &str) -> String {
    let lines = output[output.find("panicked at ").unwrap_or(0)..].lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !is_of_a_backtrace(line)).collect::<Vec<_>>().join("\n")
}

/// Whether a line belongs to a backtrace: its title, `12: core::ops::function`, `at ./src/lib.rs:7:5`, or the note about how to get a longer one. The panic's own
/// line says the place, and frames of the runtime would take the room of the reason.
fn is_of_a_backtrace(line: &str) -> bool {
    let is_frame = || line.split_once(": ").is_some_and(|(number, _)| number.parse::<u16>().is_ok());
    let is_place = || {
        let mut parts = line.strip_prefix("at ").unwrap_or_default().rsplitn(3, ':');
        let (column, row, file) = (parts.next(), parts.next(), parts.next());
        file.is_some_and(|file| !file.contains(' '))
            && [column, row].into_iter().flatten().all(|part| part.parse::<u32>().is_ok())
    };
    let is_note = || line.starts_with("note: ") && line.contains("`RUST_BACKTRACE=");
    line == "stack backtrace:" || is_frame() || is_place() || is_note()
}

/// How long each of these may be at most so that all together aren't too long.
fn most_of_each(mut lengths: Vec<usize>) -> usize {
    lengths.sort_unstable();
    let mut left = ALL;
    for (n, length) in lengths.iter().enumerate() {
        let share = left / (lengths.len() - n);
        if *length > share {
            return share;
        }
        left -= length;
    }
    ALL
}

/// A text in so many characters: a third from its begin, which says what was wanted, and the rest from its end, which says what was seen.
fn cut(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_owned();
    }
    let (head, tail) = (most / 3, most - most / 3);
    text.chars().take(head).chain(GAP.chars()).chain(text.chars().skip(length - tail)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "
running 3 tests
test a::holds ... ok
test a::fails ... FAILED
test b ... FAILED

failures:

---- a::fails stdout ----
something before

thread 'a::fails' (71) panicked at tests/a.rs:7:5:
not so after 90s: it goes; seen: \"it stays\"
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace

---- b stdout ----
Error: \"refused\"


failures:
    a::fails
    b

test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s

running 1 test
test c ... ok
";

    fn read(output: &str) -> Failures {
        let mut failures = Failures::default();
        // However it comes.
        output.as_bytes().chunks(7).for_each(|part| failures.read(part));
        failures
    }

    #[test]
    fn each_test_that_failed_is_told_of_with_its_reason() {
        let told = read(OUTPUT).to_string();
        let panic = "panicked at tests/a.rs:7:5:\nnot so after 90s: it goes; seen: \"it stays\"";
        assert_eq!(told, format!("a::fails failed:\n{panic}\nb failed:\nError: \"refused\"\n"));
        assert_eq!(read("test c ... ok\n").to_string(), "");
    }

    #[test]
    fn a_backtrace_leaves_the_reason_alone() {
        let output = "
thread 'a' (71) panicked at tests/a.rs:7:5:
not so after 90s: at most 3: seen 4
stack backtrace:
   0: __rustc::rust_begin_unwind
             at /rustc/59807616/library/std/src/panicking.rs:689:5
  10: block_on<core::pin::Pin<&mut dyn core::future::future::Future<Output=()>>>
             at ./src/lib.rs:204:9
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.
";
        assert_eq!(reason(output), "panicked at tests/a.rs:7:5:\nnot so after 90s: at most 3: seen 4");
    }

    #[test]
    fn long_reasons_leave_room_for_the_others_and_keep_both_ends() {
        let long = format!("panicked at x: wanted {}{}é seen", "x\n".repeat(9000), "y".repeat(9000));
        let failures =
            Failures { tests: vec![("a".into(), long), ("b".into(), "short".into())], ..Failures::default() };
        let told = failures.to_string();
        assert!(
            told.starts_with("a failed:\npanicked at x: wanted") && told.ends_with("é seen\nb failed:\nshort\n"),
            "{told}"
        );
        assert!((ALL..ALL + 100).contains(&told.chars().count()), "{}", told.chars().count());
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let tests = (0..100).map(|n| (format!("t{n}"), "why ".repeat(1000))).collect();
        let told = Failures { tests, ..Failures::default() }.to_string();
        assert!(told.ends_with("and 86 more tests failed\n") && told.chars().count() < ALL + 15 * 30, "{told}");
    }

    #[test]
    fn a_test_that_prints_without_end_takes_no_memory() {
        let mut failures = read("---- a stdout ----\n");
        (0..10_000).for_each(|n| failures.read(format!("{n} {}\n", "x".repeat(100)).as_bytes()));
        let output = &failures.tests[0].1;
        assert!(output.len() <= 2 * KEPT && output.starts_with("0 x") && output.contains("9999 x"), "{}", output.len());
    }
}
