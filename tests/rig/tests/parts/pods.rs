//! Pods that really run: when they are ready, and when they are done.

use anyhow::{Result, ensure};

use crate::kubectl::{Kubectl, eventually};

/// What Kubernetes tests its own pods with.
const AGNHOST: &str = "registry.k8s.io/e2e-test-images/agnhost:2.53";

pub(crate) fn run_and_deployments_become_available(main: &Kubectl) -> Result<()> {
    main.run(&["create", "deployment", "plain", "--image=plain.invalid/none", "--replicas=2"])?;
    main.wait("condition=Available", "deployment/plain", "default")
}

pub(crate) fn are_ready_when_their_programs_answer(main: &Kubectl) -> Result<()> {
    let deployment = |port: u16| {
        format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: asked, namespace: default}}, spec: {{selector: \
             {{matchLabels: {{app: asked}}}}, template: {{metadata: {{labels: {{app: asked}}}}, spec: {{containers: [{{name: web, \
             image: {AGNHOST}, args: [netexec, --http-port=8080], readinessProbe: {{httpGet: \
             {{port: {port}}}}}}}]}}}}}}}}"
        )
    };
    main.apply(&deployment(8090))?;
    let started = "jsonpath={.status.containerStatuses[0].state.running.startedAt}";
    eventually("the program runs", || {
        main.run(&["wait", &format!("--for={started}"), "pod", "-l", "app=asked", "--timeout=1s"]).map(drop)
    })?;
    let ready = "jsonpath={.items[*].status.conditions[?(@.type==\"Ready\")].status}";
    let ready = main.run(&["get", "pod", "-l", "app=asked", "-o", ready])?;
    ensure!(ready == "False", "nobody listens at the port that is asked, and yet Ready is {ready}");
    main.apply(&deployment(8080))?;
    main.wait("condition=Available", "deployment/asked", "default")
}

pub(crate) fn of_a_job_are_complete_when_their_programs_have_ended(main: &Kubectl) -> Result<()> {
    let job = |name: &str, command: &str| {
        main.apply(&format!(
            "{{apiVersion: batch/v1, kind: Job, metadata: {{name: {name}, namespace: default}}, spec: {{template: {{spec: \
             {{restartPolicy: OnFailure, containers: [{{name: job, image: {AGNHOST}, args: \
             [{command}]}}]}}}}}}}}"
        ))
    };
    job("lasting", "pause")?;
    job("brief", "help")?;
    main.wait("condition=Complete", "job/brief", "default")?;
    let ended = main.run(&["get", "job", "lasting", "-o", "jsonpath={.status.succeeded}"])?;
    ensure!(ended.is_empty(), "a Job whose program runs has ended");
    Ok(())
}
