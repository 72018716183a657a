//! What the API saw on the way of a request: its sentence, then each step with what to do.

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::{
    clean,
    style::{BAD, BOLD, FAINT, GOOD, Style, WAITING, paint},
    wrap::hanging,
};
use crate::api::Fields;

/// No step of it failed.
pub(crate) fn is_served(diagnosis: &Fields) -> bool {
    diagnosis.get("Served") == Some(&Value::Bool(true))
}

fn told<'f>(fields: &'f Value, key: &str) -> &'f str {
    fields.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn all_steps(diagnosis: &Fields) -> impl Iterator<Item = &Value> {
    diagnosis.get("Steps").and_then(Value::as_array).into_iter().flatten()
}

/// All in one sentence.
pub(crate) fn sentence(diagnosis: &Fields, width: Option<usize>) -> String {
    let unknown = all_steps(diagnosis).any(|step| told(step, "Verdict") == "Unknown");
    let (style, mark) = match (is_served(diagnosis), unknown) {
        (false, _) => mark("Failed"),
        (true, true) => mark("Unknown"),
        (true, false) => mark("Passed"),
    };
    let summary = diagnosis.get("Summary").and_then(Value::as_str).unwrap_or_default();
    format!("{} {}\n\n", paint(style, mark), paint(BOLD, &hanging(summary, 2, width)))
}

const fn mark(verdict: &str) -> (Style, &'static str) {
    match verdict.as_bytes() {
        b"Passed" => (GOOD, "✓"),
        b"Failed" => (BAD, "✗"),
        _ => (WAITING, "?"),
    }
}

/// Its steps in the API's order: those that failed come first. `named`: it is one of several.
pub(crate) fn steps(diagnosis: &Fields, named: bool, width: Option<usize>) -> String {
    let hostname = diagnosis.get("Hostname").and_then(Value::as_str).unwrap_or_default();
    let head = if named { format!("{}\n", paint(FAINT, &clean(hostname))) } else { String::new() };
    let widest = all_steps(diagnosis).map(|step| told(step, "Step").width()).max().unwrap_or(0);
    let indent = widest + 5;
    let line = |step: &Value| {
        let (name, advice) = (clean(told(step, "Step")), told(step, "Advice"));
        let (style, mark) = mark(told(step, "Verdict"));
        let pad = " ".repeat(widest.saturating_sub(name.width()));
        let seen = hanging(told(step, "Evidence"), indent, width);
        let mut line = format!("{} {name}{pad}   {seen}\n", paint(style, mark));
        if !advice.is_empty() {
            let next = hanging(&format!("next step: {advice}"), indent, width);
            line.push_str(&format!("{}{}\n", " ".repeat(indent), paint(FAINT, &next)));
        }
        line
    };
    format!("{head}{}", all_steps(diagnosis).map(line).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_sentence_comes_first_then_what_failed() {
        let failed = json!({
            "Hostname": "shop.example.org", "Served": false,
            "Summary": "shop.example.org is not served: port 443/ answers 503: no pod takes the request; see whether the workload's pods are ready",
            "Steps": [
                {"Step": "Answered", "Verdict": "Failed", "Evidence": "port 443/ answers 503: no pod takes the request", "Advice": "see whether the workload's pods are ready"},
                {"Step": "CertificateValid", "Verdict": "Passed", "Evidence": "the certificate at port 443 is for shop.example.org"},
                {"Step": "Resolved", "Verdict": "Unknown", "Evidence": "no resolver\u{1b}answers"},
            ],
        });
        let failed = failed.as_object().unwrap();
        let plain = |text: String| anstream::adapter::strip_str(&text).to_string();
        let text = plain(format!("{}{}", sentence(failed, Some(70)), steps(failed, false, Some(70))));
        insta::assert_snapshot!("diagnosis_70", text);
        assert!(text.lines().all(|line| line.width() <= 70), "{text}");
        assert!(plain(steps(failed, true, None)).starts_with("shop.example.org\n✗ Answered           port 443/"));
        let unsure = json!({"Served": true, "Summary": "nothing fails", "Steps": [{"Step": "Resolved", "Verdict": "Unknown", "Evidence": "x"}]});
        assert_eq!(plain(sentence(unsure.as_object().unwrap(), None)), "? nothing fails\n\n");
    }
}
