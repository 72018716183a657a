//! Takes the schema of `spec.rules` out of the CRDs of Gateway API: those of the module that `deploy/bundles-src/go.mod` pins, which also goes into the
//! bundle that clusters get. Go's module cache is read; a module that isn't there is downloaded by Go, and compared with `go.sum`.

use serde_json::Value;
use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const MODULE: &str = "sigs.k8s.io/gateway-api";

fn main() -> Result<(), Box<dyn Error>> {
    let sources = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../deploy/bundles-src");
    for file in ["go.mod", "go.sum"] {
        println!("cargo:rerun-if-changed={}", sources.join(file).display());
    }
    println!("cargo:rerun-if-env-changed=GO");
    let module = module(&sources)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for plural in ["httproutes", "grpcroutes"] {
        let path = module.join(format!("config/crd/standard/gateway.networking.k8s.io_{plural}.yaml"));
        let definition: Value = serde_yaml_ng::from_str(&fs::read_to_string(&path)?)?;
        let schema = rules(&definition).ok_or_else(|| format!("{}: no version v1 with spec.rules", path.display()))?;
        fs::write(out.join(format!("{plural}.json")), serde_json::to_vec(&without_descriptions(schema))?)?;
    }
    // Tests read its examples.
    println!("cargo:rustc-env=GATEWAY_API_MODULE={}", module.display());
    Ok(())
}

/// Where Go keeps the pinned version of the module.
fn module(sources: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let pins = fs::read_to_string(sources.join("go.mod"))?;
    let pinned = pins.lines().find_map(|line| line.trim().strip_prefix(MODULE));
    let version = pinned.ok_or("go.mod doesn't require sigs.k8s.io/gateway-api")?.trim();
    let module = format!("{MODULE}@{version}");
    let go = env::var_os("GO").unwrap_or_else(|| "go".into());
    let output = Command::new(&go)
        .args(["mod", "download", "-json", &module])
        .current_dir(sources)
        .env("GOFLAGS", "-mod=readonly")
        .env("GOWORK", "off")
        .output()
        .map_err(|error| format!("can't run {} to read the CRDs of Gateway API: {error}; install Go", go.display()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(format!("go mod download {module}: {said}{}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let found: Value = serde_json::from_str(&said)?;
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    let line = format!("{MODULE} {version} {}", text("Sum"));
    if !fs::read_to_string(sources.join("go.sum"))?.lines().any(|known| known == line) {
        return Err(format!("go.sum holds no line `{line}`: the module is not the one that was pinned").into());
    }
    Ok(text("Dir").into())
}

/// The schema of `spec.rules` in version v1.
fn rules(definition: &Value) -> Option<&Value> {
    let versions = definition.pointer("/spec/versions")?.as_array()?;
    let v1 = versions.iter().find(|version| version["name"] == "v1")?;
    v1.pointer("/schema/openAPIV3Schema/properties/spec/properties/rules")
}

/// A field may be called `description`; then it has a schema, which is no text.
fn without_descriptions(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => {
            let kept = members.iter().filter(|(key, value)| !(*key == "description" && value.is_string()));
            kept.map(|(key, value)| (key.clone(), without_descriptions(value))).collect()
        }
        Value::Array(items) => items.iter().map(without_descriptions).collect(),
        other => other.clone(),
    }
}
