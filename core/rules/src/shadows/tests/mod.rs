mod wildcards;

use super::*;
use crate::requests::Demand;
use causeway_records::inputs::Protocol;
use proptest::{collection::btree_map, option, prelude::*, sample::select};

fn claim(hostname: &str, requests: &str) -> RouteClaim {
    let hostname = (!hostname.is_empty()).then(|| hostname.to_owned());
    let listener = ListenerKey { port: 80, protocol: Protocol::Http, hostname };
    RouteClaim {
        listener,
        requests: requests.into(),
        grpc: requests.contains("(gRPC)"),
        redirect: false,
        tls_secret: None,
    }
}

fn cart(claim: RouteClaim) -> (RouteClaim, ClaimHolder) {
    (claim, ClaimHolder { id: 7, name: "cart".into() })
}

/// What one claim loses to another of the same hostname.
fn lost(requests: &str, other: &str) -> Option<Taken> {
    let (own, others) = ([claim("a.test", requests)], [cart(claim("a.test", other))]);
    let found = shadows(Driver::EnvoyGateway, &own, &others);
    assert!(found.len() <= 1);
    found.first().map(|shadow| shadow.taken)
}

#[test]
fn the_more_specific_match_takes_requests_and_loses_none() {
    for (general, specific) in [
        ("/", "/cart"),
        ("/cart", "/cart/pay"),
        ("/", "/ exactly"),
        ("/cart", "/cart/pay exactly"),
        ("/cart", "/cart, method GET"),
        ("/cart", "/cart, header x = \"1\""),
        ("/cart", "/cart, query parameter q = \"1\""),
        ("/cart, query parameter q = \"1\"", "/cart, header x = \"1\""),
        ("/cart, header x = \"1\", query parameter q = \"1\"", "/cart, header y = \"1\", header z = \"2\""),
        ("/ (gRPC)", "/shop.Cart/* (gRPC)"),
        ("/shop.Cart/* (gRPC)", "/shop.Cart/Pay (gRPC)"),
        ("/*/Pay (gRPC)", "/shop.Cart/Pay (gRPC)"),
    ] {
        assert_eq!(lost(general, specific), Some(Taken::Some), "{general} beside {specific}");
        assert_eq!(lost(specific, general), None, "{specific} beside {general}");
    }
}

#[test]
fn matches_that_never_meet_take_nothing() {
    for (one, other) in [
        ("/cart", "/cartoon"),
        ("/cart exactly", "/cart/ exactly"),
        ("/, method GET", "/cart, method PUT"),
        ("/, header x = \"1\"", "/cart, header x = \"2\""),
        ("/a.B/C (gRPC)", "/a.B/D (gRPC)"),
        ("/cart", "/ matching \"/shop/.*\""),
    ] {
        assert_eq!((lost(one, other), lost(other, one)), (None, None), "{one} beside {other}");
    }
}

#[test]
fn what_depends_on_age_or_on_expressions_is_said_so() {
    for (one, other) in [
        ("/, header x = \"1\"", "/, header y = \"1\""),
        ("/, method GET", "/, header x = \"1\""),
        ("/, header x = \"1\"", "/, header x matching \"[0-9]\""),
        ("/shop.Cart/* (gRPC)", "/*/Pay (gRPC)"),
        ("/ matching \"a.*\"/* (gRPC)", "/a.B/C (gRPC)"),
    ] {
        let both = (lost(one, other), lost(other, one));
        assert_eq!(both, (Some(Taken::Perhaps), Some(Taken::Perhaps)), "{one} beside {other}");
    }
    assert_eq!(lost("/cart", "/ matching \"/ca?rt\""), Some(Taken::Perhaps));
    assert_eq!(lost("/ matching \"/ca?rt\"", "/cart"), None, "the expression comes first");
}

#[test]
fn an_expression_for_everything_leaves_nothing_to_prefixes() {
    for all in [".*", "/.*", "^/.*$"] {
        let all = format!("/ matching \"{all}\"");
        assert_eq!(lost("/cart", &all), Some(Taken::All));
        assert_eq!(lost("/cart exactly", &all), None);
        assert_eq!(lost("/cart, method GET", &format!("{all}, method GET")), Some(Taken::All));
        assert_eq!(lost("/cart", &format!("{all}, method GET")), Some(Taken::Some));
    }
}

#[test]
fn claims_of_other_listeners_and_two_redirects_are_apart() {
    let apart = |own: RouteClaim, other: RouteClaim| shadows(Driver::EnvoyGateway, &[own], &[cart(other)]).is_empty();
    assert!(apart(claim("a.test", "/"), claim("b.test", "/cart")));
    assert!(apart(claim("", "/"), claim("b.test", "/cart")), "without a hostname it is what nobody else asks for");
    let redirect = |path: &str| RouteClaim { redirect: true, ..claim("a.test", path) };
    assert!(apart(redirect("/"), redirect("/cart")), "they say the same");
    assert!(!apart(redirect("/"), claim("a.test", "/cart")));
    let tcp = |port| RouteClaim {
        listener: ListenerKey { port, protocol: Protocol::Tcp, hostname: None },
        requests: String::new(),
        grpc: false,
        redirect: false,
        tls_secret: None,
    };
    assert!(apart(tcp(1), tcp(1)), "such a claim is refused, not shadowed");
}

#[test]
fn warnings_name_the_other_and_are_few() {
    let own = [claim("a.test", "/"), claim("a.test", "/cart")];
    let others = [cart(claim("a.test", "/cart exactly")), cart(claim("a.test", "/ matching \".*\", method GET"))];
    assert_eq!(
        warnings(Driver::EnvoyGateway, &own, &others),
        [
            "of a.test/ on HTTP port 80, what is for /cart exactly goes to gateway instance cart",
            "of a.test/ on HTTP port 80, what is for / matching \".*\", method GET goes to gateway instance cart",
            "of a.test/cart on HTTP port 80, what is for /cart exactly goes to gateway instance cart",
            "of a.test/cart on HTTP port 80, what is for / matching \".*\", method GET goes to gateway instance cart",
        ]
    );
    let all = [cart(claim("a.test", "/ matching \".*\""))];
    let worst = &warnings(Driver::EnvoyGateway, &own, &all)[0];
    assert_eq!(
        worst,
        "nothing of a.test/ on HTTP port 80 arrives: all of it is for / matching \".*\" too and goes to gateway instance cart"
    );
    let many: Vec<_> = (0..30).map(|n| cart(claim("a.test", &format!("/cart/{n}")))).collect();
    let told = warnings(Driver::EnvoyGateway, &own, &many);
    assert_eq!((told.len(), told[8].as_str()), (9, "and 52 more matches of others that take requests"));
    // What is lost with a hostname comes before what is lost of one.
    let own = [claim("*.a.test", "/"), claim("*.a.test", "/b")];
    let others = [cart(claim("*.a.test", "/cart")), cart(claim("x.a.test", "/"))];
    assert_eq!(
        warnings(Driver::EnvoyGateway, &own, &others),
        [
            "of *.a.test on HTTP port 80, everything for x.a.test goes to gateway instance cart, also what that doesn't answer",
            "of *.a.test/ on HTTP port 80, what is for /cart goes to gateway instance cart",
        ]
    );
}

#[test]
fn losers_are_those_who_lose() {
    let of = |id: i64, requests: &str| (claim("a.test", requests), ClaimHolder { id, name: format!("g{id}") });
    let others = [of(1, "/"), of(2, "/cart"), of(2, "/"), of(3, "/cart/pay exactly"), of(4, "/shop")];
    let found = losers(Driver::EnvoyGateway, &[claim("a.test", "/cart/pay")], &others);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn the_number_of_comparisons_is_bounded() {
    let many: Vec<_> = (0..2000).map(|n| claim("a.test", &format!("/{n}"))).collect();
    let others: Vec<_> = many
        .iter()
        .map(|claim| cart(RouteClaim { requests: format!("{}/x", claim.requests), ..claim.clone() }))
        .collect();
    let found = shadows(Driver::EnvoyGateway, &many, &others).len();
    assert!((1..=COMPARED / 2000).contains(&found), "{found}");
}

/// A request, as far as matches look at it.
#[derive(Debug)]
struct Request {
    path: &'static str,
    method: &'static str,
    headers: BTreeMap<&'static str, &'static str>,
    query: BTreeMap<&'static str, &'static str>,
}

/// The expressions of these tests are texts with `.*` at their end.
fn described(expression: &str, text: &str) -> bool {
    expression.strip_suffix(".*").map_or(text == expression, |start| text.starts_with(start))
}

/// Written apart from the rule: what a proxy does.
fn is_for(requests: &Requests, request: &Request) -> bool {
    let path = match &requests.path {
        PathDemand::Exact(path) => path == request.path,
        PathDemand::Prefix(prefix) => {
            format!("{}/", request.path).starts_with(&format!("{}/", prefix.trim_end_matches('/')))
        }
        PathDemand::Regular(expression) => described(expression, request.path),
        PathDemand::Call { .. } => false,
    };
    let has = |demands: &BTreeMap<String, Demand>, values: &BTreeMap<&str, &str>| {
        demands.iter().all(|(name, demand)| match values.get(name.as_str()) {
            Some(value) if demand.regular => described(&demand.value, value),
            Some(value) => demand.value == *value,
            None => false,
        })
    };
    let method = requests.method.as_ref().is_none_or(|method| method == request.method);
    path && method && has(&requests.headers, &request.headers) && has(&requests.query, &request.query)
}

/// The place of a match in the order of Gateway API, and in that of Envoy Gateway.
fn places(requests: &Requests) -> [[usize; 5]; 2] {
    let (kind, length) = match &requests.path {
        PathDemand::Exact(path) => (2, path.len()),
        PathDemand::Regular(path) => (1, path.len()),
        PathDemand::Prefix(path) => (0, path.len()),
        PathDemand::Call { .. } => (0, 0),
    };
    let (method, headers, query) =
        (usize::from(requests.method.is_some()), requests.headers.len(), requests.query.len());
    [[kind, length, method, headers, query], [kind, length, method + headers, query, 0]]
}

/// Every request that tells matches of these tests apart.
fn all_requests() -> Vec<Request> {
    let values = |name: &'static str| {
        [None, Some("1"), Some("2")]
            .map(|value| value.map(|value| (name, value)).into_iter().collect::<BTreeMap<_, _>>())
    };
    let mut all = vec![];
    for path in ["/", "/a", "/a/", "/a/b", "/ab", "/b", "/c/d"] {
        for method in ["GET", "PUT", "PROPFIND"] {
            for (x, y) in values("x").iter().flat_map(|x| values("y").map(|y| (x.clone(), y))) {
                let headers: BTreeMap<_, _> = x.into_iter().chain(y).collect();
                all.extend(values("x").map(|query| Request { path, method, headers: headers.clone(), query }));
            }
        }
    }
    all
}

fn some_requests() -> impl Strategy<Value = Requests> {
    let path = prop_oneof![
        select(vec!["/", "/a", "/a/", "/a/b"]).prop_map(|path| PathDemand::Exact(path.into())),
        select(vec!["/", "/a", "/a/b", "/b"]).prop_map(|path| PathDemand::Prefix(path.into())),
        select(vec![".*", "/.*", "/a.*", "/a/.*", "/b"]).prop_map(|path| PathDemand::Regular(path.into())),
    ];
    let demands = |names| {
        let value = select(vec![("1", false), ("2", false), ("1", true), (".*", true)]);
        let demand = value.prop_map(|(value, regular)| Demand { value: value.into(), regular });
        btree_map(names, demand, 0..3)
    };
    let method = option::of(select(vec!["GET", "PUT"]));
    (path, method, demands("[xy]"), demands("x")).prop_map(|(path, method, headers, query)| Requests {
        path,
        method: method.map(str::to_owned),
        headers,
        query,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_said_is_what_becomes_of_requests(own in some_requests(), other in some_requests()) {
        let said = lost(&own.to_string(), &other.to_string());
        let [ours, theirs] = [places(&own), places(&other)];
        let (first, last) = (theirs[0] > ours[0] && theirs[1] > ours[1], theirs[0] < ours[0] && theirs[1] < ours[1]);
        let (mut loses, mut keeps) = (false, false);
        for request in all_requests().iter().filter(|request| is_for(&own, request)) {
            let meets = is_for(&other, request);
            loses |= meets && first;
            keeps |= !(meets && first);
            prop_assert!(said.is_some() || !meets || last, "nothing is said, and {request:?} may go to the other");
        }
        match said {
            Some(Taken::All) => prop_assert!(!keeps, "a request reaches what is said to get none"),
            Some(Taken::Some) => prop_assert!(loses, "no request goes to the other"),
            Some(Taken::Perhaps) => prop_assert!(!last, "the other never comes first"),
            None => prop_assert!(!loses),
        }
    }
}
