//! Annotations of Helm and Argo CD that say when an object is applied, and whether it is deleted.
//!
//! `helm template` prints hooks like other objects. One that belongs to a deletion, a rollback or a test must not run when the workload is
//! installed: it would delete data. Hooks of an installation or an upgrade are applied, as Argo CD does, too.

use serde_json::Value;

const HELM_HOOK: &str = "helm.sh/hook";
const HELM_POLICY: &str = "helm.sh/resource-policy";
const ARGO_HOOK: &str = "argocd.argoproj.io/hook";
const ARGO_OPTIONS: &str = "argocd.argoproj.io/sync-options";

/// Why a manifest is not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotApplied {
    /// The annotation that says so.
    pub annotation: &'static str,
    /// Its value.
    pub hook: String,
}

/// Why a manifest is not applied: all its hooks are of moments that a workload does not have. Argo CD's annotation counts before Helm's.
pub fn not_applied(manifest: &Value) -> Option<NotApplied> {
    let runs_argo = |hook: &str| !matches!(hook, "Skip" | "SyncFail" | "PreDelete" | "PostDelete");
    let runs_helm =
        |hook: &str| matches!(hook, "pre-install" | "post-install" | "pre-upgrade" | "post-upgrade" | "crd-install");
    let runs: (&'static str, &dyn Fn(&str) -> bool) = match annotation(manifest, ARGO_HOOK) {
        Some(_) => (ARGO_HOOK, &runs_argo),
        None => (HELM_HOOK, &runs_helm),
    };
    let hooks = annotation(manifest, runs.0)?;
    (!words(hooks).any(runs.1)).then(|| NotApplied { annotation: runs.0, hook: hooks.to_owned() })
}

/// Whether the object stays in the cluster when its manifest or the record goes.
pub fn keep(manifest: &Value) -> bool {
    let options = annotation(manifest, ARGO_OPTIONS).unwrap_or_default();
    annotation(manifest, HELM_POLICY).is_some_and(|policy| words(policy).any(|word| word == "keep"))
        || words(options).any(|option| matches!(option, "Delete=false" | "Prune=false"))
}

fn annotation<'a>(manifest: &'a Value, key: &str) -> Option<&'a str> {
    manifest.get("metadata")?.get("annotations")?.get(key)?.as_str().filter(|value| !value.trim().is_empty())
}

fn words(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with(key: &str, value: &str) -> Value {
        json!({ "metadata": { "annotations": { key: value } } })
    }

    #[test]
    fn hooks_of_installation_are_applied_and_others_are_not() {
        for hook in
            ["pre-install", "post-upgrade", "pre-delete,post-install", " post-install , pre-upgrade", "crd-install", ""]
        {
            assert_eq!(not_applied(&with(HELM_HOOK, hook)), None, "{hook}");
        }
        for hook in ["pre-delete", "post-delete", "pre-rollback, post-rollback", "test", "test-success", "test-failure"]
        {
            let found = not_applied(&with(HELM_HOOK, hook));
            assert_eq!(found, Some(NotApplied { annotation: HELM_HOOK, hook: hook.into() }), "{hook}");
        }
        for hook in ["PreSync", "Sync", "PostSync", "PreDelete,PostSync"] {
            assert_eq!(not_applied(&with(ARGO_HOOK, hook)), None, "{hook}");
        }
        for hook in ["Skip", "SyncFail", "PreDelete", "PostDelete", "SyncFail,PostDelete"] {
            assert!(not_applied(&with(ARGO_HOOK, hook)).is_some(), "{hook}");
        }
        let both = json!({ "metadata": { "annotations": { HELM_HOOK: "test", ARGO_HOOK: "Sync" } } });
        assert_eq!(not_applied(&both), None);
        assert_eq!(not_applied(&json!({ "metadata": { "annotations": null } })), None);
    }

    #[test]
    fn what_is_kept() {
        assert!(keep(&with(HELM_POLICY, "keep")));
        assert!(keep(&with(ARGO_OPTIONS, "Validate=false, Delete=false")));
        assert!(keep(&with(ARGO_OPTIONS, "Prune=false")));
        assert!(!keep(&with(HELM_POLICY, "delete")));
        assert!(!keep(&with(ARGO_OPTIONS, "Validate=false")));
        assert!(!keep(&json!({})));
    }
}
