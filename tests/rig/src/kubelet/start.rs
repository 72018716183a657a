//! Starting the program of a pod with all that it needs.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::ResourceExt;

use super::{
    image::Image,
    pods::{Running, address},
    postgres,
    run::Node,
    sandbox::{Place, Sandbox},
    volumes::{self, Inputs},
};
use crate::{
    process::{Process, workspace_program},
    services::RESOLVER,
};

/// The program whose image has more than the program.
const WORKERS: &str = "causeway-workers";

impl Node {
    /// Starts the program of one container of a pod, in the folder of the pod that has this number.
    ///
    /// # Errors
    /// When something that the container needs isn't there yet: a kubelet waits for it too.
    pub(super) async fn start(
        &self,
        pod: &Pod,
        container: &Container,
        image: &Image,
        number: usize,
    ) -> Result<(Process, Running)> {
        let dir = self.dir.join(number.to_string());
        let root = dir.join("root");
        fs::create_dir_all(&root)?;
        let inputs = Inputs { client: &self.client, pod, container };
        inputs.write_volumes(&root).await?;
        let mut variables = inputs.variables().await?;
        let arguments = image.arguments(container).iter().map(|text| volumes::expand(text, &variables)).collect();
        self.add_variables(&mut variables, pod, image);
        if image.program == WORKERS {
            bring_bundles(&root, &mut variables)?;
        }
        let (program, brings) = match image.program {
            postgres::PROGRAM => postgres::image(&dir, &root)?,
            _ => (self.program(image)?, vec![]),
        };

        write_resolver(&root, &pod.namespace().unwrap_or_default())?;

        let address = address(pod).context("the pod has no address yet")?;
        let cable = format!("pod{}", self.cables.fetch_add(1, Ordering::Relaxed));
        let sandbox = Sandbox {
            root,
            program,
            needs_system: image.needs_system,
            brings,
            user: image.user(pod, container),
            arguments,
            variables,
            reaches: self.reaches.clone(),
            place: Place::new(pod.name_any(), address, cable, &self.network),
        };
        let process = sandbox.start(&self.own, &dir.join("sandbox.json"), &self.logs).await?;
        let names = container.ports.iter().flatten();
        let names = names.filter_map(|port| Some((port.name.clone()?, u16::try_from(port.container_port).ok()?)));
        let running = Running {
            namespace: pod.namespace().unwrap_or_default(),
            labels: pod.labels().clone(),
            names: names.collect(),
            address,
        };
        Ok((process, running))
    }

    fn program(&self, image: &Image) -> Result<PathBuf> {
        if image.own { workspace_program(image.program) } else { self.tools.program(image.program).map(Path::to_owned) }
    }

    /// What a kubelet adds to the container's variables, and what makes AWS's client find the emulator.
    fn add_variables(&self, variables: &mut BTreeMap<String, String>, pod: &Pod, image: &Image) {
        let mut set = |name: &str, value: String| variables.insert(name.to_owned(), value);
        set("HOSTNAME", pod.name_any());
        set("KUBERNETES_SERVICE_HOST", "127.0.0.1".to_owned());
        set("KUBERNETES_SERVICE_PORT", self.api_port.to_string());
        if image.uses_aws {
            set("AWS_ENDPOINT_URL_ROUTE_53", format!("http://127.0.0.1:{}", self.reached.route53));
            set("AWS_EC2_METADATA_DISABLED", "true".to_owned());
            for (name, value) in
                [("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")]
            {
                variables.entry(name.to_owned()).or_insert_with(|| value.to_owned());
            }
        }
    }
}

/// Puts in what the image of the workers has beside the program: the bundles that `make bundles` makes.
fn bring_bundles(root: &Path, variables: &mut BTreeMap<String, String>) -> Result<()> {
    let bundles = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/bundles");
    let bundles = bundles.canonicalize().context("the bundles are not made yet; run `make bundles`")?;
    for folder in fs::read_dir(bundles)? {
        let folder = folder?;
        let target = root.join("bundles").join(folder.file_name());
        fs::create_dir_all(&target)?;
        for file in fs::read_dir(folder.path())? {
            let file = file?;
            fs::copy(file.path(), target.join(file.file_name()))?;
        }
    }
    variables.insert("CAUSEWAY_BUNDLES".to_owned(), "/bundles".to_owned());
    Ok(())
}

/// Lets the program find the cluster's DNS, with the suffixes that a kubelet gives it.
fn write_resolver(root: &Path, namespace: &str) -> Result<()> {
    let folder = root.join("etc");
    fs::create_dir_all(&folder)?;
    let text = format!(
        "nameserver {RESOLVER}\nsearch {namespace}.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"
    );
    fs::write(folder.join("resolv.conf"), text).context("can't write resolv.conf")
}
