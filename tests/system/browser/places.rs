//! Pages of other control planes than that of the rig's cluster: for those who sign in, and lists of different lengths.

use causeway_rig::Endpoints;
use causeway_testkit::{ControlPlane, Setup, unique_name};
use serde_json::{Value, json};

use super::rows::filled;

/// Gateway instances of the long lists, unless `CAUSEWAY_ROWS` says otherwise: three pages.
const ROWS: usize = 120;
/// Lines of a page of a list.
const PAGE: usize = 50;

/// A control plane with nothing on record, which asks for tokens.
pub(super) struct SignedIn {
    pub(super) platform: ControlPlane,
    viewer: String,
    admin: String,
}

impl SignedIn {
    pub(super) async fn start(endpoints: &Endpoints) -> Self {
        let api_arguments = ["--auth", "tokens"].map(str::to_owned).to_vec();
        let setup = Setup { workers: 0, api_arguments, ..Setup::for_test("browser_tokens") };
        let platform = ControlPlane::start(endpoints, setup).await.unwrap();
        let (viewer, admin) = (token(&platform, "viewer").await, token(&platform, "admin").await);
        Self { platform, viewer, admin }
    }

    /// Signing in, and what a viewer is refused.
    pub(super) fn places(&self) -> Vec<Value> {
        let url = self.platform.url();
        vec![
            json!({"name": "sign-in", "url": url, "path": "/ui/login"}),
            json!({"name": "sign-in-again", "url": url, "path": "/ui/login?next=%2Fui&refused=true"}),
            json!({"name": "refused-role", "url": url, "path": "/ui/audit", "status": 403, "token": self.viewer}),
            json!({"name": "viewer", "url": url, "path": "/ui/kubernetes-runtime-instances", "token": self.viewer}),
        ]
    }
}

async fn token(platform: &ControlPlane, role: &str) -> String {
    let made = platform.run_api(&["token", "create", "--name", &unique_name(role), "--role", role]).await.unwrap();
    assert!(made.status.success(), "{made:?}");
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

/// The lists of pages with nothing, with one row, and with many, with what they run on.
pub(super) async fn lists(endpoints: &Endpoints, nothing: &SignedIn) -> (Vec<Value>, [ControlPlane; 2]) {
    let many = std::env::var("CAUSEWAY_ROWS").map_or(ROWS, |rows| rows.parse().expect("CAUSEWAY_ROWS is a number"));
    let (one, many) = (filled(endpoints, "browser_one", 1).await, filled(endpoints, "browser_many", many).await);
    let lists = [
        of("none", &nothing.platform, Some(&nothing.admin), 0, 0),
        of("one", &one, None, 1, 1),
        of("many", &many, None, PAGE, 1),
    ];
    (lists.concat(), [one, many])
}

/// The lists of one control plane. `gateways`: lines of the list of gateway instances; `others`: of all others whose lines are counted.
fn of(length: &str, platform: &ControlPlane, token: Option<&str>, gateways: usize, others: usize) -> Vec<Value> {
    let place = |name: &str, path: &str, rows: Option<usize>| {
        let name = format!("{length}-{name}");
        json!({"name": name, "url": platform.url(), "path": path, "token": token, "rows": rows})
    };
    let lists = ["domain-name-instances", "shared-gateways", "certificates", "support-services", "webhooks"];
    let mut places = vec![
        place("fleet", "/ui", None),
        place("gateways", "/ui/gateway-instances", Some(gateways)),
        place("events", "/ui/events", None),
        place("audit", "/ui/audit", None),
        place("search", "/ui/search?q=gateway", None),
    ];
    places.extend(lists.map(|list| place(list, &format!("/ui/{list}"), Some(others))));
    places
}
