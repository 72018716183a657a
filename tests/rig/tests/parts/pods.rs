//! Pods that really run: when they are ready, when they are done, and when they are started again.

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

pub(crate) fn are_started_again_as_their_policies_say(main: &Kubectl) -> Result<()> {
    let unasked = "tcpSocket: {port: 8080}, initialDelaySeconds: 600";
    main.apply(&pod("done", "Always", "help", unasked))?;
    main.apply(&pod("refusing", "Never", "no-such-command", unasked))?;
    is_started_again(main, "done", 0)?;
    main.run(&["delete", "pod", "done", "--wait=false"])?;
    main.wait("jsonpath={.status.phase}=Failed", "pod/refusing", "default")?;
    let ended = (restarts(main, "refusing")?, container_status(main, "refusing", "state.terminated.exitCode")?);
    ensure!(ended == (0, "1".to_owned()), "it was started again, or its code is another one: {ended:?}");
    Ok(())
}

/// Starts pods with liveness probes. What becomes of them is looked at by [`are_started_again_when_their_programs_do_not_live`].
pub(crate) fn begin_to_live(main: &Kubectl) -> Result<()> {
    let healthy = "httpGet: {path: /healthz, port: 8080}, periodSeconds: 1";
    // By the letter of this probe, one answer that takes longer than a second is its end.
    main.apply(&pod("living", "Always", "netexec", &format!("{healthy}, failureThreshold: 1")))?;
    // Says after ten seconds that it isn't well.
    main.apply(&pod("ailing", "Always", "liveness", healthy))?;
    // Never listens where it is asked.
    main.apply(&pod("deaf", "Always", "netexec", "tcpSocket: {port: 8082}, periodSeconds: 1"))
}

pub(crate) fn are_started_again_when_their_programs_do_not_live(main: &Kubectl) -> Result<()> {
    // A program that does nothing about SIGTERM dies of it; the other one then ends by itself.
    is_started_again(main, "ailing", 128 + 15)?;
    is_started_again(main, "deaf", 0)?;
    ensure!(restarts(main, "living")? == 0, "a program that answers its liveness probe was started again");
    Ok(())
}

fn pod(name: &str, policy: &str, arguments: &str, liveness: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: default}}, spec: {{restartPolicy: {policy}, containers: \
         [{{name: main, image: {AGNHOST}, args: [{arguments}], livenessProbe: {{{liveness}}}}}]}}}}"
    )
}

/// The pod's program ended with this code, and runs anew.
fn is_started_again(main: &Kubectl, pod: &str, code: i32) -> Result<()> {
    let ended = format!("--for=jsonpath={{.status.containerStatuses[0].lastState.terminated.exitCode}}={code}");
    // One that has never answered is left alone for a minute and a half.
    main.run(&["wait", &ended, "pod", pod, "--timeout=180s"])?;
    eventually(&format!("{pod} is started again"), || {
        ensure!(restarts(main, pod)? > 0, "restartCount is 0");
        Ok(())
    })
}

fn restarts(main: &Kubectl, pod: &str) -> Result<u32> {
    Ok(container_status(main, pod, "restartCount")?.parse()?)
}

fn container_status(main: &Kubectl, pod: &str, field: &str) -> Result<String> {
    main.run(&["get", "pod", pod, "-o", &format!("jsonpath={{.status.containerStatuses[0].{field}}}")])
}
