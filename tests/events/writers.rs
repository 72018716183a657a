//! Clients that write, and what was committed of it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use causeway_testkit::{ApiClient, id_of, unique_name};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::{task::JoinHandle, time::sleep};

use std::time::Duration;

/// After a request that nobody has answered.
const PAUSE: Duration = Duration::from_millis(10);

/// Clients that make, change and delete records until they are stopped, whatever they are answered.
pub(crate) struct Writers {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Writers {
    pub(crate) fn start(client: &ApiClient, count: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let task = |n| tokio::spawn(write(client.clone(), n, stop.clone()));
        Self { tasks: (0..count).map(task).collect(), stop: stop.clone() }
    }

    pub(crate) async fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

async fn write(client: ApiClient, n: usize, stop: Arc<AtomicBool>) {
    let send = async |method, path: String, body: Option<Value>| {
        let answer = client.send(method, &path, body.as_ref()).await.ok()?;
        assert!([200, 201, 404, 409, 500, 503].contains(&answer.code), "{} {:#}", answer.code, answer.body);
        (answer.code < 300).then_some(answer)
    };
    let mut round = 0;
    while !stop.load(Ordering::SeqCst) {
        round += 1;
        let body = json!({"Name": unique_name(&format!("written-{n}")), "AccountID": "1", "DefaultRegion": "x"});
        let Some(made) = send(Method::POST, "/v0/aws-accounts".into(), Some(body)).await else {
            sleep(PAUSE).await;
            continue;
        };
        let path = format!("/v0/aws-accounts/{}", id_of(made.record()).unwrap());
        for region in 0..round % 4 {
            send(Method::PATCH, path.clone(), Some(json!({"DefaultRegion": format!("r-{region}")}))).await;
        }
        if round % 2 == 0 {
            send(Method::DELETE, path, None).await;
        }
    }
}

/// What happened to each account, as its audit events say: each is committed with its change, whoever was answered what.
pub(crate) async fn committed(database_url: &str) -> BTreeMap<i64, Vec<String>> {
    let text = "SELECT object_id, action FROM audit_events WHERE object_kind = 'AwsAccount' ORDER BY object_id, id";
    let mut database = PgConnection::connect(database_url).await.unwrap();
    let rows: Vec<(i64, String)> = sqlx::query_as(text).fetch_all(&mut database).await.unwrap();
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for (id, action) in rows {
        let word = match action.as_str() {
            "Create" => "created",
            "Update" => "changed",
            _ => "deleted",
        };
        all.entry(id).or_default().push(word.to_owned());
    }
    all
}

/// The same as events say it.
pub(crate) fn told(events: &[Value]) -> BTreeMap<i64, Vec<String>> {
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for event in events.iter().filter(|event| event["Kind"] == "AwsAccount") {
        let word = event["Type"].as_str().unwrap().to_owned();
        all.entry(event["ID"].as_i64().unwrap()).or_default().push(word);
    }
    all
}
