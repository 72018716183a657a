//! What there is to tell of a record's certificates one by one: names, end, renewal, the last failure.

use super::gateway_status::certificate_not_ready;
use crate::{
    k8s::cert_manager::CERTIFICATE,
    labels::Owner,
    observed::Seen,
    plan::{Object, Plan},
};
use causeway_records::certificate::SeenCertificate;
use chrono::{DateTime, Utc};
use serde_json::Value;

/// The certificates of a plan as the cluster shows them. `owner`: the record whose listeners use them.
pub fn certificates(plan: &Plan, seen: &Seen, owner: Owner) -> Vec<SeenCertificate> {
    let wanted = plan.objects.iter().filter(|object| CERTIFICATE.is(&object.at));
    wanted.map(|object| certificate(object, seen, owner)).collect()
}

fn certificate(object: &Object, seen: &Seen, owner: Owner) -> SeenCertificate {
    let (at, spec) = (&object.at, &object.body["spec"]);
    let names = spec["dnsNames"].as_array().into_iter().flatten();
    let hostnames: Vec<String> = names.filter_map(Value::as_str).map(str::to_owned).collect();
    let status = seen.get(at).map(|observed| &observed.status);
    let time = |key: &str| time(status?.get(key)?);
    let not_ready = certificate_not_ready(hostnames.first().map_or("", String::as_str), at, seen);
    SeenCertificate {
        owner_kind: owner.kind,
        owner_id: owner.id,
        namespace: at.namespace.clone().unwrap_or_default(),
        name: at.name.clone(),
        issuer: spec["issuerRef"]["name"].as_str().unwrap_or_default().to_owned(),
        valid: not_ready.is_none(),
        message: not_ready.map(|not_ready| not_ready.message),
        not_after: time("notAfter"),
        renewal_time: time("renewalTime"),
        failed_at: time("lastFailureTime"),
        hostnames,
    }
}

/// None also for what is no time: it comes from the cluster.
fn time(text: &Value) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text.as_str()?).ok().map(|time| time.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observed::Observed;
    use causeway_records::Kind;
    use serde_json::json;

    fn plan() -> Plan {
        let body = json!({"spec": {"dnsNames": ["shop.example.org"], "issuerRef": {"name": "main-acme"}}});
        vec![Object::new(CERTIFICATE.at("gateways", "shop"), body)].into()
    }

    fn told(status: Value) -> SeenCertificate {
        let at = CERTIFICATE.at("gateways", "shop");
        let observed = Observed { at: at.clone(), uid: "u".into(), generation: 1, replicas: None, status };
        let owner = Owner { kind: Kind::SharedGateway, id: 7 };
        certificates(&plan(), &Seen::from([(at, observed)]), owner).remove(0)
    }

    #[test]
    fn a_certificate_tells_its_end_and_its_renewal() {
        let status = json!({
            "conditions": [{"type": "Ready", "status": "True", "observedGeneration": 1}],
            "notAfter": "2026-04-30T12:00:00Z", "renewalTime": "2026-03-31T12:00:00Z",
        });
        let told = told(status);
        assert!(told.valid && told.message.is_none() && told.failed_at.is_none());
        assert_eq!(
            (told.owner_id, told.hostnames, told.issuer),
            (7, vec!["shop.example.org".into()], "main-acme".into())
        );
        assert_eq!(told.not_after.unwrap().to_rfc3339(), "2026-04-30T12:00:00+00:00");
        assert_eq!(told.renewal_time.unwrap().to_rfc3339(), "2026-03-31T12:00:00+00:00");
    }

    #[test]
    fn one_that_failed_says_why_in_the_words_of_the_condition() {
        let status = json!({
            "conditions": [{"type": "Ready", "status": "False", "reason": "Failed", "message": "CAA forbids it.", "observedGeneration": 1}],
            "lastFailureTime": "2026-01-31T12:00:00Z", "notAfter": "soon",
        });
        let told = told(status);
        assert!(!told.valid && told.not_after.is_none(), "what is no time counts as none");
        assert_eq!(told.failed_at.unwrap().to_rfc3339(), "2026-01-31T12:00:00+00:00");
        let message = told.message.unwrap();
        assert!(message.contains("shop.example.org") && message.contains("CAA forbids it"), "{message}");
    }
}
