//! Building the tools that the cache lacks, one `go build` at a time.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, ErrorKind},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use super::{
    Assets, build_dir, cache_dir, file_name,
    modules::{MODULES, Module, Program},
    progress::Progress,
    reduced::Reduced,
    source_dir,
};

/// How many of the last lines of a failed build are shown.
const SHOWN_LINES: usize = 15;

/// Something to build, and where it goes.
struct Job {
    module: &'static Module,
    programs: Vec<&'static Program>,
    target: PathBuf,
}

/// The arguments of `go`, up to the packages. They are part of the cache key.
pub(super) fn arguments(module: &Module) -> Vec<String> {
    let link = format!("-s -w {}", module.link());
    ["build", "-trimpath", "-buildvcs=false", "-ldflags", link.trim_end()].map(str::to_owned).into()
}

/// Builds every tool that is not in the cache yet.
///
/// A lock on a file in the cache keeps two callers apart: the second waits, then finds everything done.
pub(super) fn missing() -> Result<()> {
    let cache = cache_dir()?;
    if jobs(&cache)?.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(cache.join("tools")).with_context(|| format!("can't write the cache {}", cache.display()))?;
    let lock = File::create(cache.join("tools/.lock"))?;
    if lock.try_lock().is_err() {
        eprintln!("waiting for another process that builds the tools");
        lock.lock().context("can't lock the cache of built tools")?;
    }
    let jobs = jobs(&cache)?;
    if jobs.is_empty() {
        return Ok(());
    }
    require_go()?;
    let progress = Progress::start(jobs.len(), jobs.iter().map(|job| job.module.usual()).sum());
    for job in &jobs {
        progress.begin(job.module.name, job.module.usual());
        job.run(&progress)?;
        progress.end(job.module.name);
    }
    progress.finish();
    Ok(())
}

fn jobs(cache: &Path) -> Result<Vec<Job>> {
    let assets = Assets::from_env();
    let mut jobs = Vec::new();
    for module in MODULES {
        let Some(programs) = assets.remaining(module) else { continue };
        let target = build_dir(cache, module, &programs)?;
        if !target.is_dir() {
            jobs.push(Job { module, programs, target });
        }
    }
    Ok(jobs)
}

fn require_go() -> Result<()> {
    match Command::new("go").arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => bail!(
            "the test rig builds Kubernetes and the controllers from source and needs Go 1.21 or newer (it fetches the \
             pinned Go release by itself): install Go and make sure that `go` is in the PATH"
        ),
        Err(error) => Err(error).context("can't run `go`"),
    }
}

impl Job {
    /// Builds into a scratch folder beside the target and renames it, so that the target is complete or absent.
    fn run(&self, progress: &Progress) -> Result<()> {
        let scratch = self.target.with_extension("partial");
        if scratch.exists() {
            fs::remove_dir_all(&scratch)?;
        }
        fs::create_dir_all(&scratch)?;
        let reduced = self.module.reduced();
        let prepare = |reduced: &Reduced| reduced.prepare(&source_dir(self.module.name), &scratch);
        let go_mod = reduced.map(prepare).transpose()?;
        self.go_build(&scratch, go_mod.as_deref(), progress)?;
        if reduced.is_some() {
            Reduced::clear(&scratch)?;
        }
        for program in &self.programs {
            fs::rename(scratch.join(program.built()), scratch.join(program.name))?;
        }
        for file in self.module.files() {
            let source = module_dir(self.module.name, file.module)?.join(file.path);
            fs::copy(&source, scratch.join(file_name(file.path)))
                .with_context(|| format!("no file {}", source.display()))?;
        }
        fs::rename(&scratch, &self.target)?;
        Ok(())
    }

    /// `go_mod`: another one than that in the tool's folder.
    fn go_build(&self, scratch: &Path, go_mod: Option<&Path>, progress: &Progress) -> Result<()> {
        let mut child = Command::new("go")
            .args(arguments(self.module))
            .args(go_mod.map(|path| format!("-modfile={}", path.display())))
            // Names each package it compiles, which is the only sign of progress there is.
            .arg("-v")
            .arg("-o")
            .arg(format!("{}/", scratch.display()))
            .args(self.programs.iter().map(|program| program.package))
            .current_dir(source_dir(self.module.name))
            .env("CGO_ENABLED", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("can't run `go`")?;
        let mut lines = Vec::new();
        if let Some(stderr) = child.stderr.take() {
            for line in BufReader::new(stderr).lines() {
                let line = line?;
                progress.step(&line);
                lines.push(line);
            }
        }
        let status = child.wait()?;
        if !status.success() {
            let last = lines.split_off(lines.len().saturating_sub(SHOWN_LINES)).join("\n  ");
            bail!("building {} failed ({status}):\n  {last}", self.module.name);
        }
        Ok(())
    }
}

/// The folder in Go's module cache that holds a dependency of a tool; charts and CRDs are in there too. `tool` is the name
/// of a folder below `tests/rig/tools`.
///
/// # Errors
/// When Go is missing, or the tool doesn't depend on such a module.
pub fn module_dir(tool: &str, dependency: &str) -> Result<PathBuf> {
    let output = Command::new("go")
        .args(["list", "-m", "-f", "{{.Dir}}", dependency])
        .current_dir(source_dir(tool))
        .stderr(Stdio::inherit())
        .output()
        .context("can't run `go`")?;
    let dir = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || dir.is_empty() {
        bail!("`go list -m {dependency}` finds no such module for {tool}");
    }
    Ok(dir.into())
}
