//! The network of a cluster's pods: a bridge in a network namespace of its own, to which the namespace of each pod that runs
//! here is joined.
//!
//! Nothing of the machine's own network is touched, and nothing of it is reached: what crosses over are connections that the
//! rig makes or accepts on behalf of somebody. A helper program lives in the namespace. It opens sockets there and hands
//! them to the rig, which uses them as its own.

mod helper;
mod wire;

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use nix::{sys::signal::Signal, unistd::Uid};
use tokio::{
    net::{TcpListener, TcpStream, UdpSocket},
    task::spawn_blocking,
};

pub use self::helper::{COMMAND as NETWORK_COMMAND, run as run_network};
use self::wire::Order;
pub(crate) use self::{helper::ip, wire::Refused};
use crate::process::{Process, ProcessSpec};

/// The addresses of pods, as kwok gives them out from the first on.
pub(crate) const POD_RANGE: &str = "10.64.0.1/16";
/// The node's own address there, at the end of the range.
pub(crate) const NODE: Ipv4Addr = Ipv4Addr::new(10, 64, 255, 254);
/// The part of the range that says how large it is.
pub(crate) const PREFIX: u8 = 16;

const READY_WITHIN: Duration = Duration::from_secs(20);

/// A handle to the running network.
#[derive(Clone, Debug)]
pub(crate) struct PodNetwork {
    socket: PathBuf,
    pid: i32,
}

/// The program that keeps the network.
#[derive(Debug)]
pub(crate) struct NetworkProcess(Process);

impl NetworkProcess {
    /// Makes the network, with its socket in `dir`. `own` is the rig's binary.
    ///
    /// # Errors
    /// When this machine permits no namespaces: the message has the end of the log.
    pub(crate) async fn start(own: &Path, dir: &Path, logs: &Path) -> Result<(Self, PodNetwork)> {
        let socket = dir.join("network.sock");
        let mut wrapper = vec!["unshare", "--net"];
        if !Uid::effective().is_root() {
            // An ordinary user may make it inside a user namespace, where the kernel permits those.
            wrapper.extend(["--user", "--map-root-user"]);
        }
        wrapper.push("--");
        let process = ProcessSpec::through("pod-network", &wrapper, &[], own, logs)
            .arg(NETWORK_COMMAND)
            .arg(&socket)
            .start()
            .await?;
        process.ready(READY_WITHIN, || async { UnixStream::connect(&socket).is_ok() }).await?;
        let network = PodNetwork { socket, pid: process.pid() };
        Ok((Self(process), network))
    }

    /// How it ended, if it has although nobody stopped it.
    pub(crate) fn ended(&self) -> Option<String> {
        self.0.ended()
    }

    pub(crate) async fn stop(&self) {
        self.0.stop(Signal::SIGKILL, READY_WITHIN).await;
    }
}

impl PodNetwork {
    /// The process whose network and user namespace it is.
    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    /// Where [`attach`] asks for a pod to be joined.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Connects to a pod or a Service.
    ///
    /// # Errors
    /// [`Refused`] when nobody listens there; another one when it isn't reached.
    pub(crate) async fn connect(&self, target: SocketAddrV4) -> Result<TcpStream> {
        Ok(TcpStream::from_std(ready(
            self.open(Order::ConnectTcp(target)).await?.into(),
            std::net::TcpStream::set_nonblocking,
        )?)?)
    }

    /// A socket that sends to a pod, and gets what that sends back.
    pub(crate) async fn connect_udp(&self, target: SocketAddrV4) -> Result<UdpSocket> {
        Ok(UdpSocket::from_std(ready(
            self.open(Order::ConnectUdp(target)).await?.into(),
            std::net::UdpSocket::set_nonblocking,
        )?)?)
    }

    /// Listens at an address that pods reach.
    pub(crate) async fn listen(&self, at: SocketAddrV4) -> Result<TcpListener> {
        Ok(TcpListener::from_std(ready(
            self.open(Order::ListenTcp(at)).await?.into(),
            std::net::TcpListener::set_nonblocking,
        )?)?)
    }

    /// The same for datagrams.
    pub(crate) async fn bind_udp(&self, at: SocketAddrV4) -> Result<UdpSocket> {
        Ok(UdpSocket::from_std(ready(
            self.open(Order::BindUdp(at)).await?.into(),
            std::net::UdpSocket::set_nonblocking,
        )?)?)
    }

    async fn open(&self, order: Order) -> Result<OwnedFd> {
        let socket = self.socket.clone();
        spawn_blocking(move || ask(&socket, &order)?.context("the helper in the network of pods gave no socket"))
            .await?
    }
}

/// Joins the end of a pod's cable that lies in the node's namespace to the bridge.
///
/// # Errors
/// When there is no such end.
pub(crate) fn attach(socket: &Path, cable: &str) -> Result<()> {
    ask(socket, &Order::Attach(cable.to_owned())).map(drop)
}

fn ask(socket: &Path, order: &Order) -> Result<Option<OwnedFd>> {
    let stream = UnixStream::connect(socket).context("the helper in the network of pods is gone")?;
    wire::send_order(&stream, order)?;
    wire::receive(&stream)
}

fn ready<S>(socket: S, set_nonblocking: impl Fn(&S, bool) -> std::io::Result<()>) -> std::io::Result<S> {
    set_nonblocking(&socket, true)?;
    Ok(socket)
}

/// The hardware address that belongs to a pod's address. A pod that is started again has the same one, so nobody holds an
/// outdated one.
pub(crate) fn hardware_address(pod: Ipv4Addr) -> String {
    let [a, b, c, d] = pod.octets();
    format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}
