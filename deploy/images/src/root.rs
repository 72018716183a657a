//! What an image holds.

use anyhow::{Context, Result, bail};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use crate::{Image, USER};

/// Where the bundles of support services are.
pub(crate) const BUNDLES: &str = "bundles";
/// The authorities that a client trusts by default.
pub(crate) const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";
/// Where the bill of materials is.
const BILL: &str = "usr/share/causeway/bill-of-materials.cdx.json";

/// A file or a folder, owned by root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A folder, and whether everybody may write there.
    Folder {
        /// As `/tmp`.
        shared: bool,
    },
    /// A file.
    File {
        /// What is in it.
        content: Vec<u8>,
        /// Whether it can be run.
        executable: bool,
    },
}

/// Files and folders by their path, which has no leading slash: folders come before what is in them.
#[derive(Clone, Debug, Default)]
pub struct Root(pub(crate) BTreeMap<String, Entry>);

impl Root {
    /// The files of an image. `programs` is the folder of built programs, `bundles` that of the bundles.
    ///
    /// # Errors
    /// When one of them can't be read, or the program needs a library that this machine lacks.
    pub fn of(image: &Image, programs: &Path, bundles: &Path, bill: &str) -> Result<Self> {
        let mut root = Self::default();
        let program = programs.join(image.program);
        root.copy(&program, image.program)?;
        for library in libraries(&program)? {
            // Links lead to files whose names have versions: the name that the program asks for is what counts.
            root.copy(Path::new(&library), library.trim_start_matches('/'))?;
        }
        root.copy(Path::new("/").join(CERTIFICATES).as_path(), CERTIFICATES)?;
        root.text(
            "etc/passwd",
            &format!("root:x:0:0:root:/:/nonexistent\ncauseway:x:{USER}:{USER}:causeway:/tmp:/nonexistent\n"),
        )?;
        root.text("etc/group", &format!("root:x:0:\ncauseway:x:{USER}:\n"))?;
        root.text("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")?;
        root.text(BILL, bill)?;
        root.0.insert("tmp".into(), Entry::Folder { shared: true });
        if image.has_bundles {
            root.copy_folder(bundles, BUNDLES)?;
        }
        Ok(root)
    }

    /// Adds a file and the folders above it.
    fn put(&mut self, path: &str, content: Vec<u8>, executable: bool) -> Result<()> {
        for (end, _) in path.match_indices('/') {
            self.0.entry(path[..end].to_owned()).or_insert(Entry::Folder { shared: false });
        }
        match self.0.insert(path.to_owned(), Entry::File { content, executable }) {
            None => Ok(()),
            Some(_) => bail!("{path} would be in the image twice"),
        }
    }

    fn text(&mut self, path: &str, text: &str) -> Result<()> {
        self.put(path, text.as_bytes().to_vec(), false)
    }

    fn copy(&mut self, from: &Path, path: &str) -> Result<()> {
        let place = || format!("can't read {}", from.display());
        let executable = fs::metadata(from).with_context(place)?.permissions().mode() & 0o111 != 0;
        self.put(path, fs::read(from).with_context(place)?, executable)
    }

    fn copy_folder(&mut self, from: &Path, path: &str) -> Result<()> {
        let entries =
            fs::read_dir(from).with_context(|| format!("can't read {}; run `make bundles`", from.display()))?;
        for entry in entries {
            let entry = entry?;
            let inside = format!("{path}/{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                self.copy_folder(&entry.path(), &inside)?
            } else {
                self.copy(&entry.path(), &inside)?
            }
        }
        Ok(())
    }

    /// Writes them into a folder, for the Dockerfile, which owns them anew.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        for (path, entry) in &self.0 {
            let target = folder.join(path);
            match entry {
                Entry::Folder { .. } => fs::create_dir_all(&target)?,
                Entry::File { content, .. } => fs::write(&target, content)?,
            }
            fs::set_permissions(&target, fs::Permissions::from_mode(entry.mode()))?;
        }
        Ok(())
    }

    /// Paths and what is there.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.0.iter().map(|(path, entry)| (path.as_str(), entry))
    }
}

impl Entry {
    pub(crate) const fn mode(&self) -> u32 {
        match self {
            Self::Folder { shared: true } => 0o1777,
            Self::Folder { shared: false } | Self::File { executable: true, .. } => 0o755,
            Self::File { executable: false, .. } => 0o644,
        }
    }
}

/// The shared libraries that the loader gives a program, and the loader itself.
fn libraries(program: &Path) -> Result<Vec<String>> {
    let output = Command::new("ldd").arg(program).stdin(Stdio::null()).output().context("can't run ldd")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("ldd {}: {}", program.display(), String::from_utf8_lossy(&output.stderr));
    }
    parse(&text).with_context(|| format!("{} can't be packed", program.display()))
}

/// Lines as `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)` and `/lib64/ld-linux-x86-64.so.2 (0x…)`.
fn parse(text: &str) -> Result<Vec<String>> {
    let mut found = vec![];
    for line in text.lines().map(str::trim) {
        if line.contains("not found") {
            bail!("this machine lacks a library that it needs: {line}");
        }
        let path = line.split_once("=> ").map_or(line, |(_, path)| path);
        let path = path.split(' ').next().unwrap_or_default();
        // What the kernel maps by itself is no file.
        if path.starts_with('/') {
            found.push(path.to_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_files_and_one_that_is_missing_is_named() {
        let text = "\tlinux-vdso.so.1 (0x1)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x2)\n\t/lib64/ld-linux-x86-64.so.2 (0x3)\n";
        assert_eq!(parse(text).unwrap(), ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"]);
        assert!(parse("\tlibssl.so.3 => not found\n").unwrap_err().to_string().contains("libssl.so.3"));
    }

    #[test]
    fn folders_stand_before_what_is_in_them_and_nothing_is_there_twice() {
        let mut root = Root::default();
        root.text("etc/ssl/x", "").unwrap();
        let paths: Vec<_> = root.entries().map(|(path, _)| path).collect();
        assert_eq!(paths, ["etc", "etc/ssl", "etc/ssl/x"]);
        assert!(root.text("etc/ssl/x", "").is_err());
    }
}
