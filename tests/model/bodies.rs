//! Paths, names and bodies of the model's records.

use anyhow::{Result, bail};
use http::Method;
use serde_json::{Map, Value, json};

use crate::{
    draft::{How, Layer4},
    lane::Lane,
    sequence::Noun,
    world::{Handle, Hosts, Record},
};

impl Lane {
    /// PATCH where it can say it, PUT where something has to go back to its default.
    pub(crate) fn change(&self, handle: Handle, record: &Record) -> Result<(Method, Value)> {
        let (before, after) = (self.body(handle, &self.world.records[&handle])?, self.body(handle, record)?);
        let (Value::Object(before), Value::Object(after)) = (before, after) else { bail!("a body is no object") };
        if before.keys().any(|key| !after.contains_key(key)) {
            return Ok((Method::PUT, Value::Object(after)));
        }
        let changed: Map<_, _> =
            after.clone().into_iter().filter(|(key, value)| before.get(key) != Some(value)).collect();
        Ok((Method::PATCH, Value::Object(if changed.is_empty() { after } else { changed })))
    }

    pub(crate) fn path(&self, noun: Noun, handle: Handle) -> Result<String> {
        Ok(format!("/v0/{}/{}", plural(noun), self.id(handle)?))
    }

    pub(crate) fn name(&self, noun: Noun, handle: Handle) -> String {
        format!("{}-{}-{handle}", singular(noun), self.sequence)
    }

    pub(crate) fn body(&self, handle: Handle, record: &Record) -> Result<Value> {
        let name = self.name(record.noun(), handle);
        Ok(match record {
            Record::WorkloadDefinition { maps, odd } => {
                let maps = maps.iter().map(|(name, value)| causeway_testkit::config_map(name, &value.to_string()));
                let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{name: tcp, port: 80}, {name: udp, port: 80, protocol: UDP}]}\n";
                let odd = odd.map(|odd| self.odd_manifest(odd, handle));
                let all: Vec<String> = maps.chain(odd).chain([service.to_owned()]).collect();
                json!({"Name": name, "YAMLDocument": all.join("---\n")})
            }
            Record::Workload { definition, cluster } => json!({
                "Name": name, "WorkloadDefinitionID": self.id(*definition)?, "KubernetesRuntimeInstanceID": self.runtime(*cluster),
            }),
            Record::Domain { label, zone, publishing } => {
                let mut body = json!({
                    "Name": name, "Domain": format!("{label}.{}", self.domain), "Zone": zone.word(),
                    "AdminEmail": "ops@model.example", "TTL": 1, "IssuerKind": "SelfSigned",
                });
                publishing.tell(&mut body);
                if let Some(id) = self.zones.id(*zone) {
                    body["HostedZoneID"] = json!(id);
                }
                body
            }
            Record::GatewayDefinition { domain, hosts, dedicated, http, layer4 } => {
                let mut body = json!({
                    "Name": name, "Placement": if *dedicated { "Dedicated" } else { "Shared" },
                    "HttpPorts": http.iter().map(|port| json!({
                        "Port": port.port, "Path": port.path, "TLSEnabled": port.how == How::Tls,
                        "HTTPSRedirect": port.how == How::Redirect,
                    })).collect::<Vec<_>>(),
                });
                for of in Layer4::ALL {
                    let ports = layer4.iter().filter(|(protocol, _)| protocol == of);
                    body[of.list()] = ports.map(|(_, port)| json!({"Port": port})).collect();
                }
                if let Some(domain) = domain {
                    body["DomainNameDefinitionID"] = json!(self.id(*domain)?);
                }
                match hosts {
                    Hosts::Sub(None) => {}
                    Hosts::Sub(Some(label)) => body["SubDomain"] = json!(label),
                    Hosts::List(list) => {
                        let hosts = list.iter().map(|host| format!("{host}.{}", self.domain));
                        body["Hostnames"] = json!(hosts.collect::<Vec<_>>());
                    }
                }
                body
            }
            Record::Gateway { definition, workload } => json!({
                "Name": name, "GatewayDefinitionID": self.id(*definition)?, "WorkloadInstanceID": self.id(*workload)?,
                "KubernetesRuntimeInstanceID": self.runtime_of(*workload)?,
            }),
            Record::Name { domain, workload, weight } => {
                let mut body = json!({
                    "Name": name, "DomainNameDefinitionID": self.id(*domain)?, "WorkloadInstanceID": self.id(*workload)?,
                    "KubernetesRuntimeInstanceID": self.runtime_of(*workload)?,
                });
                if let Some(weight) = weight {
                    body["Weight"] = json!(weight);
                }
                body
            }
        })
    }

    pub(crate) fn runtime(&self, cluster: u8) -> i64 {
        self.ways[usize::from(cluster)].runtime
    }

    pub(crate) fn runtime_of(&self, workload: Handle) -> Result<i64> {
        match self.world.records.get(&workload).or_else(|| self.world.leaving.get(&workload)) {
            Some(Record::Workload { cluster, .. }) => Ok(self.runtime(*cluster)),
            _ => bail!("record {workload} is no workload"),
        }
    }
}

pub(crate) fn plural(noun: Noun) -> &'static str {
    match noun {
        Noun::WorkloadDefinition => "workload-definitions",
        Noun::Workload => "workload-instances",
        Noun::Domain => "domain-name-definitions",
        Noun::GatewayDefinition => "gateway-definitions",
        Noun::Gateway => "gateway-instances",
        Noun::Name => "domain-name-instances",
    }
}

/// As in the label of an owner.
pub(crate) fn singular(noun: Noun) -> &'static str {
    plural(noun).trim_end_matches('s')
}
