//! Charts rendered by Helm, offline.

use std::path::{Path, PathBuf};
use std::process::Command;

use causeway_render::bundle::{adapt, documents};
use serde_json::Value;

use crate::recipe::{Chart, Recipe, fill};
use crate::source::Module;
use crate::{Maker, fresh_dir, remove, write};

/// The oldest Kubernetes that Causeway supports: charts are rendered for it, so that they use no newer feature.
const KUBE_VERSION: &str = "v1.33.0";

/// The chart's objects, with placeholders for namespace and (where the recipe says so) name. Works in a directory of its own below
/// `staging`, which is gone afterwards. `holder`: the module that has the chart, if it isn't `module`.
pub(crate) fn render(
    maker: &Maker,
    chart: &Chart,
    recipe: &Recipe,
    (module, holder): (&Module, Option<&Module>),
    staging: &Path,
) -> Result<Vec<Value>, String> {
    let (service, helm) = (&recipe.service, &maker.helm);
    let work = staging.join("chart");
    copy_dir(&holder.unwrap_or(module).dir.join(&chart.path), &work)?;
    stamp(&work.join("Chart.yaml"), chart, module)?;

    let mut command = Command::new(helm);
    command.args(["template", &chart.release]).arg(&work).args([
        "--namespace",
        adapt::NAMESPACE,
        "--kube-version",
        KUBE_VERSION,
    ]);
    if let Some(template) = &chart.values_template {
        let values = work.join("completed-values.yaml");
        write(&values, &complete(&module.dir.join(template), chart, module)?)?;
        command.arg("--values").arg(values);
    }
    let output = command
        .arg("--values")
        .arg(recipe.dir.join("values.yaml"))
        .output()
        .map_err(|e| format!("cannot run {}: {e}", helm.display()))?;
    if !output.status.success() {
        return Err(format!("helm cannot render {service}: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    remove(&work)?;
    let text = String::from_utf8(output.stdout).map_err(|e| format!("{service}: {e}"))?;
    documents(&text).map_err(|why| format!("helm's output for {service}: {why}"))
}

/// Writes the module's version into the chart, as the project's own release does.
fn stamp(path: &Path, chart: &Chart, module: &Module) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let lines = text.lines().map(|line| match line.split(':').next() {
        Some("version") => format!("version: {}\n", module.version),
        Some("appVersion") => format!("appVersion: {:?}\n", fill(&chart.app_version, &module.version)),
        _ => format!("{line}\n"),
    });
    write(path, &lines.collect::<String>())
}

/// The chart's values with every `${…}` replaced.
fn complete(template: &Path, chart: &Chart, module: &Module) -> Result<String, String> {
    let mut text = std::fs::read_to_string(template).map_err(|e| format!("{}: {e}", template.display()))?;
    for (name, value) in &chart.variables {
        text = text.replace(&format!("${{{name}}}"), &fill(value, &module.version));
    }
    match text.find("${") {
        Some(at) => {
            let line = text[at..].lines().next().unwrap_or_default();
            Err(format!("{} holds a variable that the recipe doesn't set: {line}", template.display()))
        }
        None => Ok(text),
    }
}

/// Copies a directory of the read-only module cache into one that can be written.
fn copy_dir(from: &Path, to: &Path) -> Result<(), String> {
    fresh_dir(to)?;
    let fail = |path: &Path, e: std::io::Error| format!("{}: {e}", path.display());
    let entries = std::fs::read_dir(from).map_err(|e| fail(from, e))?;
    for entry in entries {
        let path: PathBuf = entry.map_err(|e| fail(from, e))?.path();
        let Some(name) = path.file_name() else { continue };
        let target = to.join(name);
        if path.is_dir() {
            copy_dir(&path, &target)?;
        } else {
            let bytes = std::fs::read(&path).map_err(|e| fail(&path, e))?;
            std::fs::write(&target, bytes).map_err(|e| fail(&target, e))?;
        }
    }
    Ok(())
}
