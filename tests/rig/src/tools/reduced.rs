//! Go modules that are built without some of their packages, from a copy in which packages of the rig stand in their place.
//!
//! Traefik's configuration names every provider that there is, and so brings in the clients of a hundred clouds, although a program that asks for one of
//! them alone needs none of that. To compile it takes longer than all other tools together.
//!
//! The tool's `go.mod` is as `go mod tidy` leaves it with such a copy: it pins the module itself, which is fetched and compared with `go.sum`, and what is
//! compiled of everything else. To take another version: change it in `go.mod` and `go.sum` and build. Where that fails, the copy is left in the cache, in a
//! folder that ends with `.partial`: run `go mod tidy -modfile=<it>/go.mod` in the tool's folder, and take over what it has changed there.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The folder of a tool with the packages that stand in the place of others, by their paths in the module.
const WITHOUT: &str = "without";
/// Where the copy is.
const COPY: &str = "source";

/// A module, and what of it is copied.
#[derive(Debug)]
pub(super) struct Reduced {
    pub(super) module: &'static str,
    pub(super) folder: &'static str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GoMod {
    go: String,
    require: Vec<Require>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Require {
    path: String,
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Download {
    dir: PathBuf,
    sum: String,
}

impl Reduced {
    /// Takes away what [`Self::prepare`] has made.
    pub(super) fn clear(folder: &Path) -> Result<()> {
        fs::remove_dir_all(folder.join(COPY))?;
        for name in ["go.mod", "go.sum"] {
            fs::remove_file(folder.join(name))?;
        }
        Ok(())
    }

    /// Makes the copy in a folder, and a `go.mod` beside it that takes it; returns the path of that.
    pub(super) fn prepare(&self, tool: &Path, folder: &Path) -> Result<PathBuf> {
        let go_mod: GoMod = serde_json::from_slice(&go(tool, &["mod", "edit", "-json"])?)?;
        let copy = folder.join(COPY);
        let pinned = pinned(tool, &go_mod, self.module)?;
        copy_sources(&pinned.join(self.folder), &copy.join(self.folder))?;
        put_in_place(&tool.join(WITHOUT), &copy)?;
        // The tool's own go.mod pins what is needed; the module's names all the rest, too.
        fs::write(copy.join("go.mod"), format!("module {}\n\ngo {}\n", self.module, go_mod.go))?;
        let mut text = fs::read_to_string(tool.join("go.mod"))?;
        text.push_str(&format!("\nreplace {} => {}\n", self.module, copy.display()));
        let path = folder.join("go.mod");
        fs::write(&path, text)?;
        fs::copy(tool.join("go.sum"), folder.join("go.sum"))?;
        Ok(path)
    }
}

/// The folder of the module cache with a module, which is fetched if need be.
fn pinned(tool: &Path, go_mod: &GoMod, module: &str) -> Result<PathBuf> {
    let found = go_mod.require.iter().find(|require| require.path == module);
    let version = &found.with_context(|| format!("go.mod of {} doesn't require {module}", tool.display()))?.version;
    // With its version: otherwise Go would want the go.mod files of everything that it depends on.
    let download = go(tool, &["mod", "download", "-json", &format!("{module}@{version}")])?;
    let Download { dir, sum } = serde_json::from_slice(&download)?;
    let line = format!("{module} {version} {sum}");
    if !fs::read_to_string(tool.join("go.sum"))?.lines().any(|known| known == line) {
        bail!("go.sum of {} has no line `{line}`: the module is not the one that was pinned", tool.display());
    }
    Ok(dir)
}

fn go(tool: &Path, arguments: &[&str]) -> Result<Vec<u8>> {
    let output = Command::new("go").args(arguments).current_dir(tool).output().context("can't run `go`")?;
    if !output.status.success() {
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        bail!("go {}: {}{}", arguments.join(" "), out.trim(), err.trim());
    }
    Ok(output.stdout)
}

/// Copies the files of packages, without tests. What packages embed is copied with them.
fn copy_sources(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("no folder {}", from.display()))? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if path.is_dir() {
            if !["fixtures", "testdata"].contains(&name) {
                copy_sources(&path, &to.join(name))?;
            }
        } else if !name.ends_with("_test.go") {
            // Copied as bytes: files of the module cache can't be written, and their copies would be as they are.
            fs::write(to.join(name), fs::read(&path)?)?;
        }
    }
    Ok(())
}

/// Puts each package of a folder in the place of the one of its path.
fn put_in_place(own: &Path, copy: &Path) -> Result<()> {
    let mut open = vec![PathBuf::new()];
    while let Some(folder) = open.pop() {
        let (mut files, path) = (Vec::new(), own.join(&folder));
        for entry in fs::read_dir(&path).with_context(|| format!("no folder {}", path.display()))? {
            let entry = entry?;
            let name = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() { open.push(name) } else { files.push(name) }
        }
        if files.is_empty() {
            continue;
        }
        let target = copy.join(&folder);
        if target.exists() {
            fs::remove_dir_all(&target)?;
        }
        fs::create_dir_all(&target)?;
        for file in files {
            fs::copy(own.join(&file), copy.join(&file))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_of_ours_stand_in_the_place_of_others() {
        let folder = std::env::temp_dir().join(format!("causeway-reduced-{}", std::process::id()));
        let file = |path: &str, text: &str| {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for path in ["pkg/a/a.go", "pkg/a/a_test.go", "pkg/a/fixtures/big.yml", "pkg/b/b.go", "pkg/b/sub/sub.go"] {
            file(&format!("module/{path}"), "theirs");
        }
        file("own/pkg/b/stub.go", "ours");
        file("own/pkg/new/new.go", "ours");
        copy_sources(&folder.join("module/pkg"), &folder.join("copy/pkg")).unwrap();
        put_in_place(&folder.join("own"), &folder.join("copy")).unwrap();
        let there = |path: &str| fs::read_to_string(folder.join("copy/pkg").join(path)).ok();
        assert_eq!(there("a/a.go").as_deref(), Some("theirs"));
        assert_eq!(
            [there("a/a_test.go"), there("a/fixtures/big.yml"), there("b/b.go"), there("b/sub/sub.go")],
            [const { None }; 4]
        );
        assert_eq!([there("b/stub.go"), there("new/new.go")], [Some("ours".into()), Some("ours".into())]);
        fs::remove_dir_all(folder).unwrap();
    }
}
