//! What the README shows of a first hour in which something goes wrong: its commands are run here, one after the other, and have to print what stands there.

use std::{
    env,
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use causeway_rig::workspace_program;
use tokio::{process::Command, time::Instant};

use crate::view::View;

const PAGE: &str = include_str!("../../../README.md");
/// The section with the commands. It goes on to the next heading.
const SECTION: &str = "\n### When it goes wrong\n";
/// Stands for any text, such as an id.
const ANYTHING: char = '…';
/// What a command tells of comes about within so long.
const TOLD_WITHIN: Duration = Duration::from_secs(120);

/// A command as the page has it.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    command: String,
    /// What it prints; empty: that isn't shown.
    prints: String,
}

/// Runs the commands of the page against the control plane at this address.
///
/// # Errors
/// When a command fails, or doesn't print what the page says.
pub(crate) async fn run(url: &str) -> Result<()> {
    for shown in commands(PAGE)? {
        let until = Instant::now() + TOLD_WITHIN;
        loop {
            let output = bash(url, &shown).await?;
            let printed = String::from_utf8_lossy(&output.stdout).into_owned();
            if output.status.success() && fits(printed.trim_end(), &shown.prints) {
                break;
            }
            let wrong = String::from_utf8_lossy(&output.stderr).into_owned();
            // Only what is looked at is looked at again.
            let over = shown.prints.is_empty() || Instant::now() > until;
            ensure!(!over, "`{}` prints\n{printed}{wrong}\nand the README\n{}", shown.command, shown.prints);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        View::checked(&shown.command);
    }
    Ok(())
}

async fn bash(url: &str, shown: &Shown) -> Result<Output> {
    let programs = workspace_program("causeway")?;
    let folders = programs.parent().into_iter().map(Path::to_owned);
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(folders.chain(env::split_paths(&path))).context("a folder of programs has a colon")?;
    let mut bash = Command::new("bash");
    // `causeway status` and `causeway diagnose` end with 1 where a hostname isn't served.
    if shown.prints.is_empty() {
        bash.args(["-o", "pipefail"]);
    }
    bash.arg("-c").arg(&shown.command).env("PATH", path).env("CAUSEWAY_SERVER", url).current_dir(root());
    bash.kill_on_drop(true).output().await.context("can't run `bash`: install it")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The commands of the section, with what each prints: the lines of its blocks that don't begin with `causeway`.
fn commands(page: &str) -> Result<Vec<Shown>> {
    let (_, section) = page.split_once(SECTION).context("the README has no section `When it goes wrong`")?;
    let section = section.split("\n#").next().unwrap_or_default();
    let mut all: Vec<Shown> = vec![];
    for line in section.split("\n```").skip(1).step_by(2).flat_map(|block| block.lines().skip(1)) {
        if line.starts_with("causeway ") {
            all.push(Shown { command: line.to_owned(), prints: String::new() });
        } else if let Some(last) = all.last_mut() {
            let before = if last.prints.is_empty() { "" } else { "\n" };
            last.prints.extend([before, line]);
        }
    }
    ensure!(!all.is_empty(), "the README's section `When it goes wrong` has no command");
    Ok(all)
}

/// Whether a text is as it is shown. Nothing shown: any is.
fn fits(printed: &str, shown: &str) -> bool {
    if shown.is_empty() {
        return true;
    }
    let mut parts = shown.split(ANYTHING);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = printed.strip_prefix(first) else { return false };
    let parts: Vec<_> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_shows_commands_and_what_they_print() {
        let all = commands(PAGE).unwrap();
        assert!(all.iter().any(|shown| shown.prints.is_empty()) && all.iter().any(|shown| !shown.prints.is_empty()));
        assert!(all.iter().all(|shown| !shown.prints.contains("```")), "{all:#?}");
    }

    #[test]
    fn a_command_has_the_lines_after_it() {
        let page = "# A\n```\ncauseway no\n```\n### When it goes wrong\n\nText.\n\n```\ncauseway a | cat\nb\n\nc\ncauseway d\n```\n\n```\ncauseway e\n```\n\n## B\n```\ncauseway no\n```\n";
        let shown = |command: &str, prints: &str| Shown { command: command.to_owned(), prints: prints.to_owned() };
        let expected = vec![shown("causeway a | cat", "b\n\nc"), shown("causeway d", ""), shown("causeway e", "")];
        assert_eq!(commands(page).unwrap(), expected);
        assert!(commands("# A\n").is_err());
    }

    #[test]
    fn what_varies_is_left_out() {
        assert!(fits("a 1 b 2 c", "a … b … c") && fits("a", "a") && fits("whatever", ""));
        assert!(fits("a 1\nb 2\nend", "a …\nb …"));
        for (printed, shown) in [("a 1 b", "a … c"), ("x a 1 b", "a … b"), ("a b more", "a b"), ("a b", "a … b … b")]
        {
            assert!(!fits(printed, shown), "{printed:?} is not {shown:?}");
        }
    }
}
