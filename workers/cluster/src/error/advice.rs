//! The next thing to do about an object that the API server has refused.

use http::StatusCode;

/// To be added to the server's words.
pub(super) fn next_step(status: StatusCode, message: &str) -> &'static str {
    let says = |part: &str| message.contains(part);
    if says("exceeded quota") {
        "raise the quota, or ask for less"
    } else if says("failed calling webhook") {
        "see that the server of this webhook runs, or delete its configuration"
    } else if says("denied the request") || says("denied request") {
        "correct the manifest, or change the policy that denies it"
    } else if status == StatusCode::FORBIDDEN && says("cannot ") {
        "grant it to Causeway's user in this cluster"
    } else {
        "correct the manifest"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_refused_decides_what_is_to_be_done() {
        let cases = [
            (403, "pods \"a\" is forbidden: exceeded quota: none, requested: pods=1", "raise the quota"),
            (500, "failed calling webhook \"w.test\": connection refused", "see that the server of this webhook runs"),
            (400, "admission webhook \"w.test\" denied the request: no", "or change the policy"),
            (422, "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no", "or change the policy"),
            (403, "pods is forbidden: User \"c\" cannot patch resource \"pods\"", "grant it"),
            (422, "spec.port: Invalid value: 99999", "correct the manifest"),
        ];
        for (status, message, says) in cases {
            let step = next_step(StatusCode::from_u16(status).unwrap(), message);
            assert!(step.contains(says), "{message}: {step}");
        }
    }
}
