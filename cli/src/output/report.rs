//! The report of an import: what no document says as it is, object by object.

use serde::Deserialize;

use super::{
    clean,
    style::{BAD, BOLD, FAINT, WAITING, paint},
};

/// A field that no document says as it is.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Finding {
    kind: String,
    namespace: String,
    name: String,
    field: String,
    loss: String,
    problem: String,
}

/// The losses, with the words for how many there are of each.
const LOSSES: [(&str, &str); 3] =
    [("Unsupported", "not said by any record"), ("Lossy", "not said as they are"), ("Needed", "to bring")];

/// Lines for people: objects in the order in which they are told, with their fields below them.
pub(crate) fn text(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "All fields are said by the documents.\n".to_owned();
    }
    let (mut text, mut last) = (String::new(), None);
    for finding in findings {
        let slash = if finding.namespace.is_empty() { "" } else { "/" };
        let object = format!("{} {}{slash}{}", finding.kind, finding.namespace, finding.name);
        if last.as_ref() != Some(&object) {
            text.push_str(&format!("{}\n", paint(BOLD, &clean(&object))));
            last = Some(object);
        }
        let style = match finding.loss.as_str() {
            "Unsupported" => BAD,
            "Needed" => WAITING,
            _ => FAINT,
        };
        let field = if finding.field.is_empty() { "the whole object" } else { finding.field.as_str() };
        let loss = format!("{:<11}", clean(&finding.loss));
        text.push_str(&format!("  {} {}: {}\n", paint(style, &loss), clean(field), clean(&finding.problem)));
    }
    let count = |loss: &str| findings.iter().filter(|finding| finding.loss == loss).count();
    let counts = LOSSES.iter().map(|(loss, words)| format!("{} {words}", count(loss)));
    text.push_str(&format!("{}.\n", counts.collect::<Vec<_>>().join(", ")));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_stand_below_their_objects() {
        let finding = |name: &str, field: &str, loss: &str| {
            let finding = json!({"Kind": "HTTPRoute", "Namespace": "shop", "Name": name, "Field": field, "Loss": loss, "Problem": "no\u{1b}"});
            serde_json::from_value::<Finding>(finding).unwrap()
        };
        let all =
            [finding("web", "spec.a", "Lossy"), finding("web", "", "Unsupported"), finding("api", "spec.b", "Needed")];
        let told = anstream::adapter::strip_str(&text(&all)).to_string();
        let expected = "HTTPRoute shop/web\n  Lossy       spec.a: no \n  Unsupported the whole object: no \nHTTPRoute shop/api\n  Needed      spec.b: no \n1 not said by any record, 1 not said as they are, 1 to bring.\n";
        assert_eq!(told, expected);
        assert_eq!(text(&[]), "All fields are said by the documents.\n");
    }
}
