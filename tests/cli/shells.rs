//! Completions and man pages load.

use std::path::PathBuf;

use crate::{Cli, root};

/// The programs of this name on PATH.
fn installed(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Loads what `causeway completions SHELL` prints into the shell, and tells what that says then.
async fn load(shell: &str, arguments: &[&str]) -> String {
    let Some(program) = installed(shell) else {
        panic!("the tests of the command line need {shell}: install it (apt-get install {shell} on Debian)");
    };
    let cli = Cli::new("http://127.0.0.1:9");
    let text = cli.done(&["completions", shell]).await;
    cli.file("completions", &text);
    let output = cli.command(&program).args(arguments).output().await.unwrap();
    let (told, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && error.is_empty(), "{shell}: {told} {error}");
    told.into_owned()
}

#[tokio::test]
async fn bash_completes_commands() {
    let script = "source ./completions; COMP_WORDS=(causeway sta); COMP_CWORD=1; _causeway causeway sta causeway; echo \"${COMPREPLY[@]}\"";
    let told = load("bash", &["--norc", "-c", script]).await;
    assert_eq!(told.trim(), "status");
}

/// As a file of a folder of `fpath`, which is how the pages say it.
#[tokio::test]
async fn zsh_finds_its_completions() {
    let script =
        "mkdir site; mv completions site/_causeway; fpath=($PWD/site $fpath); autoload -U compinit; compinit -u -D
        print -- ${_comps[causeway]}; autoload +X _causeway; whence -w _causeway";
    let told = load("zsh", &["-f", "-c", script]).await;
    assert_eq!(told.trim(), "_causeway\n_causeway: function");
}

#[tokio::test]
async fn fish_completes_commands_and_says_what_they_do() {
    let script = "source ./completions; complete -C 'causeway sta'; complete -C 'causeway cluster a'";
    let told = load("fish", &["--no-config", "-c", script]).await;
    let words: Vec<_> = told.lines().filter_map(|line| line.split_once('\t')).collect();
    let names: Vec<_> = words.iter().map(|(word, _)| *word).collect();
    assert_eq!(names, ["status", "access", "add"], "{told}");
    assert!(words[0].1.starts_with("Say whether a hostname is served"), "{told}");
}

#[tokio::test]
async fn every_command_has_a_man_page() {
    let cli = Cli::new("http://127.0.0.1:9");
    cli.done(&["man", "pages"]).await;
    let pages: Vec<_> = std::fs::read_dir(cli.home().join("pages"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for file in std::fs::read_dir(root().join("cli/src/commands")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let command = name.trim_end_matches(".rs");
        // What the chart's Jobs call is no command for a person.
        if !["mod", "keep_secret"].contains(&command) {
            assert!(pages.contains(&format!("causeway-{command}.1")), "no page of {command}: {pages:?}");
        }
    }
}
