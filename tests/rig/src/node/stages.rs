//! What kwok does with a pod. Of pods whose programs the rig runs it says nothing but their address: the rest says who runs them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{
    kubelet::image_pattern,
    tools::{KWOK_POD_COMPLETE, KWOK_POD_READY, Tools},
};

/// Where the list of conditions of a stage begins.
const CONDITIONS: &str = "    matchExpressions:\n";

/// Writes the stages for a node on which the rig runs the pods of the images that it knows.
pub(super) fn with_programs(tools: &Tools, dir: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(dir)?;
    let mut files = vec![write(dir, "pod-address.json", &address().to_string())?];
    for stage in tools.kwok_stages()? {
        let name = stage.file_name().context("a stage is a file")?.to_string_lossy();
        files.push(match [KWOK_POD_READY, KWOK_POD_COMPLETE].iter().any(|path| path.ends_with(&*name)) {
            true => write(dir, &name, &for_others(&fs::read_to_string(stage)?)?)?,
            false => stage.to_owned(),
        });
    }
    Ok(files)
}

fn write(dir: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let file = dir.join(name);
    fs::write(&file, text).with_context(|| format!("can't write {}", file.display()))?;
    Ok(file)
}

/// The same stage for all pods but those that the rig runs.
fn for_others(stage: &str) -> Result<String> {
    ensure!(stage.contains(CONDITIONS), "a stage of kwok has no conditions: {stage}");
    // Text in JSON is text in YAML.
    let condition = format!("    - {}\n", runs("NotIn"));
    Ok(stage.replacen(CONDITIONS, &format!("{CONDITIONS}{condition}"), 1))
}

/// Whether the rig has the program of the pod's first container.
fn runs(operator: &str) -> Value {
    let key = format!(".spec.containers[0].image | test({})", json!(image_pattern()));
    json!({ "key": key, "operator": operator, "values": ["true"] })
}

/// Gives a pod that the rig runs an address, and says that it isn't ready.
fn address() -> Value {
    let template = r#"
conditions:
- {lastTransitionTime: {{ Now | Quote }}, status: "True", type: Initialized}
- {lastTransitionTime: {{ Now | Quote }}, status: "False", type: Ready, reason: ContainersNotReady}
- {lastTransitionTime: {{ Now | Quote }}, status: "False", type: ContainersReady, reason: ContainersNotReady}
hostIP: {{ index (NodeIPsWith .spec.nodeName) 0 | Quote }}
{{ $address := index (PodIPsWith .spec.nodeName false (or .metadata.uid "") (or .metadata.name "") (or .metadata.namespace "")) 0 }}
podIP: {{ $address | Quote }}
podIPs:
- ip: {{ $address | Quote }}
startTime: {{ Now | Quote }}
"#;
    let absent = |key: &str| json!({ "key": key, "operator": "DoesNotExist" });
    json!({
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": { "name": "pod-address" },
        "spec": {
            "resourceRef": { "apiGroup": "v1", "kind": "Pod" },
            "selector": { "matchExpressions": [
                absent(".metadata.deletionTimestamp"),
                absent(".status.podIP"),
                runs("In"),
            ] },
            "next": { "statusTemplate": template },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_for_others_has_one_more_condition() {
        let stage = "spec:\n  selector:\n    matchExpressions:\n    - key: '.status.phase'\n";
        let others = for_others(stage).unwrap();
        assert!(others.contains("matchExpressions:\n    - {\"key\":\".spec.containers[0].image | test("), "{others}");
        assert!(others.ends_with("    - key: '.status.phase'\n"), "{others}");
        assert!(for_others("spec: {}").is_err());
    }
}
