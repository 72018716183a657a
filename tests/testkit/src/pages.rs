//! Pages for people: what stands in their blocks, and which pictures they show.

/// The pages of the dashboard that docs/dashboard.md shows, by the names of their pictures. `make screenshots` makes these.
pub const PICTURED: [&str; 24] = [
    "fleet",
    "hostname",
    "seen-from-here",
    "gateways",
    "gateway",
    "not-ready",
    "domains",
    "domain-name",
    "shared-gateways",
    "shared-gateway",
    "workload",
    "cluster",
    "certificates",
    "support-services",
    "search",
    "events",
    "events-of-one",
    "webhooks",
    "webhook",
    "delivery",
    "audit",
    "question",
    "question-webhook",
    "sign-in",
];

/// A block of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What it says it is: the words behind its fence, such as `sh`.
    pub mark: String,
    /// Its lines, without an indentation that they share with their fence.
    pub text: String,
}

/// The mark of a block that is run by a test.
pub const RUN: &str = "sh";
/// The mark of commands with what each of them prints, which a test compares.
pub const COMPARED: &str = "console";
/// The mark of commands that can't run beside tests: they need a registry, a cloud, or a cluster of one's own. Whoever shows a page looks at the first word.
pub const ELSEWHERE: &str = "sh elsewhere";

/// The blocks of a page.
#[must_use]
pub fn blocks(page: &str) -> Vec<Block> {
    let (mut blocks, mut open): (Vec<Block>, Option<(usize, Block)>) = (vec![], None);
    for line in page.lines() {
        let indent = line.len() - line.trim_start().len();
        let fence = line.trim_start().strip_prefix("```");
        open = match (open, fence) {
            (None, None) => None,
            (None, Some(mark)) => Some((indent, Block { mark: mark.trim().to_owned(), text: String::new() })),
            (Some((at, mut block)), None) => {
                block.text += line.get(at.min(indent)..).unwrap_or_default();
                block.text.push('\n');
                Some((at, block))
            }
            (Some((_, block)), Some(_)) => {
                blocks.push(block);
                None
            }
        };
    }
    blocks
}

/// The blocks of a page that are run, one after the other.
#[must_use]
pub fn commands(page: &str) -> String {
    blocks(page).into_iter().filter(|block| block.mark == RUN).map(|block| block.text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_run_is_left_out() {
        let page = "a\n```sh\none\n```\nb\n```json\n{}\n```\n1. c\n\n   ```sh elsewhere\n   two\n     more\n   ```\n```sh\nthree\n```\n";
        assert_eq!(commands(page), "one\nthree\n");
        let marks: Vec<_> = blocks(page).into_iter().map(|block| block.mark).collect();
        assert_eq!(marks, [RUN, "json", ELSEWHERE, RUN]);
        assert_eq!(blocks(page)[2].text, "two\n  more\n");
    }
}
