//! How much a text may hold.

/// A mapping takes as much memory as so many scalars, also one with a single entry.
pub const MAPPING: usize = 8;

/// A text may have one value for so many bytes, if these are more than [`Budget::nodes`]: a higher limit of bytes is of use only with them.
/// Real manifests have 30 bytes for each value.
const BYTES_PER_NODE: usize = 17;

/// The most memory that it takes to read a text of this length and to have some copies of it, in bytes. A mapping of four bytes takes 700, and
/// [`Budget::nodes`] bounds how many there are.
pub fn memory_to_read(bytes: usize) -> usize {
    const MAPPINGS: usize = 40 << 20;
    (160 * bytes).min(MAPPINGS) + 15 * bytes
}

/// The limits of one text. The work and the memory of reading are proportional to them, whatever the text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of the text.
    pub bytes: usize,
    /// Documents of the stream, empty ones included.
    pub documents: usize,
    /// Scalars, sequences and mappings as they are written, over all documents. A mapping counts as [`MAPPING`]. A text of more than 17 bytes for each
    /// of them may have more: one for 17 bytes.
    pub nodes: usize,
    /// Sequences and mappings inside each other, aliases followed. Below the limit of 128 that JSON parsers have: what was read here must be
    /// readable again inside of a record.
    pub depth: usize,
    /// Nodes that aliases and merge keys repeat, over all documents; a mapping counts as [`MAPPING`], too.
    pub alias_nodes: usize,
    /// Bytes of text that aliases and merge keys repeat, over all documents.
    pub alias_bytes: usize,
}

impl Budget {
    /// For texts of at most so many bytes.
    pub fn of_bytes(bytes: usize) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// For texts that were taken within a limit of bytes that isn't known here.
    pub fn stored() -> Self {
        Self::of_bytes(usize::MAX)
    }

    /// How many values a text of this length may hold.
    pub fn nodes_in(&self, bytes: usize) -> usize {
        self.nodes.max(bytes / BYTES_PER_NODE)
    }
}

impl Default for Budget {
    /// Room for the largest manifests that projects publish (4.6 MB and 150 000 nodes, a seventh of them mappings).
    fn default() -> Self {
        Self {
            bytes: 8 << 20,
            documents: 10_000,
            nodes: 500_000,
            depth: 100,
            alias_nodes: 50_000,
            alias_bytes: 1 << 20,
        }
    }
}

/// What is left of a budget.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    budget: Budget,
    left: Budget,
}

impl Meter {
    pub(crate) fn new(budget: &Budget) -> Self {
        Self { budget: *budget, left: *budget }
    }

    /// Takes the bytes of the whole text.
    pub(crate) fn bytes(&mut self, bytes: usize) -> Result<(), String> {
        take(&mut self.left.bytes, bytes).ok_or_else(|| {
            let limit = self.budget.bytes;
            let limit =
                if limit.is_multiple_of(1 << 20) { format!("{} MiB", limit >> 20) } else { format!("{limit} bytes") };
            format!(
                "is larger than {limit}; take some manifests out and make each a workload-resource-definition of the same workload definition"
            )
        })?;
        self.budget.nodes = self.budget.nodes_in(bytes);
        self.left.nodes = self.budget.nodes;
        Ok(())
    }

    /// Takes one document.
    pub(crate) fn document(&mut self) -> Result<(), String> {
        take(&mut self.left.documents, 1).ok_or_else(|| {
            format!(
                "there are more than {} documents; make several workload definitions of them",
                self.budget.documents
            )
        })
    }

    /// Takes one node as it is written.
    pub(crate) fn node(&mut self) -> Result<(), String> {
        self.nodes(1)
    }

    /// Takes what a mapping needs beside its node.
    pub(crate) fn mapping(&mut self) -> Result<(), String> {
        self.nodes(MAPPING - 1)
    }

    fn nodes(&mut self, nodes: usize) -> Result<(), String> {
        take(&mut self.left.nodes, nodes).ok_or_else(|| {
            format!(
                "there are more than {} values, where a mapping counts as {MAPPING}; make several workload definitions of them",
                self.budget.nodes
            )
        })
    }

    /// Takes what an alias repeats: so many nodes, and this much text.
    pub(crate) fn repeated(&mut self, nodes: usize, bytes: usize) -> Result<(), String> {
        let nodes = take(&mut self.left.alias_nodes, nodes);
        nodes.and_then(|()| take(&mut self.left.alias_bytes, bytes)).ok_or_else(|| {
            format!(
                "aliases repeat more than {} values or {} KiB; write out what they repeat, or make several workload definitions of it",
                self.budget.alias_nodes,
                self.budget.alias_bytes >> 10
            )
        })
    }

    /// Checks how many sequences and mappings are inside each other.
    pub(crate) fn depth(&self, depth: usize) -> Result<(), String> {
        if depth <= self.budget.depth { Ok(()) } else { Err(self.too_deep()) }
    }

    pub(crate) fn too_deep(&self) -> String {
        format!("more than {} sequences and mappings are inside each other; make it flatter", self.budget.depth)
    }

    pub(crate) fn greatest_depth(&self) -> usize {
        self.budget.depth
    }
}

fn take(left: &mut usize, amount: usize) -> Option<()> {
    *left = left.checked_sub(amount)?;
    Some(())
}
