//! What can be done with a new record: read, change and delete it, and make records that name it.

use super::schema::all_nouns;
use crate::route::Route;
use axum::http::Method;
use causeway_records::noun::Info;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::openapi::{RefOr, link::Link};

/// The id of a new record in the answer.
const NEW_ID: &str = "$response.body#/Data/0/ID";

/// Links of the answer to a POST.
pub(super) fn for_created(routes: &[Route], info: &Info) -> BTreeMap<String, RefOr<Link>> {
    let has = |method: &Method, path: &str| routes.iter().any(|route| route.method == method && route.path == path);
    let one = format!("/v0/{}/{{id}}", info.plural);
    let verbs = [(Method::GET, "get"), (Method::PATCH, "patch"), (Method::PUT, "replace"), (Method::DELETE, "delete")];
    let own = verbs.iter().filter(|(method, _)| has(method, &one)).map(|(_, verb)| {
        let operation = format!("{verb}{}", info.kind);
        (operation.clone(), Link::builder().operation_id(operation).parameter("id", NEW_ID).build().into())
    });
    let mut links: BTreeMap<String, RefOr<Link>> = own.collect();
    for child in all_nouns().filter(|child| has(&Method::POST, &format!("/v0/{}", child.plural))) {
        // It may name two records of one kind, and then the new one may be both.
        let fields = child.fields.iter().filter(|field| field.parent.is_some_and(|parent| parent.kind == info.kind));
        let fields: Vec<&str> = fields.map(|field| field.json).collect();
        let Some(first) = fields.first() else { continue };
        let (create, list) = (format!("create{}", child.kind), format!("list{}", child.kind));
        let query = format!("query.{}", first.to_lowercase());
        let body = fields.iter().map(|field| ((*field).to_owned(), json!(NEW_ID))).collect();
        let body = Some(Value::Object(body));
        links.insert(create.clone(), Link::builder().operation_id(create).request_body(body).build().into());
        links.insert(list.clone(), Link::builder().operation_id(list).parameter(query, NEW_ID).build().into());
    }
    links
}
