//! One question to one name server.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result, ensure};
use hickory_server::proto::{
    op::{Message, Query, ResponseCode},
    rr::{Name, Record, RecordType},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

/// A name server that takes longer is gone.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// The largest message.
const LARGEST: usize = 65_535;

/// What a name server says to one question: over UDP, and over TCP when the answer is too large for that.
///
/// # Errors
/// When it doesn't answer, or not to this question.
pub async fn ask(server: SocketAddr, name: &str, kind: RecordType) -> Result<(ResponseCode, Vec<Record>)> {
    let mut name = Name::from_ascii(name)?;
    name.set_fqdn(true);
    let mut question = Message::query();
    question.add_query(Query::query(name, kind));
    let sent = question.to_vec()?;
    let mut answer = timeout(ANSWERED_WITHIN, over_udp(server, &sent)).await.context("no answer over UDP")??;
    if answer.metadata.truncation {
        answer = timeout(ANSWERED_WITHIN, over_tcp(server, &sent)).await.context("no answer over TCP")??;
    }
    ensure!(answer.metadata.id == question.metadata.id, "an answer to another question");
    Ok((answer.metadata.response_code, answer.answers))
}

async fn over_udp(server: SocketAddr, question: &[u8]) -> Result<Message> {
    let socket = UdpSocket::bind("0.0.0.0:0").await?;
    socket.connect(server).await?;
    socket.send(question).await?;
    let mut answer = vec![0; LARGEST];
    let length = socket.recv(&mut answer).await?;
    Ok(Message::from_vec(&answer[..length])?)
}

async fn over_tcp(server: SocketAddr, question: &[u8]) -> Result<Message> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_u16(u16::try_from(question.len())?).await?;
    stream.write_all(question).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    Ok(Message::from_vec(&answer)?)
}
