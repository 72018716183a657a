//! Whether something works, and if not why not, in one sentence: that of a condition. Pure.

use super::{
    chain::Account,
    parts::{Look, ago, icon, look, markdown, state_of},
};
use causeway_records::{
    advice::advice,
    status::{Condition, Conditions, READY},
};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

/// Of a record, with what to do.
pub(super) fn of_record(conditions: &Conditions, deletion: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Markup {
    let (shape, word) = look(&state_of(conditions, deletion));
    let told = conditions.first_trouble().or_else(|| conditions.get(READY));
    let next = told.and_then(advice).map(|advice| advice.next);
    verdict(shape, word, told, next, now)
}

/// Of a hostname, as a gateway instance serves it. What to do is in the chain below.
pub(super) fn of_hostname(
    hostname: &str,
    account: &Account,
    deletion: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Markup {
    let (shape, word) = look(&state_of(&account.own, deletion));
    let trouble = account.trouble();
    let (shape, words) = match (shape, trouble) {
        // The gateway is ready, and what it leads to isn't.
        (Look::Stands, Some(trouble)) => (Look::of(trouble.status), format!("{hostname} leads to what is not ready")),
        (Look::Stands, None) => (shape, format!("{hostname} is served")),
        (Look::Fails, _) => (shape, format!("{hostname} is not served as asked for")),
        (Look::Waits | Look::Plain, _) => (shape, format!("{hostname} is not known to be served yet")),
        (Look::Rests, _) => (shape, format!("{hostname}: {}", word.to_lowercase())),
    };
    verdict(shape, &words, trouble.or_else(|| account.own.get(READY)), None, now)
}

fn verdict(shape: Look, words: &str, told: Option<&Condition>, next: Option<&str>, now: DateTime<Utc>) -> Markup {
    let step = told.filter(|told| told.condition_type != READY).map(|step| format!(", at {}", step.condition_type));
    let words = format!("{words}{}", step.unwrap_or_default());
    let sentence = told.map_or("waits for its first reconcile", |condition| &condition.message);
    of_sentence(shape, &words, sentence, told.map(|condition| ago(condition.last_transition_time, now)), next)
}

/// Of what has no conditions. `time`: since when, or when.
pub(super) fn of_sentence(
    shape: Look,
    words: &str,
    sentence: &str,
    time: Option<Markup>,
    next: Option<&str>,
) -> Markup {
    html! {
        div class={"verdict " (shape.name())} {
            (icon(shape.name()))
            p role="status" { b { (words) ": " } (sentence) }
            // Not in the sentence: a reader of screens would say each second that it has changed.
            span class="note" { @if let Some(time) = time { (time) } }
            @if let Some(next) = next { p class="advice" { "Next step: " (markdown(next)) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::chain::Part, *};
    use causeway_records::status::NewCondition;

    fn account(new: Vec<NewCondition>) -> Account {
        let own = Conditions::from_new(new, &Conditions::default(), 1, Utc::now());
        Account { own, others: vec![], stops: vec![] }
    }

    fn told(account: &Account) -> String {
        of_hostname("a.example", account, None, Utc::now()).into_string()
    }

    #[test]
    fn a_hostname_is_told_of_in_the_words_of_the_condition() {
        let fails = account(vec![NewCondition::not_met("RefsResolved", "BackendNotFound", "Service <x> is missing")]);
        let page = told(&fails);
        assert!(
            page.contains("a.example is not served as asked for, at RefsResolved: </b>Service &lt;x&gt; is missing"),
            "{page}"
        );
        assert!(
            told(&account(vec![NewCondition::met("Applied", "Applied", "a")]))
                .contains("a.example is served: </b>everything asked for")
        );
        let waits = account(vec![NewCondition::unknown("Applied", "Pending", "not yet")]);
        assert!(told(&waits).contains("not known to be served yet"));
    }

    #[test]
    fn what_a_gateway_leads_to_counts() {
        let mut account = account(vec![NewCondition::met("Applied", "Applied", "a")]);
        let fails = NewCondition::not_met("ResourcesReady", "NotReady", "0 of 2 Pods are ready");
        let condition = Conditions::from_new(vec![fails], &Conditions::default(), 1, Utc::now()).0.remove(0);
        account.others.push(super::super::chain::Other { part: Part::Pods, of: html! { "x" }, condition });
        let page = told(&account);
        assert!(
            page.contains("leads to what is not ready, at ResourcesReady: </b>0 of 2") && page.contains("fails"),
            "{page}"
        );
    }

    #[test]
    fn a_record_has_the_next_step_beside_its_sentence() {
        let of = |new| {
            of_record(&Conditions::from_new(new, &Conditions::default(), 1, Utc::now()), None, Utc::now()).into_string()
        };
        let page = of(vec![NewCondition::not_met("DnsPublished", "AmbiguousZone", "two zones")]);
        assert!(
            page.contains("Not ready, at DnsPublished") && page.contains("Set <code>HostedZoneID</code>"),
            "{page}"
        );
        let page = of(vec![NewCondition::met("Applied", "Applied", "4 objects")]);
        assert!(page.contains("everything asked for stands and works") && page.contains("stands"), "{page}");
        assert!(of_record(&Conditions::default(), None, Utc::now()).into_string().contains("first reconcile"));
    }
}
