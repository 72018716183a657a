//! The program inside of the network's namespace.

use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream, UdpSocket},
    os::{
        fd::OwnedFd,
        unix::net::{UnixListener, UnixStream},
    },
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use super::{
    NODE, PREFIX,
    wire::{self, Order},
};
use crate::cluster::SERVICE_RANGE;

/// The hidden command of the rig's binary that calls [`run`].
pub const COMMAND: &str = "pod-network";

/// A pod that doesn't answer for so long isn't reached.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// Makes the bridge and serves the rig until it is killed.
///
/// # Errors
/// When the bridge can't be made.
pub fn run(socket: &Path) -> Result<()> {
    // A Service's address belongs to no interface: what is sent to one of them ends here, as with kube-proxy.
    ip(&format!(
        "link set lo up\nlink add pods type bridge\naddr add {NODE}/{PREFIX} dev pods\nlink set pods up\n\
         route add local {SERVICE_RANGE} dev lo\n"
    ))?;
    // Last: that it listens says that all is ready.
    let listener = UnixListener::bind(socket).with_context(|| format!("can't listen on {}", socket.display()))?;
    for stream in listener.incoming() {
        let stream = stream?;
        // One that can't be answered has gone away.
        thread::spawn(move || drop(serve(&stream)));
    }
    Ok(())
}

fn serve(stream: &UnixStream) -> Result<()> {
    let outcome = wire::read_order(stream).and_then(carry_out);
    wire::answer(stream, &outcome)
}

fn carry_out(order: Order) -> Result<Option<OwnedFd>> {
    Ok(match order {
        Order::ConnectTcp(target) => Some(
            TcpStream::connect_timeout(&target.into(), CONNECT_WITHIN)
                .with_context(|| format!("can't connect to {target}"))?
                .into(),
        ),
        Order::ConnectUdp(target) => {
            let socket = UdpSocket::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0))?;
            socket.connect(target)?;
            Some(socket.into())
        }
        Order::ListenTcp(at) => Some(TcpListener::bind(at).with_context(|| format!("can't listen at {at}"))?.into()),
        Order::BindUdp(at) => Some(UdpSocket::bind(at).with_context(|| format!("can't listen at {at}"))?.into()),
        Order::Attach(cable) => {
            ip(&format!("link set {cable} master pods up\n"))?;
            None
        }
    })
}

/// Runs commands of iproute2.
///
/// # Errors
/// When one fails; the message has what it said.
pub(crate) fn ip(commands: &str) -> Result<()> {
    let child = Command::new("ip").args(["-batch", "-"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.context("can't run `ip`: install iproute2")?;
    child.stdin.take().context("`ip` takes no input")?.write_all(commands.as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!(
            "can't set up a network namespace: run as root, or on a kernel that permits user namespaces: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}
