//! Proves the rig itself: its parts are the real ones and work together.
//!
//! The test starts a rig of its own and runs again below it, because it installs controllers for the whole cluster.

mod kubectl;
mod pods;

use std::{
    env,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use causeway_rig::{Endpoints, Faults, Knobs, VARIABLE, Withheld, tools::module_dir};

use self::kubectl::{Kubectl, PATIENCE, eventually};

/// Says that this process was started by the test, below a rig.
const BELOW: &str = "CAUSEWAY_RIG_TEST";

#[test]
fn the_real_parts_work_together() {
    if env::var_os(BELOW).is_none() {
        let status = Command::new(env!("CARGO_BIN_EXE_causeway-rig"))
            .args(["run", "--extra-clusters", "1", "--"])
            .arg(env::current_exe().unwrap())
            .args(["--exact", "the_real_parts_work_together", "--nocapture"])
            .env(BELOW, "1")
            .env_remove(VARIABLE)
            .status()
            .unwrap();
        assert!(status.success(), "the test failed below the rig, see above");
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(prove()).unwrap();
}

async fn prove() -> Result<()> {
    let endpoints = Endpoints::from_env()?;
    let main = Kubectl::new(&endpoints, 0)?;
    let extra = Kubectl::new(&endpoints, 1)?;
    let knobs = Knobs::new(&endpoints);

    pods::run_and_deployments_become_available(&main)?;
    // They take their time, while the other parts are proved.
    pods::begin_to_live(&main)?;
    pods::are_ready_when_their_programs_answer(&main)?;
    pods::of_a_job_are_complete_when_their_programs_have_ended(&main)?;
    pods::are_started_again_as_their_policies_say(&main)?;
    services_get_addresses_unless_withheld(&main, &knobs).await?;
    install_controllers(&main, &endpoints)?;
    certificates_are_issued_and_bad_ones_refused(&main)?;
    create_zone(&endpoints).await?;
    records_are_published_and_survive_a_restart(&main, &knobs).await?;
    gateways_become_programmed(&main)?;
    writes_are_recorded(&endpoints)?;
    pods::are_started_again_when_their_programs_do_not_live(&main)?;
    extra.run(&["get", "serviceaccount", "default"])?;
    Ok(())
}

async fn services_get_addresses_unless_withheld(main: &Kubectl, knobs: &Knobs) -> Result<()> {
    let address = "jsonpath={.status.loadBalancer.ingress[0].ip}";
    let withheld = Withheld { from: ["default/second".to_owned()].into() };
    knobs.withhold_addresses(&withheld).await?;
    for name in ["first", "second"] {
        main.run(&["create", "service", "loadbalancer", name, "--tcp=80"])?;
    }
    main.wait(address, "service/first", "default")?;
    ensure!(main.run(&["get", "service", "second", "-o", address])?.is_empty(), "the second has an address");
    knobs.withhold_addresses(&Withheld::default()).await?;
    main.wait(address, "service/second", "default")?;
    let get = |name| main.run(&["get", "service", name, "-o", address]);
    ensure!(get("first")?.starts_with("127.") && get("first")? != get("second")?, "the addresses are not unique");
    Ok(())
}

fn install_controllers(main: &Kubectl, endpoints: &Endpoints) -> Result<()> {
    let module = |tool: &str, module: &str, path: &str| Ok::<_, anyhow::Error>(module_dir(tool, module)?.join(path));
    let cert_manager = module("cert-manager", "github.com/cert-manager/cert-manager", "deploy/charts/cert-manager")?;
    let external_dns = module("external-dns", "sigs.k8s.io/external-dns", "")?;
    let gateway = module("envoy-gateway", "github.com/envoyproxy/gateway", "charts/gateway-helm")?;
    let gateway_api = module("envoy-gateway", "sigs.k8s.io/gateway-api", "config/crd/standard")?;

    for crds in [gateway_api, gateway.join("charts/crds/crds/generated"), external_dns.join("config/crd/standard")] {
        main.run(&["apply", "--server-side", "-f", &crds.to_string_lossy()])?;
    }
    main.run(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"])?;

    // The chart's values have two blanks that a release fills in.
    let values = std::fs::read_to_string(gateway.join("values.tmpl.yaml"))?
        .replace("${GatewayImage}", "docker.io/envoyproxy/gateway:v1.9.1")
        .replace("${GatewayImagePullPolicy}", "IfNotPresent");
    let values_file = endpoints.run_dir.join("gateway-values.yaml");
    std::fs::write(&values_file, values)?;
    let values_file = values_file.to_string_lossy();

    main.install(
        endpoints,
        "cert-manager",
        &cert_manager,
        &["--set", "crds.enabled=true", "--set", "startupapicheck.enabled=false"],
    )?;
    main.install(endpoints, "envoy-gateway-system", &gateway, &["-f", &values_file, "--set", "crds.enabled=false"])?;
    let provider = ["--set", "sources={crd},provider.name=aws,policy=sync,txtOwnerId=rig"];
    main.install(endpoints, "external-dns", &external_dns.join("charts/external-dns"), &provider)?;
    main.run(&["wait", "--for=condition=Available", "deployment", "--all", "-A", "--timeout=60s"])?;
    Ok(())
}

fn certificates_are_issued_and_bad_ones_refused(main: &Kubectl) -> Result<()> {
    let issuer =
        "{apiVersion: cert-manager.io/v1, kind: ClusterIssuer, metadata: {name: self}, spec: {selfSigned: {}}}";
    // The webhook is a real one: it takes a moment until it has its certificate and the API server knows it.
    eventually("the issuer is accepted", || main.apply(issuer))?;
    let certificate = |name: &str, extra: &str| {
        format!(
            "{{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {{name: {name}, namespace: default}}, spec: \
             {{secretName: {name}, dnsNames: [a.example.test], {extra} issuerRef: {{name: self, kind: ClusterIssuer}}}}}}"
        )
    };
    main.apply(&certificate("good", ""))?;
    main.wait("condition=Ready", "certificate/good", "default")?;
    match main.apply(&certificate("bad", "duration: 1h, renewBefore: 2h,")) {
        Ok(()) => bail!("a certificate that is renewed before it begins was accepted"),
        Err(error) => {
            ensure!(error.to_string().contains("must be greater than renewBefore"), "another reason: {error}")
        }
    }
    Ok(())
}

async fn create_zone(endpoints: &Endpoints) -> Result<()> {
    let zone = "<CreateHostedZoneRequest><Name>example.test</Name><CallerReference>1</CallerReference></CreateHostedZoneRequest>";
    let url = format!("{}/2013-04-01/hostedzone", endpoints.route53_url);
    reqwest::Client::new().post(url).body(zone).send().await?.error_for_status()?;
    Ok(())
}

async fn records_are_published_and_survive_a_restart(main: &Kubectl, knobs: &Knobs) -> Result<()> {
    let endpoint = |name: &str| {
        format!(
            "{{apiVersion: externaldns.k8s.io/v1alpha1, kind: DNSEndpoint, metadata: {{name: {name}, namespace: default}}, \
             spec: {{endpoints: [{{dnsName: {name}.example.test, recordType: A, recordTTL: 60, targets: [192.0.2.7]}}]}}}}"
        )
    };
    main.apply(&endpoint("one"))?;
    published(knobs, "one.example.test.").await?;

    // A new pod: the process has to follow it, and after an outage of AWS go on where it stopped.
    knobs
        .set_route53_faults(&Faults {
            code: Some("ServiceUnavailable".to_owned()),
            status: Some(503),
            ..Faults::default()
        })
        .await?;
    main.run(&["rollout", "restart", "deployment/external-dns", "-n", "external-dns"])?;
    main.apply(&endpoint("two"))?;
    main.run(&["rollout", "status", "deployment/external-dns", "-n", "external-dns", "--timeout=60s"])?;
    knobs.set_route53_faults(&Faults::default()).await?;
    published(knobs, "two.example.test.").await
}

async fn published(knobs: &Knobs, name: &str) -> Result<()> {
    let began = Instant::now();
    while !knobs.route53_journal(0).await?.iter().any(|entry| entry.name == name && entry.kind == "A") {
        ensure!(began.elapsed() < PATIENCE, "{name} was not published");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

fn gateways_become_programmed(main: &Kubectl) -> Result<()> {
    main.apply(
        "{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: eg}, spec: {controllerName: \
         gateway.envoyproxy.io/gatewayclass-controller}}",
    )?;
    main.apply(
        "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: edge, namespace: default}, spec: \
         {gatewayClassName: eg, listeners: [{name: http, port: 80, protocol: HTTP}]}}",
    )?;
    main.wait("condition=Programmed", "gateway/edge", "default")
}

fn writes_are_recorded(endpoints: &Endpoints) -> Result<()> {
    let log = std::fs::read_to_string(&endpoints.cluster().audit_log)?;
    let by_admin = log.lines().filter(|line| line.contains(r#""username":"admin""#));
    ensure!(
        by_admin.filter(|line| line.contains(r#""resource":"gateways""#)).count() == 1,
        "one write made the Gateway"
    );
    ensure!(!log.contains(r#""verb":"list""#), "reads are recorded");
    Ok(())
}
