//! Passing on what comes to a Service's address.

use std::{
    collections::HashMap,
    net::{SocketAddr, SocketAddrV4},
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream, UdpSocket},
    time::{sleep, timeout},
};

use crate::network::PodNetwork;

/// A sender of datagrams who has been quiet for so long is a new one when it sends again.
const QUIET: Duration = Duration::from_secs(30);
/// How long to wait when nothing can be accepted.
const PAUSE: Duration = Duration::from_millis(50);
/// The largest datagram.
const DATAGRAM: usize = 65_536;

/// Accepts connections and passes each to one of the pods, in turn.
pub(super) async fn tcp(
    listener: TcpListener,
    targets: impl Fn() -> Vec<SocketAddrV4> + Send + 'static,
    network: PodNetwork,
) {
    let turn = AtomicUsize::new(0);
    loop {
        let (mut near, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            // The caller has gone, or this process has too much open just now.
            Err(_) => {
                sleep(PAUSE).await;
                continue;
            }
        };
        let (network, targets) = (network.clone(), in_turn(&targets(), &turn));
        tokio::spawn(async move {
            match connect(&network, &targets).await {
                Ok(mut far) => {
                    // Whoever sends small pieces wants them sent. How a connection ends is the business of its two ends.
                    let _ = near.set_nodelay(true).and_then(|()| far.set_nodelay(true));
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                }
                Err(error) => tracing::debug!(%from, error = format!("{error:#}"), "a Service's pods are not reached"),
            }
        });
    }
}

/// The first pod that accepts.
async fn connect(network: &PodNetwork, targets: &[SocketAddrV4]) -> Result<TcpStream> {
    let mut refused = None;
    for &target in targets {
        match network.connect(target).await {
            Ok(stream) => return Ok(stream),
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.context("no pod of it runs")?)
}

/// Passes datagrams on. Those of one sender go to the same pod, and its answers go back to that sender.
pub(super) async fn udp(
    socket: UdpSocket,
    targets: impl Fn() -> Vec<SocketAddrV4> + Send + 'static,
    network: PodNetwork,
) {
    let (socket, turn) = (Arc::new(socket), AtomicUsize::new(0));
    let mut flows: HashMap<SocketAddr, Weak<UdpSocket>> = HashMap::new();
    let mut datagram = vec![0; DATAGRAM];
    loop {
        // An error is about a datagram that was sent before, which nobody took.
        let Ok((length, from)) = socket.recv_from(&mut datagram).await else { continue };
        let flow = match flows.get(&from).and_then(Weak::upgrade) {
            Some(flow) => flow,
            None => {
                flows.retain(|_, flow| flow.strong_count() > 0);
                let Some(&target) = in_turn(&targets(), &turn).first() else { continue };
                let Ok(flow) = network.connect_udp(target).await else { continue };
                let flow = Arc::new(flow);
                flows.insert(from, Arc::downgrade(&flow));
                tokio::spawn(answer(Arc::clone(&flow), Arc::clone(&socket), from));
                flow
            }
        };
        let _ = flow.send(&datagram[..length]).await;
    }
}

/// Sends what a pod answers back to the sender, until both are quiet.
async fn answer(flow: Arc<UdpSocket>, socket: Arc<UdpSocket>, sender: SocketAddr) {
    let mut datagram = vec![0; DATAGRAM];
    while let Ok(Ok(length)) = timeout(QUIET, flow.recv(&mut datagram)).await {
        if socket.send_to(&datagram[..length], sender).await.is_err() {
            return;
        }
    }
}

/// The pods, beginning with the next one.
fn in_turn(targets: &[SocketAddrV4], turn: &AtomicUsize) -> Vec<SocketAddrV4> {
    let mut targets = targets.to_vec();
    if !targets.is_empty() {
        let next = turn.fetch_add(1, Ordering::Relaxed) % targets.len();
        targets.rotate_left(next);
    }
    targets
}
