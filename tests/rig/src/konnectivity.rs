//! The API server's way to a Service.
//!
//! Admission webhooks are addressed by Service, and on a host without kube-proxy nothing answers at a Service's address. Real
//! clusters whose API server is outside of the pod network solve the same problem with a proxy that the API server is
//! configured to use (Konnectivity). This is that proxy: it takes `CONNECT host:port` on a Unix socket and leads the
//! connection to a pod behind the Service.

use std::{collections::BTreeMap, net::SocketAddrV4, path::PathBuf};

use anyhow::{Context, Result, bail};
use k8s_openapi::{
    api::core::v1::{Service, ServicePort},
    apimachinery::pkg::util::intstr::IntOrString,
};
use kube::{Api, Client, api::ListParams};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{UnixListener, UnixStream},
    task::JoinHandle,
};

use crate::{kubelet::Pods, network::PodNetwork};

/// A request line and its headers are never longer.
const MAX_HEAD: usize = 8192;

/// The running proxy.
#[derive(Debug)]
pub(crate) struct Konnectivity {
    task: JoinHandle<()>,
}

impl Konnectivity {
    /// Listens on the socket that the API server is configured with.
    pub(crate) fn start(socket: &PathBuf, client: Client, network: PodNetwork, pods: Pods) -> Result<Self> {
        let listener = UnixListener::bind(socket).with_context(|| format!("can't listen on {}", socket.display()))?;
        let way = Way { client, network, pods };
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let way = way.clone();
                tokio::spawn(async move {
                    if let Err(error) = way.connect(stream).await {
                        tracing::debug!(%error, "the API server did not reach a Service");
                    }
                });
            }
        });
        Ok(Self { task })
    }

    pub(crate) fn stop(&self) {
        self.task.abort();
    }
}

/// How a Service's pods are found and reached.
#[derive(Clone)]
struct Way {
    client: Client,
    network: PodNetwork,
    pods: Pods,
}

impl Way {
    async fn connect(&self, mut near: UnixStream) -> Result<()> {
        let head = read_head(&mut near).await?;
        let found = async { self.network.connect(self.find(target(&head)?).await?).await };
        match found.await {
            Ok(mut far) => {
                near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
                copy_bidirectional(&mut near, &mut far).await?;
                Ok(())
            }
            Err(error) => {
                near.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").await?;
                Err(error.context(head.lines().next().unwrap_or_default().to_owned()))
            }
        }
    }

    /// A pod behind a Service's address and port.
    async fn find(&self, (host, port): (&str, u16)) -> Result<SocketAddrV4> {
        let services = Api::<Service>::all(self.client.clone()).list(&ListParams::default()).await?;
        let service =
            services.into_iter().find(|service| is_called(service, host)).context("no Service has that address")?;
        let spec = service.spec.unwrap_or_default();
        let ports = spec.ports.unwrap_or_default();
        let port = ports.iter().find(|known| known.port == i32::from(port)).context("the Service has no such port")?;
        let selector: BTreeMap<_, _> = spec.selector.unwrap_or_default();
        let namespace = service.metadata.namespace.unwrap_or_default();
        self.pods.find(&namespace, &selector, &target_port(port)).context("no pod of that Service runs")
    }
}

async fn read_head(stream: &mut UnixStream) -> Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > MAX_HEAD {
            bail!("the request is too long");
        }
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8(head)?)
}

/// Host and port of a CONNECT request.
fn target(head: &str) -> Result<(&str, u16)> {
    let address = head.strip_prefix("CONNECT ").and_then(|rest| rest.split_whitespace().next());
    let (host, port) = address.and_then(|address| address.rsplit_once(':')).context("not a CONNECT request")?;
    Ok((host, port.parse()?))
}

fn is_called(service: &Service, host: &str) -> bool {
    let metadata = &service.metadata;
    let name = format!(
        "{}.{}.svc",
        metadata.name.as_deref().unwrap_or_default(),
        metadata.namespace.as_deref().unwrap_or_default()
    );
    host == name || service.spec.as_ref().is_some_and(|spec| spec.cluster_ip.as_deref() == Some(host))
}

fn target_port(port: &ServicePort) -> IntOrString {
    port.target_port.clone().unwrap_or(IntOrString::Int(port.port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_read_from_the_request_line() {
        assert_eq!(target("CONNECT 10.96.0.7:443 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap(), ("10.96.0.7", 443));
        assert!(target("GET / HTTP/1.1\r\n\r\n").is_err());
        assert!(target("CONNECT 10.96.0.7 HTTP/1.1\r\n\r\n").is_err());
    }
}
