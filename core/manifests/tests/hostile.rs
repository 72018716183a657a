//! Texts that want more than their share: each is read or refused in a time that follows its length.

use causeway_manifests::{Budget, read, read_together, read_value};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;

const PER_100_KB: Duration = Duration::from_millis(100);

/// CPU time of this thread, so that other tests beside this one don't count.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = stat.split(' ').next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.expect("Linux says how long a thread has run"))
}

/// Reads within the time; answers the refusal.
fn timed(what: &str, text: &str) -> Result<usize, String> {
    let before = cpu_time();
    let manifests = read(text, &Budget::default()).map(|manifests| manifests.len()).map_err(|error| error.to_string());
    let (took, allowed) = (cpu_time() - before, PER_100_KB.mul_f64((text.len() as f64 / 1e5).max(0.2)));
    assert!(took <= allowed, "{what}: {took:?} for {} bytes, {manifests:?}", text.len());
    manifests
}

fn ones(count: usize) -> String {
    vec!["1"; count].join(",")
}

#[test]
fn aliases_are_charged_for_what_they_repeat() {
    let repeats = |count: usize, what: &str| vec![what; count].join(",");
    let bombs = [
        ("quadratic", format!("a: &a [{}]\nb: [{}]\n", ones(25_000), repeats(16_000, "*a"))),
        ("small quadratic", format!("a: &a [{}]\nb: [{}]\n", ones(3000), repeats(3000, "*a"))),
        ("long text", format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(100_000), repeats(20_000, "*a"))),
        ("long key", format!("a: &a {}\nb:\n{}", "x".repeat(900), "- {*a : 1}\n".repeat(9000))),
        (
            "merges",
            format!(
                "a: &a {{{}}}\nb: [{}]\n",
                (0..2000).map(|n| format!("k{n}: 1,")).collect::<String>(),
                repeats(6000, "{<<: *a}")
            ),
        ),
        (
            "merges of merges",
            (1..60).fold("a0: &a0 {k: 1}\n".to_owned(), |text, n| {
                format!("{text}a{n}: &a{n} {{<<: [*a{0}, *a{0}], k{n}: 1}}\n", n - 1)
            }),
        ),
        (
            "merge sequence",
            format!(
                "a: &a {{{}}}\nb: {{<<: [{}]}}\n",
                (0..1000).map(|n| format!("k{n}: 1,")).collect::<String>(),
                repeats(20_000, "*a")
            ),
        ),
        (
            "laughs",
            (1..40).fold("a0: &a0 [x]\n".to_owned(), |text, n| {
                format!("{text}a{n}: &a{n} [{}]\n", repeats(9, &format!("*a{}", n - 1)))
            }),
        ),
    ];
    for (what, text) in bombs {
        let refusal = timed(what, &text).unwrap_err();
        assert!(refusal.contains("aliases repeat more than 50000 values or 1024 KiB; write out"), "{what}: {refusal}");
    }
    let deep = (1..90).fold("a0: &a0 [x]\n".to_owned(), |text, n| format!("{text}a{n}: &a{n} [[*a{}]]\n", n - 1));
    assert!(timed("deep by aliases", &deep).unwrap_err().contains("more than 100 sequences and mappings are inside"));
    for (what, text) in
        [("self", "a: &a [*a]\n"), ("self by key", "&a {b: {*a : 1}}\n"), ("merge of itself", "a: &a {<<: *a}\n")]
    {
        assert!(timed(what, text).unwrap_err().contains("an alias repeats what it is part of"), "{what}");
    }
}

#[test]
fn what_is_nested_too_deeply_is_refused_at_once() {
    for open in ["[", "{", "- ", "? ", "[?", "{a: ", "- - ", "[[],", "{[", "&a [", "!!seq ["] {
        let refusal = timed(open, &open.repeat(200_000 / open.len())).unwrap_err();
        assert!(refusal.contains("inside each other") || refusal.contains("is no YAML"), "{open}: {refusal}");
    }
    let stairs: String = (0..600).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    assert!(timed("stairs", &stairs).unwrap_err().starts_with("document 1, line 10"));
    let json = format!(r#"{{"a": {}1{}}}"#, "[".repeat(110), "]".repeat(110));
    assert!(timed("json", &json).unwrap_err().contains("more than 100 sequences and mappings"));
    let value = (0..110).fold(json!(1), |inner, _| json!([inner]));
    assert!(read_value(value, &Budget::default()).unwrap_err().problem.contains("more than 100"));
}

#[test]
fn sizes_are_bounded_and_the_limit_is_named() {
    let object = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n";
    let large = format!("{object}# {}\n", "x".repeat(8 << 20));
    let refusal = timed("large", &large).unwrap_err();
    assert!(refusal.contains("larger than 8 MiB") && refusal.contains("workload-resource-definition"), "{refusal}");
    assert!(timed("documents", &"---\n".repeat(20_000)).unwrap_err().contains("more than 10000 documents"));
    assert!(timed("values", &format!("a: [{}]\n", ones(600_000))).unwrap_err().contains("more than 500000 values"));
    assert!(
        timed("json values", &format!("{{\"a\": [{}]}}", ones(600_000)))
            .unwrap_err()
            .contains("more than 500000 values")
    );
    assert!(timed("json objects", &"{}".repeat(20_000)).unwrap_err().contains("more than 10000 documents"));
    let maps = |map: &str| format!("{{\"a\": [{}1]}}", map.repeat(70_000));
    for map in ["{a: 1},", "{\"a\":1},", "{},"] {
        assert!(timed("maps", &maps(map)).unwrap_err().contains("where a mapping counts as 8"), "{map}");
    }
    let list = json!({"a": vec![json!({"a": 1}); 70_000]});
    assert!(read_value(list, &Budget::default()).unwrap_err().problem.contains("where a mapping counts as 8"));
    let list = json!({"a": vec![Value::Null; 600_000]});
    assert!(read_value(list, &Budget::default()).unwrap_err().problem.contains("more than 500000 values"));
    let error = timed("key", &format!("{{{}: 1, a: 1, a: 2}}", "k".repeat(1000))).unwrap_err();
    assert!(error.len() < 300, "{error}");
    let many: String =
        (0..1000).map(|n| format!("---\n{{apiVersion: v1, kind: ConfigMap, metadata: {{name: a{n}}}}}\n")).collect();
    assert_eq!(timed("objects", &many), Ok(1000));
}

#[test]
fn odd_texts_take_time_by_their_length() {
    let n = 100_000;
    let pieces = [
        "\n",
        " ",
        "\t",
        "#\n",
        "-",
        ":",
        "*",
        "&",
        "?",
        "!",
        "%",
        "|",
        ">",
        "'",
        "\"",
        "\\",
        ",",
        "\r",
        "\u{feff}",
        "é",
        "a ",
        "k\n",
        "a: ",
        "? \n",
        "- #\n",
        "\"a\" ",
        "a: b\n- c\n",
        "[a, b]: c\n",
        "%TAG !a! b\n",
        "--- |\n x\n",
        "...\n",
        "*a ",
        "&a ",
        "!!str ",
        "<<: ",
        "\u{feff}\n",
        "a: |\n  x\n\n\n",
        "'\n",
        "\"\\\n",
        "{a: b}\n",
        "\"a\": 1, ",
        "1_",
        "0",
        "9",
        "{\"a\":1}",
        "{}\n",
        "{\"a\":\"\\u0061\"} ",
    ];
    for piece in pieces {
        let count = n / piece.len();
        let whole = piece.repeat(count);
        let _ = timed(piece, &whole);
        for (before, after) in [
            ("a: ", ""),
            ("a: |\n ", ""),
            ("a: \"", "\""),
            ("a: '", "'\n"),
            ("a: [", "]"),
            ("{", "}"),
            ("a: &", " x"),
            ("- x\n", ""),
        ] {
            let _ = timed(&format!("{before}{piece}"), &format!("{before}{whole}{after}"));
        }
    }
    let anchors: String = (0..8000).map(|n| format!("- &a{n} *a{}\n", n / 2)).collect();
    let _ = timed("anchors of aliases", &anchors);
    let anchors: String = (0..8000).map(|n| format!("- &a{n} x\n- *a{}\n", n / 2)).collect();
    let _ = timed("anchors", &anchors);
    let names: String = (0..100).map(|n| format!("- &{}{n} x\n", "a".repeat(1000))).collect();
    let _ = timed("long anchors", &names);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_is_read_or_refused_in_time(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "a", "b: ", ": ", "\n", "\n  ", "\n    ", "- ", "? ", "[", "]", "{", "}", ", ", "\"", "'", "|\n", ">\n  x\n", "&a ", "*a", "<<: *a", "!!str ",
            "!!int ", "#c\n", "---\n", "...\n", "\t", "\r\n", "0755", "yes", "1e3", "\u{feff}", "é", "%", "\\", "apiVersion: v1\n", "kind: List\n",
            "items:\n", "metadata: {name: a}\n",
        ]), 0..60),
        repeat in 1usize..400,
    ) {
        let text = pieces.concat().repeat(repeat);
        if let Err(error) = timed("random", &text) {
            prop_assert!(error.len() < 500, "{}", error);
            prop_assert!(error.starts_with("document "), "{}", error);
        }
    }
}

/// Each is within the budget of a text, and all of them would take a gigabyte.
#[test]
fn texts_that_are_read_together_have_one_budget() {
    let dense = format!(
        "{{\"apiVersion\": \"v1\", \"kind\": \"A\", \"metadata\": {{\"name\": \"a\"}}, \"a\": [{}0]}}",
        "{\"\":0},".repeat(30_000)
    );
    let few = [&*dense; 2];
    assert_eq!(read_together(&few, &Budget::default()).unwrap_err().0, 1);
    assert!(read_together(&few[..1], &Budget::default()).is_ok());
    let documents = "---\n{apiVersion: v1, kind: A, metadata: {name: a}}\n".repeat(6000);
    let (index, error) = read_together(&[&*documents, "", &*documents], &Budget::default()).unwrap_err();
    assert!(index == 2 && error.problem.contains("more than 10000 documents"), "{error}");
    let (index, error) = read_together(&["", &" ".repeat(9 << 20)], &Budget::default()).unwrap_err();
    assert!(index == 0 && error.problem.contains("larger than 8 MiB"), "{error}");
    assert_eq!(read_together(&["a: [", "{}"], &Budget::default()).unwrap_err().0, 0);
}
