//! ApiClient certificates, and the server's own, changed while it runs.

use causeway_testkit::{ApiClient, Credential, eventually, unique_name, until};
use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa};
use serde_json::json;
use std::{
    fs,
    time::{Duration, SystemTime},
};
use tokio::net::TcpSocket;

use crate::{
    TlsFixture,
    pki::Authority,
    token,
    wire::{encrypted, exchange},
};

#[tokio::test]
async fn only_certificates_of_the_right_authority_and_time_count() {
    let secure = TlsFixture::api("mtls", "mtls", &[]).await;
    assert!(secure.client(None).try_get("/version").await.is_err(), "as in Threeport, the handshake fails");
    let wrong = Authority::new("the right one").unwrap().client("eve", "causeway:admin").unwrap();
    assert!(secure.client(Some(&wrong)).try_get("/version").await.is_err(), "an authority of the same name");
    let expired = secure.authority.expired_client("old", "causeway:admin").unwrap();
    assert!(secure.client(Some(&expired)).try_get("/version").await.is_err());
    assert!(ApiClient::new(&secure.platform.url()).try_get("/version").await.map_or(true, |answer| answer.code != 200));

    let viewer = secure.client_of("ann", "causeway:viewer");
    viewer.try_get("/v0/gateway-definitions").await.unwrap().answered(200);
    let body = json!({"Name": unique_name("mtls")});
    let refusal = "needs the role editor, and ann has the role viewer";
    viewer.try_create("gateway-definitions", &body).await.unwrap().refused(403, refusal);
    let editor = secure.client_of("bob", "causeway:editor");
    editor.try_create("gateway-definitions", &body).await.unwrap().answered(201);
    editor.try_get("/v0/access-tokens").await.unwrap().refused(403, "needs the role admin");
    let admin = secure.client_of("cid", "causeway:admin");
    // Threeport's client sends an empty token beside its certificate.
    admin.with_authorization("Bearer ").try_get("/v0/access-tokens").await.unwrap().answered(200);
    let threeport = secure.client_of("localhost", "Threeport");
    threeport.try_get("/v0/events").await.unwrap().refused(403, "names no role");
    threeport.try_get("/version").await.unwrap().answered(200);
}

/// As RFC 5280 has it: who names no purpose is for all (4.2.1.12), and whom an authority has made an authority is one.
#[tokio::test]
async fn a_certificate_counts_for_what_it_says_and_through_authorities_below() {
    let secure = TlsFixture::api("purposes", "mtls", &[]).await;
    let takes = async |credential: Credential| secure.client(Some(&credential)).try_get("/v0/events").await.is_ok();
    let server = [ExtendedKeyUsagePurpose::ServerAuth];
    assert!(!takes(secure.authority.client_for("ann", &server).unwrap()).await, "it is a server's");
    let both = [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    assert!(takes(secure.authority.client_for("bob", &both).unwrap()).await);
    assert!(takes(secure.authority.client_for("cid", &[]).unwrap()).await);
    let below = IsCa::Ca(BasicConstraints::Constrained(0));
    assert!(takes(secure.authority.client_below("dan", below).unwrap()).await);
    assert!(
        !takes(secure.authority.client_below("eve", IsCa::ExplicitNoCa).unwrap()).await,
        "a client signs for nobody"
    );
}

#[tokio::test]
async fn certificates_and_tokens_stand_side_by_side() {
    let more = ["--client-default-role", "viewer"];
    let secure = TlsFixture::api("both", "mtls,tokens", &more).await;
    let nobody = secure.client(None);
    nobody.try_get("/version").await.unwrap().answered(200);
    nobody.try_get("/v0/events").await.unwrap().refused(401, "connect with a client certificate, or send");
    let editor = nobody.with_token(&token(&secure.platform, "editor").await);
    let body = json!({"Name": unique_name("both")});
    editor.try_create("gateway-definitions", &body).await.unwrap().answered(201);

    let threeport = secure.client_of("localhost", "Threeport");
    threeport.with_authorization("Bearer ").try_get("/v0/events").await.unwrap().answered(200);
    threeport.try_create("gateway-definitions", &body).await.unwrap().refused(403, "localhost has the role viewer");
    let wrong = threeport.with_token("causeway_wrong").try_get("/v0/events").await.unwrap();
    wrong.refused(401, "unknown, revoked or expired");
    let eve = Authority::new("another").unwrap().client("eve", "causeway:admin").unwrap();
    assert!(secure.client(Some(&eve)).try_get("/version").await.is_err(), "a wrong certificate isn't the same as none");
}

/// Whatever people would read in it. The table of all is beside the code that reads certificates.
#[tokio::test]
async fn what_only_looks_like_a_role_is_none() {
    let secure = TlsFixture::api("lookalikes", "mtls", &[]).await;
    for (name, organization) in [
        ("eve", "c\u{430}useway:admin"),
        ("eve", "causeway\u{ff1a}admin"),
        ("eve", "causeway:admin\0"),
        ("eve", " causeway:admin"),
        ("eve", "CAUSEWAY:ADMIN"),
        ("eve", "causeway:viewer,O=causeway:admin"),
        ("causeway:admin", "Example"),
        ("eve,O=causeway:admin", "Example"),
    ] {
        let refused = secure.client_of(name, organization).try_get("/v0/events").await.unwrap();
        refused.refused(403, "names no role").because("Forbidden", &[]);
    }
    secure.platform.stop().await;
}

#[tokio::test]
async fn where_both_are_shown_the_token_decides_if_tokens_count() {
    for (auth, tokens_count) in [("mtls,tokens", true), ("mtls", false)] {
        let secure = TlsFixture::api("beside", auth, &[]).await;
        let (viewer, admin) = (secure.client_of("ann", "causeway:viewer"), secure.client_of("bob", "causeway:admin"));
        let bearer = async |role: &str| format!("Bearer {}", token(&secure.platform, role).await);
        let (of_viewer, of_admin) = (bearer("viewer").await, bearer("admin").await);
        // What it is with the token, and with the certificate.
        for (holder, shown, by_token, by_certificate) in [
            (&viewer, &*of_admin, 200, 403),
            (&admin, &of_viewer, 403, 200),
            (&admin, "Bearer causeway_wrong", 401, 200),
            (&admin, "Basic YTpi", 401, 200),
            (&admin, "Bearer ", 200, 200),
        ] {
            let answer = holder.with_authorization(shown).try_get("/v0/access-tokens").await.unwrap();
            let expected = if tokens_count { by_token } else { by_certificate };
            assert_eq!(answer.code, expected, "{auth}, {shown}: {}", answer.text);
        }
        secure.platform.stop().await;
    }
}

/// The handshake, in which it was looked at, is over by then.
#[tokio::test]
async fn a_certificate_that_ends_while_its_connection_lives_counts_no_more() {
    let secure = TlsFixture::api("ends", "mtls", &[]).await;
    let end = SystemTime::now() + Duration::from_secs(6);
    let brief = secure.authority.client_until("ann", "causeway:viewer", end).unwrap();
    let mut stream = encrypted(&secure, Some(&brief), &[]).await.unwrap();
    let request = "GET /v0/events?size=1 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(exchange(&mut stream, request).await.0, 200);
    let refused = eventually("the end of the certificate", async || match exchange(&mut stream, request).await {
        (200, _) => Err("it counts"),
        refused => Ok(refused),
    });
    let (code, body) = refused.await;
    assert!(code == 401 && body.contains("has expired since this connection was made"), "{code}: {body}");
    secure.platform.stop().await;
}

#[tokio::test]
async fn new_certificates_are_taken_up_without_a_restart() {
    let secure = TlsFixture::api("reload", "mtls", &[]).await;
    let (platform, authority, files) = (&secure.platform, &secure.authority, &secure.files);
    let (client, pid) = (secure.client_of("ann", "causeway:viewer"), platform.api().pid());
    let first = client.try_get("/version").await.unwrap().answered(200).certificate;

    files.replace(&authority.server().unwrap()).unwrap();
    until("the new certificate", async || client.try_get("/version").await.unwrap().certificate != first).await;
    let second = client.try_get("/version").await.unwrap().answered(200).certificate;

    fs::write(files.folder.join("server.crt"), "-----BEGIN CERTIFICATE-----\nbroken").unwrap();
    until("the complaint", async || platform.api().log().unwrap().contains("the old ones stay in use")).await;
    assert_eq!(
        client.try_get("/version").await.unwrap().answered(200).certificate,
        second,
        "a broken file changes nothing"
    );
    files.replace(&authority.server().unwrap()).unwrap();
    until("the third certificate", async || client.try_get("/version").await.unwrap().certificate != second).await;

    let other = Authority::new("another").unwrap();
    let newcomer = other.client("new", "causeway:viewer").unwrap();
    let newcomer = secure.client(Some(&newcomer));
    assert!(newcomer.try_get("/v0/events").await.is_err());
    fs::write(files.folder.join("clients.crt"), other.pem()).unwrap();
    until("the other authority", async || newcomer.try_get("/v0/events").await.is_ok_and(|answer| answer.code == 200))
        .await;
    assert!(client.try_get("/version").await.is_err(), "the first authority counts no more");
    assert_eq!((platform.api().pid(), platform.api().is_running()), (pid, true));
}

/// So many connections may one address have.
const SILENT: usize = 256;

/// A client that says nothing must not keep others waiting, however often it connects.
#[tokio::test]
async fn silent_connections_keep_nobody_waiting() {
    let secure = TlsFixture::api("silent", "mtls", &[]).await;
    let address = secure.platform.https_url().trim_start_matches("https://").parse().unwrap();
    let mut silent = vec![];
    for _ in 0..SILENT {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 2], 0).into()).unwrap();
        silent.push(socket.connect(address).await.unwrap());
    }
    let client = secure.client_of("ann", "causeway:viewer");
    client.try_get("/v0/events").await.unwrap().answered(200);
    let given_up = || secure.platform.api().log().unwrap().contains("the client took too long");
    assert!(!given_up(), "the client had to wait until the first of them was given up");
    until("their end", async || given_up()).await;
}
