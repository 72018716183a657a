//! Rules of routes at random: most as people write them, some with a value that can't be, some damaged afterwards. A seed always means the same rules.

use causeway_gateway_api::RouteKind;
use serde_json::{Map, Value, json};

/// Rules of a kind.
pub(super) fn rules(kind: RouteKind, seed: u64) -> Value {
    let mut dice = Dice(seed);
    // Most have few faults, so that each of them matters.
    let rules = dice.below(3) + usize::from(!dice.one_in(20));
    let mut rules: Value = (0..rules).map(|_| rule(kind, &mut dice)).collect();
    if dice.one_in(4) {
        damage(&mut rules, &mut dice);
    }
    // A cluster takes no rules at all for one that matches everything; to the API they are required.
    if rules.is_null() { json!("none") } else { rules }
}

struct Dice(u64);

impl Dice {
    /// splitmix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most as u64).unwrap()
    }
    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }
    fn pick(&mut self, values: &[&str]) -> String {
        values[self.below(values.len())].to_owned()
    }
    /// One of the good values, and sometimes a bad one.
    fn text(&mut self, good: &[&str], bad: &[&str]) -> Value {
        if self.one_in(40) { self.pick(bad).into() } else { self.pick(good).into() }
    }
    fn number(&mut self, good: &[i64], bad: &[i64]) -> Value {
        let from = if self.one_in(40) { bad } else { good };
        from[self.below(from.len())].into()
    }
    /// Sets a field, one time in so many.
    fn maybe(&mut self, map: &mut Map<String, Value>, key: &str, one_in: usize, make: impl FnOnce(&mut Self) -> Value) {
        if self.one_in(one_in) {
            let value = if self.one_in(80) { Value::Null } else { make(self) };
            map.insert(key.to_owned(), value);
        }
    }
    fn list(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> Value) -> Value {
        let length = if self.one_in(60) { 17 } else { self.below(most + 1) };
        (0..length).map(|_| make(self)).collect()
    }
}

fn rule(kind: RouteKind, dice: &mut Dice) -> Value {
    let mut rule = Map::new();
    dice.maybe(&mut rule, "name", 5, |dice| dice.text(&["a", "a.b-c"], &["A", "", "a..b"]));
    dice.maybe(&mut rule, "matches", 2, |dice| {
        dice.list(2, |dice| match kind {
            RouteKind::Http => http_match(dice),
            RouteKind::Grpc => grpc_match(dice),
        })
    });
    dice.maybe(&mut rule, "filters", 2, |dice| dice.list(2, |dice| filter(kind, dice)));
    dice.maybe(&mut rule, "backendRefs", 2, |dice| dice.list(2, |dice| backend(kind, dice)));
    if kind == RouteKind::Http {
        dice.maybe(&mut rule, "timeouts", 6, timeouts);
    }
    Value::Object(rule)
}

fn http_match(dice: &mut Dice) -> Value {
    let mut found = Map::new();
    dice.maybe(&mut found, "path", 2, |dice| {
        let mut path = Map::new();
        let kind = dice.text(&["Exact", "PathPrefix", "PathPrefix", "RegularExpression"], &["Prefix", "exact"]);
        let bad =
            ["", "a", "/a//b", "/./a", "/a/../b", "/a%2fb", "/a#b", "/a/..", "/a/.", "/ä", "/a b", "/%zz", "/a\"b"];
        dice.maybe(&mut path, "type", 2, |_| kind);
        let value = dice.text(&["/", "/a", "/a/b/", "/a.b~c", "/%41", "/a:b@c", "/.a"], &bad);
        dice.maybe(&mut path, "value", 2, |_| value);
        Value::Object(path)
    });
    dice.maybe(&mut found, "method", 4, |dice| dice.text(&["GET", "PATCH", "CONNECT"], &["get", "", "LIST"]));
    dice.maybe(&mut found, "headers", 3, |dice| dice.list(2, demand));
    dice.maybe(&mut found, "queryParams", 4, |dice| dice.list(2, demand));
    Value::Object(found)
}

fn grpc_match(dice: &mut Dice) -> Value {
    let mut found = Map::new();
    dice.maybe(&mut found, "method", 2, |dice| {
        let mut method = Map::new();
        dice.maybe(&mut method, "type", 3, |dice| dice.text(&["Exact", "RegularExpression"], &["Prefix"]));
        dice.maybe(&mut method, "service", 1, |dice| {
            dice.text(&["a.B", "Shop_1", ".a"], &["", "a/b", "1a", "a..b", "a-b"])
        });
        dice.maybe(&mut method, "method", 2, |dice| dice.text(&["Get", "_x1"], &["", "a.b", "1a", "a b"]));
        Value::Object(method)
    });
    dice.maybe(&mut found, "headers", 3, |dice| dice.list(2, demand));
    Value::Object(found)
}

/// On a header or a query parameter. Names come again now and then.
fn demand(dice: &mut Dice) -> Value {
    let mut demand = Map::new();
    demand.insert("name".into(), dice.text(&["a", "b", "x-c", "D", "e!f"], &["", "a b", "ä", "a:b"]));
    demand.insert("value".into(), dice.text(&["1", "two words", "^x$"], &[""]));
    dice.maybe(&mut demand, "type", 3, |dice| dice.text(&["Exact", "RegularExpression"], &["Prefix", ""]));
    Value::Object(demand)
}

fn filter(kind: RouteKind, dice: &mut Dice) -> Value {
    let common: &[(&str, &str)] = &[
        ("RequestHeaderModifier", "requestHeaderModifier"),
        ("ResponseHeaderModifier", "responseHeaderModifier"),
        ("RequestMirror", "requestMirror"),
        ("ExtensionRef", "extensionRef"),
    ];
    let http = [("RequestRedirect", "requestRedirect"), ("URLRewrite", "urlRewrite"), ("CORS", "cors")];
    let known: Vec<_> = common.iter().copied().chain(http.into_iter().filter(|_| kind == RouteKind::Http)).collect();
    let (name, key) = known[dice.below(known.len())];
    let mut filter = Map::new();
    filter.insert(
        "type".into(),
        if dice.one_in(40) { dice.pick(&["Nothing", "RequestMirror", "URLRewrite"]).into() } else { name.into() },
    );
    if !dice.one_in(40) {
        filter.insert(key.into(), settings(key, dice));
    }
    if dice.one_in(60) {
        filter.insert("requestMirror".into(), settings("requestMirror", dice));
    }
    Value::Object(filter)
}

fn settings(key: &str, dice: &mut Dice) -> Value {
    let mut map = Map::new();
    match key {
        "requestHeaderModifier" | "responseHeaderModifier" => {
            for list in ["set", "add"] {
                dice.maybe(&mut map, list, 2, |dice| {
                    dice.list(2, |dice| {
                        json!({"name": dice.text(&["a", "b", "C-d"], &["", "a b"]), "value": dice.text(&["1", "x y"], &[""])})
                    })
                });
            }
            dice.maybe(&mut map, "remove", 3, |dice| dice.list(2, |dice| dice.text(&["a", "b", "c"], &[""])));
        }
        "requestMirror" => {
            map.insert("backendRef".into(), reference(dice));
            dice.maybe(&mut map, "percent", 4, |dice| dice.number(&[0, 50, 100], &[-1, 101]));
            dice.maybe(&mut map, "fraction", 5, |dice| {
                let mut fraction = Map::new();
                fraction.insert("numerator".into(), dice.number(&[0, 1, 100], &[-1, 101, 1 << 31]));
                dice.maybe(&mut fraction, "denominator", 2, |dice| dice.number(&[100, 1000], &[0, 1 << 31]));
                Value::Object(fraction)
            });
        }
        "extensionRef" => {
            map.insert("group".into(), dice.text(&["a.example.org", ""], &["A", "a..b"]));
            map.insert("kind".into(), dice.text(&["Filter", "a-B"], &["", "1a"]));
            map.insert("name".into(), dice.text(&["x", "any thing"], &[""]));
        }
        "requestRedirect" | "urlRewrite" => {
            dice.maybe(&mut map, "hostname", 3, |dice| dice.text(&["a.test", "b"], &["*.a.test", "A.test", "", "a_b"]));
            dice.maybe(&mut map, "path", 2, |dice| {
                let mut path = Map::new();
                let full = dice.one_in(2);
                let (kind, key) = if full {
                    ("ReplaceFullPath", "replaceFullPath")
                } else {
                    ("ReplacePrefixMatch", "replacePrefixMatch")
                };
                path.insert("type".into(), if dice.one_in(30) { "ReplaceFullPath".into() } else { kind.into() });
                if !dice.one_in(30) {
                    path.insert(key.into(), dice.text(&["/", "/x", ""], &["no slash"]));
                }
                Value::Object(path)
            });
            if key == "requestRedirect" {
                dice.maybe(&mut map, "scheme", 3, |dice| dice.text(&["http", "https"], &["HTTP", "ftp"]));
                dice.maybe(&mut map, "port", 4, |dice| dice.number(&[80, 65_535], &[0, 65_536]));
                dice.maybe(&mut map, "statusCode", 3, |dice| dice.number(&[301, 302, 303, 307, 308], &[300, 304, 200]));
            }
        }
        _ => {
            let origins = ["https://a.test", "http://*.a.test:80", "*"];
            dice.maybe(&mut map, "allowOrigins", 2, |dice| {
                dice.list(2, |dice| dice.text(&origins, &["a.test", "https://", "*.test"]))
            });
            dice.maybe(&mut map, "allowMethods", 2, |dice| {
                dice.list(2, |dice| dice.text(&["GET", "PUT", "*"], &["get", ""]))
            });
            dice.maybe(&mut map, "allowHeaders", 2, |dice| {
                dice.list(2, |dice| dice.text(&["a", "x-b", "*"], &["", "a b"]))
            });
            dice.maybe(&mut map, "exposeHeaders", 3, |dice| {
                dice.list(2, |dice| dice.text(&["a", "x-b", "*"], &["", "a b"]))
            });
            dice.maybe(&mut map, "allowCredentials", 3, |dice| json!(dice.one_in(2)));
            dice.maybe(&mut map, "maxAge", 3, |dice| dice.number(&[1, 86_400], &[0, -1, 1 << 31]));
        }
    }
    Value::Object(map)
}

fn reference(dice: &mut Dice) -> Value {
    let mut backend = Map::new();
    backend.insert("name".into(), dice.text(&["web", "any thing"], &["", &"x".repeat(254)]));
    if !dice.one_in(30) {
        backend.insert("port".into(), dice.number(&[1, 80, 65_535], &[0, 65_536, -1]));
    }
    dice.maybe(&mut backend, "group", 8, |dice| dice.text(&["", "a.example.org"], &["A", "-a"]));
    dice.maybe(&mut backend, "kind", 8, |dice| dice.text(&["Service", "Other"], &["", "1a", "a b"]));
    dice.maybe(&mut backend, "namespace", 8, |dice| dice.text(&["there"], &["", "a.b", "A"]));
    Value::Object(backend)
}

fn backend(kind: RouteKind, dice: &mut Dice) -> Value {
    let mut backend = reference(dice);
    let map = backend.as_object_mut().unwrap();
    dice.maybe(map, "weight", 3, |dice| dice.number(&[0, 1, 1_000_000], &[-1, 1_000_001]));
    dice.maybe(map, "filters", 6, |dice| dice.list(2, |dice| filter(kind, dice)));
    backend
}

fn timeouts(dice: &mut Dice) -> Value {
    let mut timeouts = Map::new();
    for key in ["request", "backendRequest"] {
        let good = ["0s", "1s", "1500ms", "1m", "1h30m", "99999h"];
        dice.maybe(&mut timeouts, key, 2, |dice| dice.text(&good, &["", "1", "-1s", "1.5s", "100000s", "1d"]));
    }
    Value::Object(timeouts)
}

/// Somewhere in the rules a value becomes another, a field goes or comes, or an entry comes twice.
fn damage(rules: &mut Value, dice: &mut Dice) {
    let mut at = rules;
    loop {
        let length = match at {
            Value::Array(items) => items.len(),
            Value::Object(map) => map.len(),
            _ => 0,
        };
        if length == 0 || dice.one_in(4) {
            break;
        }
        let index = dice.below(length);
        at = match at {
            Value::Array(items) => &mut items[index],
            Value::Object(map) => map.values_mut().nth(index).unwrap(),
            _ => return,
        };
    }
    match (dice.below(4), &mut *at) {
        (0, Value::Object(map)) => drop(map.insert(dice.pick(&["colour", "Name", "retry"]), json!(1))),
        (1, Value::Object(map)) => {
            let key = map.keys().next().cloned();
            key.and_then(|key| map.remove(&key));
        }
        (0 | 1, Value::Array(items)) => items.extend(items.first().cloned()),
        _ => {
            *at = [json!("text"), json!(7), json!(true), Value::Null, json!([]), json!({}), json!(1.5)][dice.below(7)]
                .clone()
        }
    }
}
