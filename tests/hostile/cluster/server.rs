//! An API server written byte by byte. What a way to misbehave leaves alone is answered as a small cluster would.

use super::{misbehave::misbehave, ways::Way};
use serde_json::{Value, json};
use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// No request of a worker is larger.
const MOST_BYTES: usize = 16 << 20;

pub(super) type Stream = BufReader<TlsStream<TcpStream>>;

/// A request as it came.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    body: Vec<u8>,
}

/// One cluster.
pub(super) struct Server {
    pub(super) way: Way,
    /// Each is another cluster.
    uid: String,
    asked: AtomicUsize,
    /// What was applied, so that watches can send it.
    pub(super) applied: Mutex<Vec<Value>>,
}

impl Server {
    pub(super) fn new(way: Way, name: &str) -> Self {
        Self { way, uid: format!("uid-of-{name}"), asked: AtomicUsize::new(0), applied: Mutex::default() }
    }

    /// How many requests have come, in any form.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// Answers for ever. Whoever drops this closes all connections.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener, acceptor: TlsAcceptor) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let Ok((stream, _)) = accepted else { continue };
                    connections.spawn(self.clone().converse(stream, acceptor.clone()));
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn converse(self: Arc<Self>, mut stream: TcpStream, acceptor: TlsAcceptor) {
        if self.way == Way::NoTls {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let _ = stream.write_all(&b"SSH-2.0-OpenSSH_9.9\r\n".repeat(1000)).await;
            return;
        }
        let Ok(stream) = acceptor.accept(stream).await else { return };
        let mut stream = BufReader::new(stream);
        // Whoever hangs up has had enough.
        while let Ok(Some(request)) = read(&mut stream).await {
            self.asked.fetch_add(1, Ordering::Relaxed);
            if self.answer(&request, &mut stream).await.is_err() {
                return;
            }
        }
    }

    async fn answer(&self, request: &Request, stream: &mut Stream) -> io::Result<()> {
        if misbehave(self, request, stream).await? {
            return Ok(());
        }
        if request.is_watch() {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
                .await?;
            stream.flush().await?;
            std::future::pending::<()>().await;
        }
        let (status, body) = self.as_it_should(request);
        send(stream, status, &body).await
    }

    /// What a good cluster says, which has no objects but what was applied.
    fn as_it_should(&self, request: &Request) -> (&'static str, Value) {
        if request.is_discovery() {
            return ("200 OK", discovery(&request.path));
        }
        if let Some(kind) = request.kind_of_list() {
            return ("200 OK", list(kind, vec![]));
        }
        if request.path == "/version" {
            return ("200 OK", version());
        }
        if request.is_identity() {
            return ("200 OK", identity(&self.uid));
        }
        match &*request.method {
            "PATCH" | "PUT" | "POST" => {
                let mut object: Value = serde_json::from_slice(&request.body).unwrap_or_default();
                object["metadata"]["uid"] = json!(format!("uid-of-{}", request.name()));
                object["metadata"]["resourceVersion"] = json!("8");
                self.applied.lock().unwrap().push(object.clone());
                ("201 Created", object)
            }
            _ => ("404 Not Found", request.absent()),
        }
    }
}

async fn read(stream: &mut Stream) -> io::Result<Option<Request>> {
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) if head.len() < MOST_BYTES => head.push(byte),
            _ => return Ok(None),
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let mut body = vec![0; length.unwrap_or_default().min(MOST_BYTES)];
    stream.read_exact(&mut body).await?;
    Ok(Some(Request { method: method.to_owned(), path: path.to_owned(), query: query.to_owned(), body }))
}

pub(super) async fn send(stream: &mut Stream, status: &str, body: &Value) -> io::Result<()> {
    let body = body.to_string();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.flush().await
}

impl Request {
    pub(super) fn is_watch(&self) -> bool {
        self.query.split('&').any(|pair| pair == "watch=true")
    }

    pub(super) fn is_discovery(&self) -> bool {
        self.path == "/api" || self.path == "/apis"
    }

    /// The kind of a list, if it asks for one.
    pub(super) fn kind_of_list(&self) -> Option<&'static str> {
        let is_read = self.method == "GET" && !self.is_watch();
        let last = self.path.rsplit('/').next().unwrap_or_default();
        KINDS.iter().find(|(plural, ..)| is_read && *plural == last).map(|(_, kind, _)| *kind)
    }

    /// Reads one object.
    pub(super) fn is_get(&self) -> bool {
        self.method == "GET" && !self.is_watch() && !self.is_discovery() && self.kind_of_list().is_none()
    }

    pub(super) fn is_identity(&self) -> bool {
        self.is_get() && self.path.ends_with("/namespaces/kube-system")
    }

    pub(super) fn is_mark(&self) -> bool {
        self.is_get() && self.path.contains("/namespaces/kube-system/configmaps/causeway-")
    }

    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The control plane whose objects a list or watch asks for.
    pub(super) fn control_plane(&self) -> &str {
        self.query
            .split('&')
            .find_map(|pair| pair.strip_prefix("labelSelector=")?.rsplit("%3D").next())
            .unwrap_or_default()
    }

    pub(super) fn absent(&self) -> Value {
        let kind = self.path.rsplit('/').nth(1).unwrap_or_default();
        json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404, "reason": "NotFound",
            "message": format!("{kind} {:?} not found", self.name()), "details": {"name": self.name(), "kind": kind},
        })
    }
}

/// Plural, kind, and whether it is in a namespace.
const KINDS: [(&str, &str, bool); 6] = [
    ("namespaces", "Namespace", false),
    ("configmaps", "ConfigMap", true),
    ("secrets", "Secret", true),
    ("services", "Service", true),
    ("deployments", "Deployment", true),
    ("customresourcedefinitions", "CustomResourceDefinition", false),
];

pub(super) fn identity(uid: &str) -> Value {
    json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "kube-system", "uid": uid, "resourceVersion": "1"}})
}

pub(super) fn list(kind: &str, items: Vec<Value>) -> Value {
    json!({"kind": format!("{kind}List"), "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": items})
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "35", "gitVersion": "v1.35.0", "gitCommit": "", "gitTreeState": "", "buildDate": "", "goVersion": "",
        "compiler": "", "platform": "",
    })
}

fn discovery(path: &str) -> Value {
    let group = |name: &str, range: std::ops::Range<usize>| {
        let resources = KINDS[range].iter().map(|(plural, kind, namespaced)| {
            json!({
                "resource": plural, "responseKind": {"kind": kind}, "scope": if *namespaced { "Namespaced" } else { "Cluster" },
                "verbs": ["get", "list", "watch", "create", "patch", "update", "delete"],
            })
        });
        json!({"metadata": {"name": name}, "versions": [{"version": "v1", "resources": resources.collect::<Vec<_>>()}]})
    };
    let items = if path == "/api" {
        vec![group("", 0..4)]
    } else {
        vec![group("apps", 4..5), group("apiextensions.k8s.io", 5..6)]
    };
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items})
}
