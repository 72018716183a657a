//! `causeway webhook`: whether a receiver answers, and deliveries once more.

use causeway_testkit::receiver::{Manner, Receiver};
use serde_json::json;

use crate::{Cli, api_with};

async fn hook(cli: &Cli, receiver: &Receiver) {
    let document = format!("Webhook: {{Name: hook, URL: '{}', Kinds: [aws-accounts]}}\n", receiver.url());
    let ran = cli.feed(&["apply", "-f", "-"], &document).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    // What an apply prints ends in logs: the secret that was made up isn't in it, and how to get one is said once.
    let is_new = ran.out.starts_with("created");
    assert_eq!(ran.err.contains("causeway webhook rotate-secret hook\n"), is_new, "{ran:?}");
    assert!(!format!("{ran:?}").contains("whsec_"), "{ran:?}");
    let again = cli.feed(&["apply", "-f", "-"], &document).await;
    assert!(again.out.contains("unchanged") && again.err.is_empty(), "the same again writes nothing: {again:?}");
}

#[tokio::test]
async fn a_receiver_is_tried_and_gets_again_what_it_did_not_take() {
    let (_platform, cli) = api_with("webhook", &["--webhook-allow", "127.0.0.1"]).await;
    let receiver = Receiver::start(Manner::Says(204)).await;
    hook(&cli, &receiver).await;
    let ran = cli.run(&["webhook", "test", "hook"]).await;
    assert!(ran.code == 0 && ran.err == "The receiver answered 204: it takes events.\n", "{ran:?}");
    let listed = cli.done(&["get", "webhooks"]).await;
    assert!(listed.starts_with("NAME   URL") && listed.contains(&receiver.url()), "{listed}");

    receiver.answers(Manner::Says(410));
    let ran = cli.run(&["webhooks", "test", "hook", "-o", "json"]).await;
    let failed: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &failed["State"], &failed["AnswerCode"]), (1, &json!("Failed"), &json!(410)), "{ran:?}");
    let refused = cli.run(&["webhook", "test", "hook"]).await;
    assert!(refused.code == 2 && refused.err.contains("is disabled; set its Disabled to false first"), "{refused:?}");

    receiver.answers(Manner::Says(200));
    hook(&cli, &receiver).await;
    let text = cli.done(&["get", "webhook-deliveries", "--filter", "Webhook=hook", "--filter", "State=Failed"]).await;
    assert!(text.contains("causeway.test") && text.contains("410") && !text.contains("specversion"), "{text}");
    let again = cli.json(&["webhook", "redeliver", "hook", "--state", "Failed"]).await;
    assert_eq!((again.as_array().unwrap().len(), &again[0]["ID"]), (1, &failed["ID"]), "{again}");
    receiver.until("it is sent once more", 20, |taken| taken.len() == 2).await;
    cli.done(&["webhook", "redeliver", "--delivery", failed["ID"].as_str().unwrap()]).await;
    receiver.until("and once more", 20, |taken| taken.len() == 3).await;
    let all = cli.json(&["webhook", "redeliver", "hook", "--since", "2100-01-01T00:00:00Z"]).await;
    assert_eq!(all, json!([]), "none is as new");
    let secret = cli.done(&["webhook", "rotate-secret", "hook", "--previous-for", "1h"]).await;
    assert!(secret.starts_with("whsec_") && secret.ends_with('\n') && secret.lines().count() == 1, "{secret}");
}

#[tokio::test]
async fn an_answer_that_never_comes_is_waited_for_so_long_and_no_longer() {
    let (_platform, cli) = api_with("webhook_silent", &["--webhook-allow", "127.0.0.1"]).await;
    let receiver = Receiver::start(Manner::Silent).await;
    hook(&cli, &receiver).await;
    let ran = cli.run(&["webhook", "test", "hook", "--timeout", "2s"]).await;
    assert!(
        ran.code == 1 && ran.err.contains("in time") && ran.err.contains("next: causeway get webhook-delivery "),
        "{ran:?}"
    );
    assert_eq!(cli.run(&["webhook", "test", "hook", "--no-wait"]).await.code, 0);
}
