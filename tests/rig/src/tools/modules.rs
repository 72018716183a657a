//! Which programs are built, from which packages. Their versions are pinned by `go.mod` in `tests/rig/tools/<module>`.

use std::time::Duration;

use super::reduced::Reduced;

/// A Go module folder with the programs that are built from it.
#[derive(Debug)]
pub(super) struct Module {
    /// Name of the folder below `tests/rig/tools`.
    pub(super) name: &'static str,
    pub(super) programs: &'static [Program],
    /// How long a first build took on two cores, in seconds; shown so that nobody wonders whether it hangs.
    seconds: u64,
}

/// A Go package that becomes a binary.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) package: &'static str,
    /// The name it has for the rig.
    pub(super) name: &'static str,
}

/// A file out of a module's dependency that is needed when the tool runs: it is kept beside the binaries.
#[derive(Debug)]
pub(super) struct ModuleFile {
    pub(super) module: &'static str,
    pub(super) path: &'static str,
}

/// In the order in which they are built: what a cluster needs first.
pub(super) const MODULES: &[Module] = &[
    module("nats", 20, &[program("github.com/nats-io/nats-server/v2", "nats-server")]),
    module("toxiproxy", 20, &[program("github.com/Shopify/toxiproxy/v2/cmd/server", "toxiproxy")]),
    module("etcd", 60, &[program("go.etcd.io/etcd/server/v3", "etcd")]),
    module(
        "kube",
        520,
        &[
            program("k8s.io/kubernetes/cmd/kube-apiserver", "kube-apiserver"),
            program("k8s.io/kubernetes/cmd/kube-controller-manager", "kube-controller-manager"),
            program("k8s.io/kubernetes/cmd/kube-scheduler", "kube-scheduler"),
            program("k8s.io/kubernetes/cmd/kubectl", "kubectl"),
        ],
    ),
    module("kwok", 120, &[program("sigs.k8s.io/kwok/cmd/kwok", "kwok")]),
    module("helm", 135, &[program("helm.sh/helm/v4/cmd/helm", "helm")]),
    module(
        "cert-manager",
        160,
        &[
            program("./controller", "cert-manager-controller"),
            program("./webhook", "cert-manager-webhook"),
            program("./cainjector", "cert-manager-cainjector"),
            program("./acmesolver", "cert-manager-acmesolver"),
        ],
    ),
    module("envoy-gateway", 270, &[program("github.com/envoyproxy/gateway/cmd/envoy-gateway", "envoy-gateway")]),
    module("agnhost", 30, &[program("k8s.io/kubernetes/test/images/agnhost", "agnhost")]),
    module("pebble", 10, &[program("github.com/letsencrypt/pebble/v2/cmd/pebble", "pebble")]),
    module("external-dns", 285, &[program("sigs.k8s.io/external-dns", "external-dns")]),
    // After Envoy Gateway, with which it has nearly all versions in common.
    module("traefik", 60, &[program("./traefik", "traefik")]),
    // The conformance suite of Gateway API, and the program that stands behind its routes.
    module(
        "conformance",
        60,
        &[program("./suite", "conformance"), program("sigs.k8s.io/gateway-api/conformance/echo-basic", "echo-basic")],
    ),
];

/// What of Traefik is built.
const TRAEFIK: &Reduced = &Reduced { module: "github.com/traefik/traefik/v3", folder: "pkg" };

/// The stage by which pods start.
pub(crate) const KWOK_POD_READY: &str = "kustomize/stage/pod/fast/pod-ready.yaml";
/// The stage by which the pods of Jobs end.
pub(crate) const KWOK_POD_COMPLETE: &str = "kustomize/stage/pod/fast/pod-complete.yaml";

/// The stage files with which kwok plays a node whose pods start at once.
const KWOK_STAGES: &[ModuleFile] = &[
    kwok_stage("kustomize/stage/node/fast/node-initialize.yaml"),
    kwok_stage("kustomize/stage/node/heartbeat/node-heartbeat.yaml"),
    kwok_stage(KWOK_POD_READY),
    kwok_stage(KWOK_POD_COMPLETE),
    kwok_stage("kustomize/stage/pod/fast/pod-delete.yaml"),
];

const fn module(name: &'static str, seconds: u64, programs: &'static [Program]) -> Module {
    Module { name, programs, seconds }
}

const fn program(package: &'static str, name: &'static str) -> Program {
    Program { package, name }
}

const fn kwok_stage(path: &'static str) -> ModuleFile {
    ModuleFile { module: "sigs.k8s.io/kwok", path }
}

impl Module {
    /// How long a first build usually takes.
    pub(super) fn usual(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// Files of dependencies that are needed when the tool runs.
    pub(super) fn files(&self) -> &'static [ModuleFile] {
        if self.name == "kwok" { KWOK_STAGES } else { &[] }
    }

    /// The dependency of which only a part is built.
    pub(super) fn reduced(&self) -> Option<&'static Reduced> {
        (self.name == "traefik").then_some(TRAEFIK)
    }

    /// What is added to the linker flags.
    pub(super) fn link(&self) -> &'static str {
        match self.name {
            // Without it the servers call themselves v0.0.0, which kubectl and charts refuse to parse.
            "kube" => "-X k8s.io/component-base/version.gitVersion=v1.36.3",
            _ => "",
        }
    }
}

impl Program {
    /// The name that Go gives to the binary: the last part of the package that is no major version.
    pub(super) fn built(&self) -> &'static str {
        let is_version = |part: &&str| part.strip_prefix('v').is_some_and(|rest| rest.parse::<u32>().is_ok());
        self.package.rsplit('/').find(|part| !is_version(part)).unwrap_or(self.package)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binaries_are_named_as_go_names_them() {
        let built = |package| program(package, "").built();
        assert_eq!(built("github.com/nats-io/nats-server/v2"), "nats-server");
        assert_eq!(built("go.etcd.io/etcd/server/v3"), "server");
        assert_eq!(built("helm.sh/helm/v4/cmd/helm"), "helm");
        assert_eq!(built("./controller"), "controller");
    }
}
