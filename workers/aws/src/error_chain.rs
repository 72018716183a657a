//! What an error of the layers below says.

use std::error::Error;

/// What an error and its sources say, outermost first, without what repeats itself. Their debug texts, which may hold more than a log
/// should, aren't in it. The same each time that it happens: it becomes the message of a condition.
pub fn error_chain(error: &dyn Error) -> String {
    let mut message = without_request_id(&error.to_string());
    let mut next = error.source();
    while let Some(source) = next {
        let text = without_request_id(&source.to_string());
        if !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        next = source.source();
    }
    message
}

/// AWS numbers its answers, and the SDK puts the number behind what an answer says.
fn without_request_id(text: &str) -> String {
    let Some((before, after)) = text.split_once(", aws_request_id: \"") else { return text.to_owned() };
    let (_, after) = after.split_once('"').unwrap_or_default();
    format!("{before}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_refuses_twice_is_said_in_the_same_words() {
        #[derive(Debug, thiserror::Error)]
        #[error("service error")]
        struct Refused(#[source] Said);
        #[derive(Debug, thiserror::Error)]
        #[error(r#"Error {{ code: "AccessDenied", message: "no", aws_request_id: "{0}" }}"#)]
        struct Said(&'static str);
        for id in ["0b6c-1", "0b6c-2", ""] {
            assert_eq!(
                error_chain(&Refused(Said(id))),
                r#"service error: Error { code: "AccessDenied", message: "no" }"#
            );
        }
        assert_eq!(without_request_id(r#"cut off, aws_request_id: "0b"#), "cut off");
    }
}
