use serde_json::{Value, json};

use super::*;

fn reply(status: u16, body: Value) -> ApiReply {
    ApiReply { status: StatusCode::from_u16(status).unwrap(), retry_after: None, body }
}

fn status(message: &str) -> Value {
    json!({"kind": "Status", "message": message})
}

fn gateway() -> ObjectRef {
    ObjectRef {
        group: "gateway.networking.k8s.io".into(),
        version: "v1".into(),
        kind: "Gateway".into(),
        namespace: Some("shop".into()),
        name: "web".into(),
    }
}

#[test]
fn an_answer_about_the_object_is_a_refusal() {
    for (code, text) in [(422, "port is too big"), (403, "forbidden"), (500, "failed calling webhook: refused")] {
        let error = ClusterError::from_reply(&reply(code, status(text)), &gateway());
        let ClusterError::Refused { reason, .. } = &error else { panic!("{error:?}") };
        assert!(reason.starts_with(&format!("{text}; ")), "{code}: {reason}");
        assert!(!error.stops_everything());
    }
}

#[test]
fn an_answer_about_the_server_concerns_the_cluster() {
    let cases = [
        (401, status("Unauthorized"), UnreachableCause::Unauthorized),
        (429, status("slow down"), UnreachableCause::Overloaded),
        (500, status("etcdserver: leader changed"), UnreachableCause::ServerError),
        (503, status("apiserver is shutting down"), UnreachableCause::ServerError),
        (502, json!("bad gateway"), UnreachableCause::ServerError),
    ];
    for (code, body, expected) in cases {
        let error = ClusterError::from_reply(&reply(code, body), &gateway());
        let ClusterError::Unreachable { cause, .. } = &error else { panic!("{error:?}") };
        assert_eq!(*cause, expected, "{code}");
        assert!(error.stops_everything());
    }
}

#[test]
fn a_refusal_is_one_whatever_its_code() {
    for code in [401, 429, 500, 503] {
        for text in ["admission webhook \"w.test\" denied the request: no", "etcdserver: request is too large"] {
            let error = ClusterError::from_reply(&reply(code, status(text)), &gateway());
            let ClusterError::Refused { reason, .. } = &error else { panic!("{code}: {error:?}") };
            assert!(reason.starts_with(text), "{code}: {reason}");
        }
    }
}

#[test]
fn what_nobody_answers_for_names_the_object_and_where_to_look() {
    let down = ClusterError::from_reply(&reply(503, status("service unavailable")), &gateway());
    let error = down.clone().about_object(&gateway());
    assert!(!error.stops_everything());
    assert_eq!(
        error.to_string(),
        "Gateway shop/web is not answered for: service unavailable, while the cluster answers otherwise; see which admission \
         webhooks match it, and whether the API service of group gateway.networking.k8s.io is Available"
    );
    let secret = ObjectRef { group: String::new(), kind: "Secret".into(), ..gateway() };
    assert!(!down.about_object(&secret).to_string().contains("service unavailable"));
    let refused = ClusterError::refused(&gateway(), "no");
    assert_eq!(refused.clone().about_object(&gateway()), refused);
}

#[test]
fn what_a_cluster_says_is_cut_where_it_comes_in() {
    let long = "x".repeat(100_000);
    let said = |error: ClusterError| error.to_string().len();
    assert!(said(ClusterError::from_reply(&reply(422, status(&long)), &gateway())) < 1200);
    assert!(said(ClusterError::from_reply(&reply(503, status(&long)), &gateway())) < 1200);
    for code in [401, 429, 500] {
        let status = kube::core::Status::failure(&long, "x").with_code(code);
        assert!(said(ClusterError::from_client(&kube::Error::Api(Box::new(status)))) < 1200, "{code}");
    }
    for error in [
        ClusterError::unreachable(UnreachableCause::ServerError, long.clone()),
        ClusterError::refused(&gateway(), long.clone()),
        ClusterError::unanswered(&gateway(), long.clone()),
        ClusterError::unwatched(&gateway(), long.clone()),
        ClusterError::conflict(&gateway(), long),
    ] {
        let error = error.to_string();
        assert!(error.len() < 1200, "{} bytes: {error:.100}", error.len());
    }
}

#[test]
fn sentences_name_the_object_and_the_next_step() {
    let conflict = ClusterError::Conflict { object: Box::new(gateway()), who: "kubectl".into() };
    assert_eq!(
        conflict.to_string(),
        "Gateway shop/web exists and belongs to kubectl; delete or rename it, or choose another name here"
    );
    assert!(ClusterError::not_served(&gateway()).to_string().contains("gateway.networking.k8s.io/v1, kind Gateway"));
}

#[test]
fn a_cluster_can_ask_for_ten_minutes_at_most_where_the_client_reads_the_answer() {
    let status = json!({
        "status": "Failure", "message": "slow down", "code": 429, "details": {"retryAfterSeconds": u32::MAX},
    });
    let status: kube::core::Status = serde_json::from_value(status).unwrap();
    let error = ClusterError::from_client(&kube::Error::Api(Box::new(status)));
    let ClusterError::Unreachable { retry_after, .. } = error else { panic!("{error:?}") };
    assert_eq!(retry_after, Some(Duration::from_secs(600)));
}
