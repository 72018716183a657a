//! Trees of records: what one depends on.

use anstyle::Style;

use super::{
    clean,
    style::{FAINT, paint},
};

/// A line of a tree with those below it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Node {
    /// `GatewayDefinition`.
    pub(crate) kind: String,
    pub(crate) name: String,
    /// What is said behind the name.
    pub(crate) note: String,
    pub(crate) style: Style,
    pub(crate) below: Vec<Node>,
}

impl Node {
    fn label(&self) -> String {
        let note =
            if self.note.is_empty() { String::new() } else { format!("   {}", paint(self.style, &clean(&self.note))) };
        format!("{} {}{note}", paint(FAINT, &self.kind), clean(&self.name))
    }
}

/// The nodes below each other, with lines that lead to them.
pub(crate) fn text(nodes: &[Node]) -> String {
    let mut text = String::new();
    branches(nodes, "", &mut text);
    text
}

fn branches(nodes: &[Node], before: &str, text: &mut String) {
    for (at, node) in nodes.iter().enumerate() {
        let (branch, further) = if at + 1 == nodes.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        text.push_str(&format!("{}{}\n", paint(FAINT, &format!("{before}{branch}")), node.label()));
        branches(&node.below, &format!("{before}{further}"), text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, note: &str, below: Vec<Node>) -> Node {
        Node { kind: "Kind".into(), name: name.into(), note: note.into(), below, ..Node::default() }
    }

    #[test]
    fn a_tree() {
        let nodes = [
            node("a", "Ready", vec![node("b", "", vec![node("c", "", vec![])]), node("d", "", vec![])]),
            node("e", "", vec![]),
        ];
        let text = anstream::adapter::strip_str(&text(&nodes)).to_string();
        let expected = "├─ Kind a   Ready\n│  ├─ Kind b\n│  │  └─ Kind c\n│  └─ Kind d\n└─ Kind e\n";
        assert_eq!(text, expected);
    }
}
