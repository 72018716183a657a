//! What the rig asks the helper, and how a socket comes back.

use std::{
    error::Error,
    fmt::{self, Display, Formatter},
    io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write},
    mem::MaybeUninit,
    net::{Shutdown, SocketAddrV4},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use anyhow::{Context, Result, bail};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};

const DONE: u8 = b'+';
const FAILED: u8 = b'-';
const REFUSED: u8 = b'!';
/// No answer is longer.
const MAX_ANSWER: usize = 1024;

/// One request. Each has a connection of its own.
#[derive(Debug, Deserialize, Serialize)]
pub(super) enum Order {
    ConnectTcp(SocketAddrV4),
    ConnectUdp(SocketAddrV4),
    ListenTcp(SocketAddrV4),
    BindUdp(SocketAddrV4),
    /// Joins this interface to the bridge.
    Attach(String),
}

/// The pod answers, and nobody listens at its port. In any other error it may be that the pod, or the machine, is too busy.
#[derive(Debug)]
pub(crate) struct Refused(String);

impl Display for Refused {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for Refused {}

pub(super) fn send_order(mut stream: &UnixStream, order: &Order) -> Result<()> {
    stream.write_all(&serde_json::to_vec(order)?)?;
    Ok(stream.shutdown(Shutdown::Write)?)
}

pub(super) fn read_order(mut stream: &UnixStream) -> Result<Order> {
    let mut text = Vec::new();
    stream.read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// Answers with a socket, with nothing, or with what went wrong.
pub(super) fn answer(stream: &UnixStream, outcome: &Result<Option<OwnedFd>>) -> Result<()> {
    let text = match outcome {
        Ok(_) => vec![DONE],
        Err(error) => {
            let kind = if is_refused(error) { REFUSED } else { FAILED };
            [&[kind], format!("{error:#}").as_bytes()].concat()
        }
    };
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let socket = outcome.as_ref().ok().and_then(Option::as_ref).map(|socket| [socket.as_fd()]);
    if let Some(socket) = &socket {
        control.push(SendAncillaryMessage::ScmRights(socket));
    }
    sendmsg(stream, &[IoSlice::new(&text[..text.len().min(MAX_ANSWER)])], &mut control, SendFlags::empty())?;
    Ok(())
}

fn is_refused(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

pub(super) fn receive(stream: &UnixStream) -> Result<Option<OwnedFd>> {
    let mut text = [0; MAX_ANSWER];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(stream, &mut [IoSliceMut::new(&mut text)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let socket = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut sockets) => sockets.next(),
        _ => None,
    });
    match text[..received.bytes].split_first().context("the helper in the network of pods gave no answer")? {
        (&DONE, _) => Ok(socket),
        (&REFUSED, reason) => Err(Refused(String::from_utf8_lossy(reason).into_owned()).into()),
        (_, reason) => bail!("{}", String::from_utf8_lossy(reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_socket_crosses_and_a_reason_too() {
        let (near, far) = UnixStream::pair().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        answer(&far, &Ok(Some(listener.into()))).unwrap();
        let crossed = TcpListener::from(receive(&near).unwrap().unwrap());
        assert_eq!(crossed.local_addr().unwrap(), address);

        answer(&far, &Ok(None)).unwrap();
        assert!(receive(&near).unwrap().is_none());
        answer(&far, &Err(anyhow::anyhow!("no such pod"))).unwrap();
        let error = receive(&near).unwrap_err();
        assert!(error.to_string() == "no such pod" && !error.is::<Refused>(), "{error:?}");
    }

    #[test]
    fn it_is_told_when_nobody_listens() {
        let (near, far) = UnixStream::pair().unwrap();
        let refused = Err(io::Error::from(ErrorKind::ConnectionRefused)).context("can't connect to 10.64.0.7:80");
        answer(&far, &refused).unwrap();
        let error = receive(&near).unwrap_err();
        assert!(error.is::<Refused>() && error.to_string().starts_with("can't connect to 10.64.0.7:80"), "{error:?}");
    }
}
