//! What lets gateway instances attach to a shared gateway with listeners of its own.

use super::parts::{Heading::Text, link, sheet};
use causeway_records::{Kind, summary::GatewayAttachment};
use maud::{Markup, html};

/// A row for each of them; nothing for none.
pub(super) fn table(attachments: &[GatewayAttachment]) -> Markup {
    let rows = html! {
        @for attachment in attachments {
            tr {
                td { a href=(link(Kind::GatewayInstance, attachment.gateway_instance_id)) { (attachment.gateway_instance) } }
                td { a href=(link(Kind::WorkloadInstance, attachment.workload_instance_id)) { (attachment.workload_instance) } }
                td class="told" { (by(attachment)) }
            }
        }
    };
    let headings = [Text("Gateway instance"), Text("Workload"), Text("Let by")];
    html! { @if !attachments.is_empty() { h2 { "What lets them attach" } (sheet("What lets them attach", &headings, &rows)) } }
}

/// The gateway's own record, grants, or both: it may be attached until none of them is left.
fn by(attachment: &GatewayAttachment) -> Markup {
    html! {
        @if let Some(by) = attachment.attachable_by { span class="below" { "AttachableBy " (by) } }
        @for grant in &attachment.gateway_grants {
            span class="below" { "grant " a href=(link(Kind::GatewayGrant, grant.id)) { (grant.name) } }
        }
        @if !attachment.allowed { "nothing any more: its routes are taken away" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::{nouns::AttachableBy, summary::AttachmentGrant};

    #[test]
    fn it_says_what_lets_each_attach() {
        let mut attachment = GatewayAttachment {
            gateway_instance_id: 7,
            gateway_instance: "shop".into(),
            workload_instance_id: 8,
            workload_instance: "of shop".into(),
            allowed: true,
            attachable_by: Some(AttachableBy::Selector),
            gateway_grants: vec![AttachmentGrant { id: 9, name: "a <grant>".into() }],
        };
        let text = table(std::slice::from_ref(&attachment)).into_string();
        for part in [
            "href=\"/ui/gateway-instances/7\"",
            "href=\"/ui/workload-instances/8\"",
            "AttachableBy Selector",
            "<a href=\"/ui/gateway-grants/9\">a &lt;grant&gt;</a>",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        (attachment.allowed, attachment.attachable_by, attachment.gateway_grants) = (false, None, vec![]);
        assert!(table(&[attachment]).into_string().contains("its routes are taken away"));
        assert_eq!(table(&[]).into_string(), "");
    }
}
