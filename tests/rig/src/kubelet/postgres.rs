//! The image `postgres`, made of what this machine has.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::postgres::programs;

/// The rig's name of its program.
pub(super) const PROGRAM: &str = "postgres";
/// What the image's program does, for a shell that knows where Postgres is.
const SCRIPT: &str = include_str!("postgres.sh");
/// The accounts of the image: initdb wants to know who it is.
const ACCOUNTS: &str = "postgres:x:70:70::/var/lib/postgresql:/bin/sh\n";

/// Makes the program in the folder `dir` of a pod, and what the image has beside it in the pod's root folder. Returns the program, and what of this machine it
/// needs inside.
///
/// # Errors
/// When there is no Postgres, or the files can't be written.
pub(super) fn image(dir: &Path, root: &Path) -> Result<(PathBuf, Vec<PathBuf>)> {
    let (programs, program) = (programs()?, dir.join("postgres.sh"));
    fs::write(&program, format!("#!/bin/sh\nPATH='{}'\n{SCRIPT}", programs.display()))?;
    fs::set_permissions(&program, Permissions::from_mode(0o755))?;
    fs::create_dir_all(root.join("etc"))?;
    fs::write(root.join("etc/passwd"), ACCOUNTS)?;
    let installation = programs.parent().context("the programs of Postgres lie in no folder")?.to_owned();
    // What Debian's Postgres reads, zones of time among it, lies apart from its programs.
    Ok((program, vec!["/bin/sh".into(), "/usr/share".into(), installation]))
}
