//! Which TCP connections are open on this machine, as Linux tells.

use causeway_testkit::eventually;
use std::net::{Ipv4Addr, SocketAddrV4};

/// As one of its two ends sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) local: SocketAddrV4,
    pub(crate) remote: SocketAddrV4,
}

/// Waits until none of these connections is open at either end.
pub(crate) async fn until_closed(what: &str, is_one: impl Fn(&Connection) -> bool) {
    eventually(&format!("the connections of {what} are closed"), async || {
        let open = open(&std::fs::read_to_string("/proc/net/tcp").unwrap());
        let open: Vec<_> = open.into_iter().filter(&is_one).collect();
        if open.is_empty() { Ok(()) } else { Err(open) }
    })
    .await;
}

/// Those in `/proc/net/tcp` whose local end a program still has.
fn open(table: &str) -> Vec<Connection> {
    /// ESTABLISHED, and CLOSE_WAIT: the other end is closed.
    const OPEN: [&str; 2] = ["01", "08"];
    let connection = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, remote) = (address(fields.next()?)?, address(fields.next()?)?);
        OPEN.contains(&fields.next()?).then_some(Connection { local, remote })
    };
    table.lines().filter_map(connection).collect()
}

/// `0100007F:1F90` is 127.0.0.1:8080: the bytes of the address are in the machine's order.
fn address(text: &str) -> Option<SocketAddrV4> {
    let (ip, port) = text.split_once(':')?;
    let ip = Ipv4Addr::from(u32::from_str_radix(ip, 16).ok()?.to_ne_bytes());
    Some(SocketAddrV4::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, TcpStream};

    #[tokio::test]
    async fn a_connection_is_open_until_both_ends_are_dropped() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = || {
            let open = open(&std::fs::read_to_string("/proc/net/tcp").unwrap());
            open.into_iter().filter(|one| one.local.port() == port || one.remote.port() == port).count()
        };
        assert_eq!(seen(), 0);
        let client = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        assert_eq!(seen(), 2);
        drop(client);
        // The server's end hears of it.
        server.readable().await.unwrap();
        assert_eq!(seen(), 1);
        drop(server);
        until_closed("the test", |one| one.local.port() == port || one.remote.port() == port).await;
    }
}
