//! Charts of real projects, brought as workloads: rendered by Helm, applied, left alone, brought in another version, deleted.
//!
//! They share a cluster that has nothing else: they bring definitions and webhooks for the whole cluster. Its node says of every pod that it runs, but
//! no program does.

mod life;
mod source;

use life::live;
use source::Chart;

const CERT_MANAGER: Chart = Chart {
    name: "cert-manager",
    module: "github.com/cert-manager/cert-manager",
    path: "deploy/charts/cert-manager",
    arguments: &["--set", "crds.enabled=true"],
    afterwards: &[],
};
const EXTERNAL_DNS: Chart = Chart {
    name: "external-dns",
    module: "sigs.k8s.io/external-dns",
    path: "charts/external-dns",
    arguments: &["--include-crds", "--set", "policy=upsert-only"],
    afterwards: &["--set", "interval=7m", "--set", "serviceAccount.create=false"],
};
const ENVOY_GATEWAY: Chart = Chart {
    name: "envoy-gateway",
    module: "github.com/envoyproxy/gateway",
    path: "charts/gateway-helm",
    arguments: &["--include-crds"],
    afterwards: &[],
};
const SEALED_SECRETS: Chart = Chart {
    name: "sealed-secrets",
    module: "github.com/bitnami-labs/sealed-secrets",
    path: "helm/sealed-secrets",
    arguments: &["--include-crds"],
    afterwards: &[],
};
const METRICS_SERVER: Chart = Chart {
    name: "metrics-server",
    module: "sigs.k8s.io/metrics-server",
    path: "charts/metrics-server",
    arguments: &[],
    afterwards: &[],
};
const GATEKEEPER: Chart = Chart {
    name: "gatekeeper",
    module: "github.com/open-policy-agent/gatekeeper/v3",
    path: "charts/gatekeeper",
    arguments: &["--include-crds"],
    afterwards: &[],
};
const KUEUE: Chart = Chart {
    name: "kueue",
    module: "sigs.k8s.io/kueue",
    path: "charts/kueue",
    arguments: &["--include-crds"],
    afterwards: &["--set", "controllerManager.replicas=2"],
};
const KWOK: Chart = Chart {
    name: "kwok",
    module: "sigs.k8s.io/kwok",
    path: "charts/kwok",
    arguments: &["--include-crds"],
    afterwards: &[],
};
const DESCHEDULER: Chart = Chart {
    name: "descheduler",
    module: "sigs.k8s.io/descheduler",
    path: "charts/descheduler",
    arguments: &[],
    afterwards: &["--set", "schedule=*/7 * * * *"],
};

#[tokio::test]
async fn the_chart_of_cert_manager_lives_and_goes() {
    live(&CERT_MANAGER, None).await;
}

#[tokio::test]
async fn the_chart_of_external_dns_lives_and_goes() {
    live(&EXTERNAL_DNS, None).await;
}

#[tokio::test]
async fn the_chart_of_envoy_gateway_lives_and_goes() {
    live(&ENVOY_GATEWAY, None).await;
}

#[tokio::test]
async fn the_chart_of_sealed_secrets_lives_and_goes() {
    live(&SEALED_SECRETS, None).await;
}

/// Its API has no server here: the condition names it, and nothing else is concerned.
#[tokio::test]
async fn the_chart_of_metrics_server_lives_and_goes() {
    live(&METRICS_SERVER, Some("APIService v1beta1.metrics.k8s.io")).await;
}

#[tokio::test]
#[ignore = "large: make soak runs it"]
async fn the_chart_of_gatekeeper_lives_and_goes() {
    live(&GATEKEEPER, None).await;
}

#[tokio::test]
#[ignore = "large: make soak runs it"]
async fn the_chart_of_kueue_lives_and_goes() {
    live(&KUEUE, Some("APIService v1beta")).await;
}

/// Its Deployment has no namespace and goes into the workload's own, and its ServiceAccount names another: the condition says which one is missed.
#[tokio::test]
#[ignore = "large: make soak runs it"]
async fn the_chart_of_kwok_lives_and_goes() {
    live(&KWOK, Some("serviceaccount \"kwok-controller\" not found")).await;
}

#[tokio::test]
#[ignore = "large: make soak runs it"]
async fn the_chart_of_descheduler_lives_and_goes() {
    live(&DESCHEDULER, None).await;
}
