//! What the pages say that one may type is a command that there is.

use clap::error::ErrorKind;
use std::{fs, path::Path};

/// Every page for people, with its text.
fn pages() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let docs = fs::read_dir(root.join("docs")).expect("the folder docs").map(|entry| entry.expect("a page").path());
    let pages = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let read = |path: &Path| (path.display().to_string(), fs::read_to_string(path).expect("a page"));
    pages.chain([root.join("README.md")]).map(|path| read(&path)).collect()
}

/// The commands of a page: lines of blocks, and what stands in backticks.
fn commands(page: &str) -> Vec<Vec<String>> {
    let (mut texts, mut in_block) = (vec![], false);
    for line in page.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
        } else if in_block {
            texts.push(line);
        } else {
            texts.extend(line.split('`').skip(1).step_by(2));
        }
    }
    texts.into_iter().flat_map(words).filter(|words| words.first().is_some_and(|word| word == "causeway")).collect()
}

/// The commands of a line as a shell takes them apart, without redirections.
fn words(line: &str) -> Vec<Vec<String>> {
    let (mut all, mut words, mut word, mut quote) = (vec![], vec![], String::new(), None);
    for character in line.chars() {
        match (character, quote) {
            (quoted, Some(end)) if quoted != end => word.push(quoted),
            (_, Some(_)) => quote = None,
            (begin @ ('"' | '\''), None) => quote = Some(begin),
            ('#', None) if word.is_empty() => break,
            ('|' | '&' | ';', None) => {
                words.push(std::mem::take(&mut word));
                all.push(std::mem::take(&mut words));
            }
            ('>' | '<', None) => {
                words.push(std::mem::take(&mut word));
                all.push(std::mem::take(&mut words));
                // What it is redirected to is no command.
                words.push("to".to_owned());
            }
            (' ', None) => words.push(std::mem::take(&mut word)),
            (other, None) => word.push(other),
        }
    }
    words.push(word);
    all.push(words);
    let all = all.into_iter().map(|words| words.into_iter().filter(|word| !word.is_empty()).collect());
    all.filter(|words: &Vec<String>| !words.is_empty()).collect()
}

/// Words in capitals stand for what one fills in.
fn is_filled_in(command: &[String], value: &str) -> bool {
    value.chars().all(|c| c.is_ascii_uppercase() || c == '-') && command.iter().any(|word| word == value)
}

#[test]
fn what_the_pages_say_can_be_typed() {
    let (mut checked, mut wrong) = (0, vec![]);
    for (page, text) in pages() {
        for command in commands(&text) {
            checked += 1;
            let Err(error) = causeway_cli::command().try_get_matches_from(&command) else { continue };
            // A sentence may name a command without what it needs.
            let ends_with_flag = command.last().is_some_and(|word| word.starts_with('-'));
            let is_part = ends_with_flag && error.kind() == ErrorKind::InvalidValue
                || matches!(
                    error.kind(),
                    ErrorKind::DisplayHelp
                        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                        | ErrorKind::MissingRequiredArgument
                        | ErrorKind::MissingSubcommand
                );
            let values: Vec<_> = error.context().map(|(_, value)| value.to_string()).collect();
            let fills_in = [ErrorKind::ValueValidation, ErrorKind::InvalidValue, ErrorKind::InvalidSubcommand]
                .contains(&error.kind());
            let is_filled_in = fills_in && values.iter().any(|value| is_filled_in(&command, value));
            if !is_part && !is_filled_in {
                wrong.push(format!("{page}: {}: {}", command.join(" "), error.to_string().lines().next().unwrap()));
            }
        }
    }
    assert!(checked > 60, "only {checked} commands were found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn commands_are_found_in_lines_and_backticks() {
    let page = "Say `causeway status HOST`, or `kubectl get`:\n```sh\ncauseway get x | grep \"a b\" || causeway wait 'c d' # causeway no\ncat > f <<END\n```\n";
    let found: Vec<_> = commands(page).into_iter().map(|words| words.join("_")).collect();
    assert_eq!(found, ["causeway_status_HOST", "causeway_get_x", "causeway_wait_c d"]);
}
