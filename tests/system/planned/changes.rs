//! Changes at random.

use hyper::Method;
use rand::{RngExt, seq::IndexedRandom};
use serde_json::{Value, json};

use super::World;
use causeway_testkit::config_map;

/// A write: method, path and body.
pub(super) type Write = (Method, String, Value);

impl World {
    /// Some change of something.
    pub(super) fn change(&mut self) -> Write {
        match self.random.random_range(0..13) {
            0..8 => self.definition(),
            8 => patch("domain-name-definitions", self.fixture.domain, json!({"TTL": self.random.random_range(1..4)})),
            9 => self.second(),
            10 => self.names(),
            11 => self.workload(),
            _ => self.grant(),
        }
    }

    fn definition(&mut self) -> Write {
        let host = |sub: &str| format!("{sub}.{}", self.fixture.hostname());
        let random = &mut self.random;
        let body = match random.random_range(0..8) {
            0 => json!({"HttpPorts": [{"Port": 80, "HTTPSRedirect": true}, {"Port": 443, "TLSEnabled": true}]}),
            1 => {
                let path = *["/", "/a", "/b", "/a/b"].choose(random).unwrap();
                json!({"HttpPorts": [{"Port": 80, "Path": path}, {"Port": 8080}]})
            }
            2 => json!({"SubDomain": *["one", "two", "three"].choose(random).unwrap()}),
            3 => {
                let names = ["x", "y", "z", "*"].iter().filter(|_| random.random_bool(0.6)).map(|sub| host(sub));
                let names: Vec<_> = names.collect();
                json!({"Hostnames": if names.is_empty() { vec![host("w")] } else { names }})
            }
            // Sometimes the one that the second gateway has.
            4 => json!({"TcpPorts": [{"Port": 21_939 + random.random_range(0..3), "ServicePort": 80}]}),
            5 => {
                let mode = *["Terminate", "Passthrough"].choose(random).unwrap();
                json!({"TcpPorts": [{"Port": 21_945, "TLSEnabled": true, "TLSMode": mode, "ServicePort": 80}]})
            }
            6 => {
                let timeout = format!("{}s", random.random_range(1..9));
                let mut backend = json!({"name": "web", "port": 80});
                // Another team's Service needs a ReferenceGrant.
                if random.random_bool(0.5) {
                    backend["namespace"] = json!(self.other);
                }
                let rule = json!({"matches": [{"path": {"value": "/r"}}], "timeouts": {"request": timeout}, "backendRefs": [backend]});
                json!({"HttpRoutes": [{"Rules": [rule]}]})
            }
            _ => {
                let rule =
                    json!({"matches": [{"method": {"service": "a.B"}}], "backendRefs": [{"name": "web", "port": 80}]});
                json!({"GrpcRoutes": [{"Rules": [rule], "Hostnames": [host("grpc")]}], "Hostnames": [host("grpc"), host("x")]})
            }
        };
        patch("gateway-definitions", self.fixture.definition, body)
    }

    /// The second gateway comes, or goes.
    fn second(&mut self) -> Write {
        let fixture = &self.fixture;
        let body = fixture.harness.instance(&format!("{}-second", fixture.name), self.second.0, fixture.workload);
        comes_or_goes("gateway-instances", self.second.1, body)
    }

    /// The hostnames are published, or not.
    fn names(&mut self) -> Write {
        let fixture = &self.fixture;
        let body = json!({
            "Name": fixture.name, "KubernetesRuntimeInstanceID": fixture.harness.runtime,
            "DomainNameDefinitionID": fixture.domain, "WorkloadInstanceID": fixture.workload,
        });
        comes_or_goes("domain-name-instances", self.names, body)
    }

    fn workload(&mut self) -> Write {
        let maps = ["one", "two", "three"].iter().filter(|_| self.random.random_bool(0.6)).copied().collect::<Vec<_>>();
        let value = self.random.random_range(0..3).to_string();
        let maps: String = maps.into_iter().map(|name| format!("---\n{}", config_map(name, &value))).collect();
        patch(
            "workload-definitions",
            self.workload_definition,
            json!({"YAMLDocument": format!("{}\n{maps}", self.manifests)}),
        )
    }

    fn grant(&mut self) -> Write {
        let names = if self.random.random_bool(0.5) { json!(["web"]) } else { json!(["web", "other"]) };
        patch("gateway-grants", self.grant, json!({"ServiceNames": names}))
    }
}

fn patch(plural: &str, id: i64, body: Value) -> Write {
    (Method::PATCH, format!("/v0/{plural}/{id}"), body)
}

fn comes_or_goes(plural: &str, id: Option<i64>, body: Value) -> Write {
    match id {
        Some(id) => (Method::DELETE, format!("/v0/{plural}/{id}"), Value::Null),
        None => (Method::POST, format!("/v0/{plural}"), body),
    }
}
