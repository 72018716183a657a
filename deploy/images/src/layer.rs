//! Files as a compressed tar whose bytes depend on nothing but the files.

use anyhow::Result;
use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};
use std::io::Write;
use tar::{Builder, EntryType, Header};

use crate::root::{Entry, Root};

/// A layer of an image: a tar archive.
pub(crate) struct Layer {
    /// Compressed.
    pub(crate) bytes: Vec<u8>,
    /// Digest of the tar before it was compressed.
    pub(crate) uncompressed: String,
}

/// `sha256:…` of bytes.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

pub(crate) fn layer(root: &Root) -> Result<Layer> {
    let tar = archive(root)?;
    // The header of gzip would hold a time and the name of the system.
    let mut compressed = GzBuilder::new().mtime(0).operating_system(255).write(vec![], Compression::best());
    compressed.write_all(&tar)?;
    Ok(Layer { bytes: compressed.finish()?, uncompressed: digest(&tar) })
}

fn archive(root: &Root) -> Result<Vec<u8>> {
    let mut tar = Builder::new(vec![]);
    for (path, entry) in &root.0 {
        let mut header = Header::new_ustar();
        header.set_mode(entry.mode());
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        let content: &[u8] = match entry {
            Entry::Folder { .. } => {
                header.set_entry_type(EntryType::Directory);
                &[]
            }
            Entry::File { content, .. } => content,
        };
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, path, content)?;
    }
    Ok(tar.into_inner()?)
}
