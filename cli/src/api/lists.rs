//! Lists: of records of a kind, and of records of all kinds in a line each.

use causeway_records::{
    Kind,
    patterns::{is_wildcard, nearest},
};
use http::Method;
use serde_json::Value;
use std::collections::BTreeMap;

use super::{Api, Fields, id, name, query};
use crate::{
    exit::Exit,
    failure::{Failure, Outcome},
};

/// Records of a page.
const PAGE: usize = 500;

/// A page of a list.
pub(crate) struct Listed {
    pub(crate) records: Vec<Fields>,
    /// How many there are on all pages.
    pub(crate) total: u64,
    next_after: Option<i64>,
}

impl Api {
    /// One page of the records that all filters select.
    pub(crate) async fn page(&self, kind: Kind, filters: &[(&str, &str)], size: usize) -> Outcome<Listed> {
        self.listed(&format!("/v0/{}", kind.info().plural), filters, &[("size", size.to_string())]).await
    }

    /// All records that all filters select, by ascending id.
    pub(crate) async fn list(&self, kind: Kind, filters: &[(&str, &str)]) -> Outcome<Vec<Fields>> {
        self.whole(&format!("/v0/{}", kind.info().plural), filters, None).await
    }

    /// All records that all filters select, in an order of the kind beside that by id: the name of the field that it goes by.
    pub(crate) async fn in_order(&self, kind: Kind, filters: &[(&str, &str)], order: &str) -> Outcome<Vec<Fields>> {
        let filters = [filters, &[("order", order)][..]].concat();
        self.whole(&format!("/v0/{}", kind.info().plural), &filters, Some(order)).await
    }

    /// The last records that all filters select, the newest first.
    pub(crate) async fn newest(&self, kind: Kind, filters: &[(&str, &str)], count: usize) -> Outcome<Vec<Fields>> {
        let (path, mut all, mut before) = (format!("/v0/{}", kind.info().plural), vec![], 0);
        while all.len() < count {
            let size = PAGE.min(count - all.len());
            let place = [("size", size.to_string()), ("before", before.to_string())];
            let page = self.listed(&path, filters, &place).await?;
            let Some(last) = page.records.last() else { break };
            before = id(last);
            all.extend(page.records);
        }
        Ok(all)
    }

    /// Records of all kinds in a line each that a search finds.
    pub(crate) async fn found(&self, wanted: &[(&str, &str)]) -> Outcome<Vec<Fields>> {
        self.whole("/v0/search", wanted, None).await
    }

    /// Records of all kinds in a line each that something blocks, the longest first.
    pub(crate) async fn blocked(&self, filters: &[(&str, &str)]) -> Outcome<Vec<Fields>> {
        self.whole("/v0/blocked-records", filters, Some("BlockingSince")).await
    }

    /// Every cluster with its worker and how much of its work is due.
    pub(crate) async fn clusters(&self) -> Outcome<Vec<Fields>> {
        self.whole("/v0/cluster-states", &[], None).await
    }

    /// All pages of a list. It goes on behind the id of the last record; in an order by time, also behind its time: the field of that name.
    async fn whole(&self, path: &str, filters: &[(&str, &str)], time: Option<&str>) -> Outcome<Vec<Fields>> {
        let mut all = vec![];
        let mut place = if time.is_none() { vec![("after", "0".to_owned())] } else { vec![] };
        loop {
            place.push(("size", PAGE.to_string()));
            let page = self.listed(path, filters, &place).await?;
            let last = page.records.last();
            let next = page.next_after.or_else(|| last.filter(|_| page.records.len() == PAGE).map(id));
            let since = time.and_then(|time| Some(("aftertime", last?.get(time)?.as_str()?.to_owned())));
            all.extend(page.records);
            let Some(next) = next else { return Ok(all) };
            place = [("after", next.to_string())].into_iter().chain(since).collect();
        }
    }

    /// The ids of the gateway instances that answer to a hostname, in each cluster those that have it, or else those that have the nearest wildcard above it.
    ///
    /// # Errors
    /// None does.
    pub(crate) async fn answering(&self, host: &str) -> Outcome<Vec<i64>> {
        let found = self.found(&[("q", host), ("kind", Kind::GatewayInstance.as_str())]).await?;
        let answering = answering(&found, host);
        if answering.is_empty() {
            let sentence = format!("no gateway instance answers to {host}");
            return Err(Failure::not_found(sentence).next("causeway get gateway-definitions -o wide"));
        }
        Ok(answering)
    }

    /// The names of records by their ids; those that are gone or may not be read are left out.
    pub(crate) async fn names(&self, kind: Kind, ids: &[i64]) -> Outcome<BTreeMap<i64, String>> {
        let mut names = BTreeMap::new();
        // A few are read one by one, many by pages.
        if ids.len() > 8 {
            let all = self.list(kind, &[]).await?;
            names.extend(all.iter().map(|record| (id(record), name(record).to_owned())));
            return Ok(names);
        }
        for one in ids {
            match self.by_id(kind, *one).await {
                Ok(found) => {
                    names.insert(*one, name(&found.record).to_owned());
                }
                Err(failure) if failure.exit == Exit::NotFound => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(names)
    }

    pub(super) async fn listed(
        &self,
        path: &str,
        filters: &[(&str, &str)],
        place: &[(&str, String)],
    ) -> Outcome<Listed> {
        let pairs = filters.iter().copied().chain(place.iter().map(|(key, value)| (*key, value.as_str())));
        let (envelope, _) = self.call(Method::GET, &format!("{path}?{}", query(pairs)), None, vec![]).await?;
        let (total, next_after) = (envelope.meta.total_count, envelope.meta.next_after);
        Ok(Listed { records: envelope.data.unwrap_or_default(), total, next_after })
    }
}

/// Of gateway instances that a search finds those that answer to a hostname. It also finds what has the text as a part of its name, or of a longer hostname.
fn answering(found: &[Fields], host: &str) -> Vec<i64> {
    let serving = |record: &Fields| {
        let hostnames = record.get("Hostnames").and_then(Value::as_array)?;
        nearest(hostnames.iter().filter_map(Value::as_str), host).map(|serving| (!is_wildcard(serving), serving.len()))
    };
    let cluster = |record: &Fields| record.get("KubernetesRuntimeInstanceID").and_then(Value::as_i64);
    let mut first = BTreeMap::new();
    for record in found {
        if let Some(serving) = serving(record) {
            let best = first.entry(cluster(record)).or_insert(serving);
            *best = serving.max(*best);
        }
    }
    let answers = |record: &&Fields| serving(record).is_some_and(|own| first.get(&cluster(record)) == Some(&own));
    found.iter().filter(answers).map(id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn in_each_cluster_the_most_specific_hostname_answers() {
        let found = json!([
            {"ID": 1, "KubernetesRuntimeInstanceID": 7, "Hostnames": ["*.example.org", "other.example.org"]},
            {"ID": 2, "KubernetesRuntimeInstanceID": 7, "Hostnames": ["shop.example.org"]},
            {"ID": 3, "KubernetesRuntimeInstanceID": 7, "Hostnames": ["shop.example.org", "*.org"]},
            {"ID": 4, "KubernetesRuntimeInstanceID": 8, "Hostnames": ["*.example.org"]},
            {"ID": 5, "KubernetesRuntimeInstanceID": 8, "Name": "shop.example.org"},
            {"ID": 6, "KubernetesRuntimeInstanceID": 8, "Hostnames": ["eu.shop.example.org"]},
        ]);
        let found: Vec<Fields> = serde_json::from_value(found).unwrap();
        assert_eq!(answering(&found, "shop.example.org"), [2, 3, 4]);
        assert_eq!(answering(&found, "cart.example.org"), [1, 4]);
        assert_eq!(answering(&found, "*.example.org"), [1, 4]);
        assert_eq!(answering(&found, "example.net"), [0; 0]);
    }
}
