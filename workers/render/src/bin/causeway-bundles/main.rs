//! Makes the bundles of support services from the modules that `deploy/bundles-src/go.mod` pins.
//!
//! `causeway-bundles <sources> <out>`, with `HELM` (and, if it isn't on the path, `GO`) naming the tools. Output depends on nothing
//! but the sources, so a bundle that is made twice is the same to the byte.

mod chart;
mod recipe;
mod source;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use causeway_render::bundle::{BundleManifest, FileSum, MANIFEST, adapt, checksum, documents};
use recipe::Recipe;
use serde_json::{Value, json};
use source::Sources;

/// The tools and the work that all bundles share.
struct Maker {
    helm: PathBuf,
    sources: Sources,
    out: PathBuf,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("causeway-bundles: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(sources), Some(out), None) = (args.next(), args.next(), args.next()) else {
        return Err("usage: HELM=<path of helm> causeway-bundles <sources> <out>".to_owned());
    };
    let helm = std::env::var_os("HELM").ok_or("HELM must name the helm binary that renders the charts")?.into();
    let maker = Maker { helm, sources: Sources::open(&sources)?, out };
    let mut made = Vec::new();
    for recipe in Recipe::all(&sources)? {
        made.push(maker.make(&recipe)?);
    }
    remove_others(&maker.out, &made)
}

impl Maker {
    /// Makes one bundle, prints a line about it, and returns the name of its directory.
    fn make(&self, recipe: &Recipe) -> Result<String, String> {
        let module = self.sources.module(&recipe.module)?;
        let service = &recipe.service;
        let name = format!("{service}-{}", module.version);
        let staging = self.out.join(format!(".{name}"));
        fresh_dir(&staging)?;

        let mut objects = Vec::new();
        for path in &recipe.manifests {
            objects.extend(manifests(&module.dir.join(path))?);
        }
        let mut source = module.source.clone();
        if let Some(chart) = &recipe.chart {
            let holder = chart.module.as_ref().map(|path| self.sources.module(path)).transpose()?;
            objects.extend(chart::render(self, chart, recipe, (&module, holder.as_ref()), &staging)?);
            if let Some(holder) = holder {
                source = format!("{source}, {}", holder.source);
            }
        }
        let objects = tidy::all(objects, recipe)?;
        let images = tidy::images(&objects, recipe, &module.version)?;
        let files = write_objects(&staging, &objects)?;
        let manifest = BundleManifest {
            service: service.clone(),
            version: module.version.clone(),
            source,
            images,
            definitions: tidy::names(&objects, "CustomResourceDefinition"),
            deployments: tidy::names(&objects, "Deployment"),
            traits: recipe.traits.clone(),
            file: files,
        };
        let text = toml::to_string(&manifest).map_err(|e| format!("{service}: {e}"))?;
        write(&staging.join(MANIFEST), &text)?;
        let dir = self.out.join(&name);
        if dir.exists() {
            remove(&dir)?;
        }
        std::fs::rename(&staging, &dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        println!(
            "{name}: {} objects, {} CRDs, {} images, from {}",
            objects.len(),
            manifest.definitions.len(),
            manifest.images.len(),
            manifest.source
        );
        Ok(name)
    }
}

/// The objects of a file, or of all YAML files in a directory but the lists for other tools.
fn manifests(path: &Path) -> Result<Vec<Value>, String> {
    let fail = |e: std::io::Error| format!("{}: {e}", path.display());
    if path.is_file() {
        let text = std::fs::read_to_string(path).map_err(fail)?;
        return documents(&text).map_err(|why| format!("{}: {why}", path.display()));
    }
    let entries = std::fs::read_dir(path).map_err(fail)?;
    let mut paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(fail)?;
    paths.retain(|path| path.extension().is_some_and(|ext| ext == "yaml") && !path.ends_with("kustomization.yaml"));
    paths.sort();
    paths.iter().map(|path| manifests(path)).collect::<Result<Vec<_>, _>>().map(|all| all.concat())
}

/// Writes the objects in three files that are applied one after the other.
fn write_objects(dir: &Path, objects: &[Value]) -> Result<Vec<FileSum>, String> {
    let file_of = |object: &Value| match object["kind"].as_str() {
        Some("Namespace") => "0-namespace.yaml",
        Some("CustomResourceDefinition") => "1-definitions.yaml",
        _ => "2-resources.yaml",
    };
    let mut files = Vec::new();
    for part in objects.chunk_by(|a, b| file_of(a) == file_of(b)) {
        let path = file_of(&part[0]);
        let mut text = String::new();
        for object in part {
            text.push_str("---\n");
            text.push_str(&serde_yaml_ng::to_string(object).map_err(|e| e.to_string())?);
        }
        write(&dir.join(path), &text)?;
        files.push(FileSum { path: path.to_owned(), sha256: checksum(text.as_bytes()) });
    }
    Ok(files)
}

/// The Namespace object that charts leave out.
fn namespace() -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": adapt::NAMESPACE } })
}

/// Removes what an earlier run made and this one didn't: other versions, half-made directories.
fn remove_others(out: &Path, made: &[String]) -> Result<(), String> {
    let entries = std::fs::read_dir(out).map_err(|e| format!("{}: {e}", out.display()))?;
    for entry in entries {
        let entry = entry.map_err(|e| format!("{}: {e}", out.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_bundle = entry.path().join(MANIFEST).is_file() || name.starts_with('.');
        if is_bundle && !made.contains(&name) {
            println!("{name}: removed, it has been replaced");
            remove(&entry.path())?;
        }
    }
    Ok(())
}

fn fresh_dir(dir: &Path) -> Result<(), String> {
    if dir.exists() {
        remove(dir)?;
    }
    std::fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))
}

fn remove(dir: &Path) -> Result<(), String> {
    std::fs::remove_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}
