//! Charts out of pinned Go modules, rendered by Helm as a person does who wants manifests.
//!
//! `tests/charts/before` and `tests/charts/after` pin the modules. No chart is kept in the repository.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail, ensure};
use causeway_rig::Endpoints;
use causeway_testkit::PinnedModule;
use serde::Deserialize;
use serde_json::Value;
use tokio::{fs, process::Command};

/// Which of the two pins.
#[derive(Clone, Copy, Debug)]
pub(super) enum When {
    Before,
    After,
}

/// A chart and how it is rendered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chart {
    /// The release, and the beginning of its namespace's name.
    pub(super) name: &'static str,
    /// The Go module.
    pub(super) module: &'static str,
    /// The chart's folder in it.
    pub(super) path: &'static str,
    /// Arguments of Helm in both cases.
    pub(super) arguments: &'static [&'static str],
    /// Further ones for the second rendering.
    pub(super) afterwards: &'static [&'static str],
}

/// What Helm printed.
#[derive(Clone, Debug)]
pub(super) struct Rendered {
    pub(super) text: String,
    pub(super) objects: Vec<Value>,
}

/// Group and version, kind, name.
pub(super) type Key = (String, String, String);

impl Chart {
    /// `helm template`, after a Namespace.
    pub(super) async fn render(&self, endpoints: &Endpoints, when: When, namespace: &str) -> Result<Rendered> {
        let pins = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts").join(format!("{when:?}").to_lowercase());
        let PinnedModule { dir: module, version: tag } = PinnedModule::find(&pins, self.module).await?;
        let helm = endpoints.programs.get("helm").context("the rig has no helm")?;
        let chart = module.join(self.path);
        let work = endpoints.run_dir.join(format!("chart-{namespace}-{when:?}"));
        fs::create_dir_all(&work).await?;
        // A chart in a module has no version, or an old one. A release of the project has the module's.
        let version = tag.trim_start_matches('v');
        let (packages, app_version) = (work.display().to_string(), format!("v{version}"));
        let of_chart = chart.display().to_string();
        run(
            helm,
            &["package", &of_chart, "--version", version, "--app-version", &app_version, "--destination", &packages],
            &work,
        )
        .await?;
        let package = only_file(&work).await?.display().to_string();
        let mut arguments = vec!["template", self.name, &package, "--namespace", namespace];
        let values = completed_values(&chart, &work, version).await?.map(|path| path.display().to_string());
        if let Some(values) = &values {
            arguments.extend(["--values", values.as_str()]);
        }
        arguments.extend(self.arguments);
        if let When::After = when {
            arguments.extend(self.afterwards);
        }
        let printed = String::from_utf8(run(helm, &arguments, &work).await?)?;
        let text = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n{printed}");
        let objects = objects(&text)?;
        ensure!(objects.len() > 3, "{} renders to {} objects", self.name, objects.len());
        Ok(Rendered { text, objects })
    }
}

/// Envoy Gateway's chart has its default values in a template, which its releases complete.
async fn completed_values(chart: &Path, work: &Path, version: &str) -> Result<Option<PathBuf>> {
    let template = chart.join("values.tmpl.yaml");
    if !fs::try_exists(&template).await? {
        return Ok(None);
    }
    let image = format!("docker.io/envoyproxy/gateway:v{version}");
    let text = fs::read_to_string(&template).await?.replace("${GatewayImage}", &image);
    let path = work.join("values.yaml");
    fs::write(&path, text.replace("${GatewayImagePullPolicy}", "IfNotPresent")).await?;
    Ok(Some(path))
}

async fn only_file(dir: &Path) -> Result<PathBuf> {
    let mut entries = fs::read_dir(dir).await?;
    while let Some(entry) = entries.next_entry().await? {
        if entry.path().extension().is_some_and(|ext| ext == "tgz") {
            return Ok(entry.path());
        }
    }
    bail!("helm has made no package in {}", dir.display())
}

/// The documents that say something, read by another reader than the product's.
fn objects(text: &str) -> Result<Vec<Value>> {
    let mut objects = vec![];
    for document in serde_yaml_ng::Deserializer::from_str(text) {
        let value = Value::deserialize(document)?;
        if !value.is_null() {
            objects.push(value);
        }
    }
    Ok(objects)
}

async fn run(program: &Path, arguments: &[&str], dir: &Path) -> Result<Vec<u8>> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(dir).stdin(Stdio::null());
    let output = command.output().await.with_context(|| format!("can't run {}", program.display()))?;
    let words = arguments.join(" ");
    ensure!(output.status.success(), "{} {words}: {}", program.display(), String::from_utf8_lossy(&output.stderr));
    Ok(output.stdout)
}

impl Rendered {
    /// Group, version and kind of everything.
    pub(super) fn kinds(&self) -> Vec<(String, String, String)> {
        let kinds: BTreeSet<_> = self.objects.iter().map(gvk).collect();
        kinds.into_iter().collect()
    }

    /// What has to stand: everything but the hooks of other moments than an installation.
    pub(super) fn asked(&self) -> BTreeSet<Key> {
        let runs = |object: &&Value| {
            let hook = annotation(object, "helm.sh/hook");
            hook.is_empty()
                || hook
                    .split(',')
                    .any(|hook| ["pre-install", "post-install", "pre-upgrade", "post-upgrade"].contains(&hook.trim()))
        };
        self.objects.iter().filter(runs).map(key).collect()
    }

    /// Jobs that the cluster deletes itself some time after their end.
    pub(super) fn ends_by_itself(&self) -> BTreeSet<Key> {
        self.objects.iter().filter(|object| object["spec"]["ttlSecondsAfterFinished"].is_number()).map(key).collect()
    }

    /// What stays after a deletion, because it says so.
    pub(super) fn kept(&self) -> BTreeSet<Key> {
        self.objects.iter().filter(|object| annotation(object, "helm.sh/resource-policy") == "keep").map(key).collect()
    }
}

fn gvk(object: &Value) -> (String, String, String) {
    let (version, kind) =
        (object["apiVersion"].as_str().unwrap_or_default(), object["kind"].as_str().unwrap_or_default());
    let (group, version) = version.rsplit_once('/').unwrap_or(("", version));
    (group.to_owned(), version.to_owned(), kind.to_owned())
}

pub(super) fn key(object: &Value) -> Key {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&object["apiVersion"]), text(&object["kind"]), text(&object["metadata"]["name"]))
}

fn annotation<'a>(object: &'a Value, name: &str) -> &'a str {
    object["metadata"]["annotations"][name].as_str().unwrap_or_default()
}
