//! What a gateway can do, in `README.md`: every sample of `deploy/samples` that brings a gateway, in its own first sentence.

use std::{collections::BTreeSet, fmt::Write, fs, path::Path};

use crate::pages::root;

const PAGE: &str = "README.md";
const FOLDER: &str = "deploy/samples";
/// Where the list begins and ends in the page.
const BOUNDS: [&str; 2] = ["<!-- ANCHOR: samples -->\n", "<!-- ANCHOR_END: samples -->\n"];

/// What the user guides of Gateway API are about, in their order, with the sample of each; then what they have no guide for.
const SAMPLES: [(&str, &str); 31] = [
    ("One Service", "shop-without-domain.yaml"),
    ("HTTP by hostname and path", "routes/simple.yaml"),
    ("HTTP by header, query and method", "routes/matches.yaml"),
    ("Redirects and rewrites", "routes/redirects.yaml"),
    ("Headers changed", "routes/headers.yaml"),
    ("Traffic splitting", "routes/splitting.yaml"),
    ("Mirroring", "routes/mirroring.yaml"),
    ("Timeouts", "routes/timeouts.yaml"),
    ("CORS", "routes/cors.yaml"),
    ("Backend protocol", "routes/backend-protocol.yaml"),
    ("gRPC", "routes/grpc.yaml"),
    ("TCP and UDP", "gateways/tcp-and-udp.yaml"),
    ("HTTPS", "shop-on-causeway.yaml"),
    ("TLS that ends at the gateway", "tls/terminate.yaml"),
    ("TLS by hostname", "tls/passthrough.yaml"),
    ("Services of other namespaces", "grants/two-teams.yaml"),
    ("Gateways for several namespaces", "shared-gateways/teams.yaml"),
    ("Certificates of clients", "shared-gateways/clients.yaml"),
    ("ListenerSets", "gateways/listeners.yaml"),
    ("Labels for infrastructure", "gateways/infrastructure.yaml"),
    ("From Ingress", "routes/from-ingress.yaml"),
    ("From Gloo", "routes/from-gloo.yaml"),
    ("Wildcards", "routes/tenants.yaml"),
    ("One certificate for many hostnames", "certificates/wildcard.yaml"),
    ("Certificates of your own", "certificates/brought.yaml"),
    ("An account at an authority", "certificates/own-account.yaml"),
    ("Another controller", "classes/traefik.yaml"),
    ("Several clusters", "clusters/weighted.yaml"),
    ("What an authority refuses", "refused.yaml"),
    ("Import: Gateways, routes, Ingress", "import/shop.yaml"),
    ("Import: Gloo", "import/gloo.yaml"),
];

/// The first sentence of the remark at a file's top.
fn first_sentence(text: &str) -> String {
    let remark: Vec<_> = text.lines().map_while(|line| line.strip_prefix("# ")).collect();
    let remark = remark.join(" ");
    remark.split_once(". ").map_or(remark.as_str(), |(first, _)| first).trim_end_matches('.').to_owned()
}

fn list() -> String {
    let mut list = "| | Sample | |\n|---|---|---|\n".to_owned();
    for (title, file) in SAMPLES {
        let sentence = first_sentence(&fs::read_to_string(root().join(FOLDER).join(file)).unwrap());
        assert!(!sentence.is_empty(), "{file} begins with a remark that says what it is");
        writeln!(list, "| {title} | [{}]({FOLDER}/{file}) | {sentence} |", file.trim_end_matches(".yaml")).unwrap();
    }
    list
}

/// Files below a folder, by their paths from there.
fn files(folder: &Path, prefix: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let named = entries.map(|entry| (entry.path(), format!("{prefix}{}", entry.file_name().to_str().unwrap())));
    named
        .flat_map(|(path, name)| match path.is_dir() {
            true => files(&path, &format!("{name}/")),
            false => BTreeSet::from([name]),
        })
        .collect()
}

#[test]
fn the_list_of_samples_has_their_own_words() {
    let page = fs::read_to_string(root().join(PAGE)).unwrap();
    let (before, rest) = page.split_once(BOUNDS[0]).unwrap();
    let (_, after) = rest.split_once(BOUNDS[1]).unwrap();
    let wanted = [before, BOUNDS[0], &list(), BOUNDS[1], after].concat();
    if std::env::var_os("WRITE_REFERENCE").is_some() {
        fs::write(root().join(PAGE), &wanted).unwrap();
    }
    assert!(fs::read_to_string(root().join(PAGE)).unwrap() == wanted, "{PAGE} is old: run make reference");
}

/// Manifests that a sample names belong to it.
#[test]
fn every_sample_is_listed() {
    let folder = root().join(FOLDER);
    let all = files(&folder, "");
    let read = |file: &String| fs::read_to_string(folder.join(file)).unwrap();
    let (manifests, documents): (BTreeSet<_>, BTreeSet<_>) =
        all.into_iter().partition(|file| read(file).contains("\napiVersion:") && !file.starts_with("import/"));
    let named = |manifest: &String| {
        let name = Path::new(manifest).file_name().unwrap().to_str().unwrap().to_owned();
        documents.iter().any(|file| read(file).contains(&name))
    };
    assert!(manifests.iter().all(named), "{manifests:?} are named by samples");
    let listed: BTreeSet<_> = SAMPLES.iter().map(|(_, file)| (*file).to_owned()).collect();
    let missing: Vec<_> = documents.difference(&listed).collect();
    assert!(missing.is_empty(), "these are missing in SAMPLES: {missing:?}");
    assert_eq!(listed.len(), SAMPLES.len(), "each once");
}

#[test]
fn a_sentence_ends_with_its_point() {
    for (text, sentence) in [
        ("# One. Two.\nA: b\n", "One"),
        (
            "# One hostname on\n# two clusters: docs/x.md\n# has them. More\nA: b\n",
            "One hostname on two clusters: docs/x.md has them",
        ),
        ("# All of it\nA: b\n# more\n", "All of it"),
        ("A: b\n", ""),
    ] {
        assert_eq!(first_sentence(text), sentence);
    }
}
