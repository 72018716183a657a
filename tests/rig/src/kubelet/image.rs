//! Which container images the rig can run as a process, and what it changes about them.

use k8s_openapi::api::core::v1::{Container, Pod};

use super::postgres;

/// A container image whose program the rig has.
#[derive(Debug)]
pub(super) struct Image {
    /// The last segments of the repository: a registry mirror changes only the first ones.
    repository: &'static str,
    /// The rig's name of the program.
    pub(super) program: &'static str,
    /// Flags that replace those of the container. They make it quick, or name what is different on this machine.
    flags: &'static [&'static str],
    /// Whether it talks to AWS, which is the emulator here.
    pub(super) uses_aws: bool,
    /// Whether several pods of one workload work at the same time. Of a controller's one does and the others wait: what
    /// leader election does in a real cluster, without its wait for the lease of a predecessor that was killed.
    pub(super) replicated: bool,
    /// Whether it is linked dynamically.
    pub(super) needs_system: bool,
    /// Whether the workspace builds the program, and the rig only runs it.
    pub(super) own: bool,
    /// Whether it refuses to run as root. Then it runs as the user that its pod names, and all others don't.
    pub(super) refuses_root: bool,
}

/// A controller that is linked statically.
const CONTROLLER: Image = Image {
    repository: "",
    program: "",
    flags: &[],
    uses_aws: false,
    replicated: false,
    needs_system: false,
    own: false,
    refuses_root: false,
};

/// A program of this workspace.
const OWN: Image = Image { replicated: true, needs_system: true, own: true, ..CONTROLLER };

const IMAGES: &[Image] = &[
    Image { repository: "envoyproxy/gateway", program: "envoy-gateway", ..CONTROLLER },
    Image {
        repository: "envoyproxy/envoy",
        program: "envoy",
        // One thread serves every test, and hot restarts need memory that is shared with a predecessor.
        flags: &["--concurrency", "1", "--disable-hot-restart"],
        replicated: true,
        needs_system: true,
        ..CONTROLLER
    },
    Image {
        repository: "cert-manager-controller",
        program: "cert-manager-controller",
        // Upstream waits an hour after a failed issuance, which no test can.
        flags: &["--dns01-check-retry-period=1s", "--certificate-request-minimum-backoff-duration=10s"],
        uses_aws: true,
        ..CONTROLLER
    },
    Image { repository: "cert-manager-webhook", program: "cert-manager-webhook", ..CONTROLLER },
    Image { repository: "cert-manager-cainjector", program: "cert-manager-cainjector", ..CONTROLLER },
    // Answers an HTTP-01 challenge; each challenge has one.
    Image { repository: "cert-manager-acmesolver", program: "cert-manager-acmesolver", replicated: true, ..CONTROLLER },
    Image {
        repository: "external-dns",
        program: "external-dns",
        // With --events alone a change waits for a built-in 5 seconds; only a short interval makes it quick.
        flags: &["--interval=1s", "--events", "--min-event-sync-interval=200ms", "--aws-batch-change-interval=0s"],
        uses_aws: true,
        ..CONTROLLER
    },
    Image {
        repository: "traefik",
        program: "traefik",
        // Changes are gathered for two seconds otherwise.
        flags: &["--providers.providersThrottleDuration=100ms"],
        // Proxy and controller in one.
        replicated: true,
        ..CONTROLLER
    },
    // What Kubernetes tests its own networks with; the sample's backend.
    Image { repository: "agnhost", program: "agnhost", replicated: true, ..CONTROLLER },
    // What answers in the conformance tests of Gateway API.
    Image { repository: "gateway-api/echo-basic", program: "echo-basic", replicated: true, ..CONTROLLER },
    // What the chart of Causeway starts for a first hour.
    Image { repository: "library/nats", program: "nats-server", replicated: true, ..CONTROLLER },
    Image {
        repository: "library/postgres",
        program: postgres::PROGRAM,
        replicated: true,
        needs_system: true,
        refuses_root: true,
        ..CONTROLLER
    },
    Image { repository: "causeway-api", program: "causeway-api", ..OWN },
    Image { repository: "causeway-workers", program: "causeway-workers", uses_aws: true, ..OWN },
    Image { repository: "causeway-cli", program: "causeway", ..OWN },
];

/// The container of a pod that the rig runs, with its image. `None` for all others: for them the node only says they run.
///
/// Only the first container counts: the proxy pods of Envoy Gateway carry its image too, for a helper that drains Envoy.
pub(super) fn known(pod: &Pod) -> Option<(&Container, &'static Image)> {
    let container = pod.spec.as_ref()?.containers.first()?;
    Some((container, of(container)?))
}

/// Containers of a known pod that run to their end one after the other before that one, where the rig has their programs.
pub(super) fn before(pod: &Pod) -> impl Iterator<Item = (&Container, &'static Image)> {
    let first = pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten());
    first.filter_map(|container| Some((container, of(container)?)))
}

fn of(container: &Container) -> Option<&'static Image> {
    let repository = repository(container.image.as_deref()?);
    IMAGES.iter().find(|image| {
        repository.strip_suffix(image.repository).is_some_and(|before| before.is_empty() || before.ends_with('/'))
    })
}

/// What the reference of an image matches whose program the rig has, as a regular expression: the same as [`known`], for kwok.
pub(crate) fn pattern() -> String {
    let repositories: Vec<_> = IMAGES.iter().map(|image| image.repository).collect();
    format!("(^|/)({})(:[^/]*)?(@.*)?$", repositories.join("|"))
}

impl Image {
    /// The user that the process has to be; None: the rig's own.
    pub(super) fn user(&self, pod: &Pod, container: &Container) -> Option<i64> {
        let of_container = container.security_context.as_ref().and_then(|context| context.run_as_user);
        let of_pod = || pod.spec.as_ref()?.security_context.as_ref()?.run_as_user;
        of_container.or_else(of_pod).filter(|_| self.refuses_root)
    }

    /// The arguments of the process: the container's, but for the flags which the rig sets.
    pub(super) fn arguments(&self, container: &Container) -> Vec<String> {
        // A command's first word is the program inside the image.
        let command = container.command.iter().flatten().skip(1);
        let own = command.chain(container.args.iter().flatten()).filter(|argument| {
            !argument.starts_with("--") || !self.flags.iter().any(|flag| flag_name(flag) == flag_name(argument))
        });
        own.cloned().chain(self.flags.iter().map(|&flag| flag.to_owned())).collect()
    }
}

/// `--name` of `--name=value`.
fn flag_name(argument: &str) -> &str {
    argument.split('=').next().unwrap_or(argument)
}

/// An image reference without tag and digest.
fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    match image.rsplit_once(':') {
        // A colon before the last slash belongs to the registry's port.
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => image,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(images: &[&str]) -> Pod {
        let containers: Vec<_> = images.iter().map(|image| json!({ "name": "c", "image": image })).collect();
        serde_json::from_value(json!({ "spec": { "containers": containers } })).unwrap()
    }

    fn program(images: &[&str]) -> Option<&'static str> {
        known(&pod(images)).map(|(_, image)| image.program)
    }

    #[test]
    fn images_are_known_by_their_repository_whatever_registry_and_tag() {
        assert_eq!(program(&["docker.io/envoyproxy/gateway:v1.9.1"]), Some("envoy-gateway"));
        assert_eq!(
            program(&["registry.test:5000/mirror/cert-manager-webhook@sha256:00"]),
            Some("cert-manager-webhook")
        );
        assert_eq!(program(&["registry.k8s.io/external-dns/external-dns:v0.22.0"]), Some("external-dns"));
        assert_eq!(program(&["docker.io/library/traefik:v3.7.13"]), Some("traefik"));
        assert_eq!(program(&["my-external-dns"]), None);
        assert_eq!(program(&["registry.k8s.io/gateway-api/echo-basic:v1.5.1"]), Some("echo-basic"));
        assert_eq!(program(&["docker.io/library/nats:2.12.2-alpine"]), Some("nats-server"));
        assert_eq!(program(&["postgres:17"]), None, "of somebody's workload");
        assert_eq!(
            program(&["docker.io/envoyproxy/envoy:v1.40", "docker.io/envoyproxy/gateway:v1.9.1"]),
            Some("envoy")
        );
    }

    #[test]
    fn who_refuses_to_be_root_is_the_user_that_the_pod_names() {
        let user = |image: &str, container: Option<i64>| {
            let pod: Pod = serde_json::from_value(json!({"spec": {
                "securityContext": {"runAsUser": 70},
                "containers": [{"name": "c", "image": image, "securityContext": {"runAsUser": container}}],
            }}))
            .unwrap();
            known(&pod).and_then(|(container, image)| image.user(&pod, container))
        };
        assert_eq!(user("docker.io/library/postgres:17", None), Some(70));
        assert_eq!(user("docker.io/library/postgres:17", Some(71)), Some(71));
        assert_eq!(user("docker.io/library/nats:2", None), None);
    }

    #[test]
    fn the_flags_of_the_rig_replace_those_of_the_container() {
        let container = Container {
            command: Some(vec!["external-dns".to_owned(), "--interval=1m".to_owned()]),
            args: Some(vec!["--source=crd".to_owned()]),
            ..Container::default()
        };
        let image = IMAGES.iter().find(|image| image.program == "external-dns").unwrap();
        assert_eq!(image.arguments(&container)[..2], ["--source=crd".to_owned(), "--interval=1s".to_owned()]);
    }
}
