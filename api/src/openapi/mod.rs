//! The API document, and a page to read and try it. Nothing is fetched from another host.
//!
//! It is made of the list of routes, which says what there is and who may use it, and of the nouns' tables, which say what records hold. A
//! route of every noun is described in [`nouns`], any other in [`others`]; a test fails for one that is described nowhere.

mod envelope;
mod examples;
mod links;
mod nouns;
mod operation;
mod others;
mod parameters;
mod prose;
mod responses;
mod schemas;

use crate::{
    app,
    auth::access::{Access, Route, Routes},
};
use axum::Json;
use causeway_records::{field::Info, nouns as records};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Where the page is. It shows the document, and is no part of it.
const PAGES: &[&str] = &["/swagger", "/swagger/", "/swagger/{*rest}"];

/// The document and the page: open to everybody, for they say nothing about this installation, and a browser can't send a token with a page.
pub fn routes() -> Routes {
    let page = SwaggerUi::new("/swagger").config(Config::from("/openapi.json"));
    Routes::default().get("/openapi.json", Access::Open, || async { Json(document()) }).pages(page, PAGES, Access::Open)
}

/// The document as it is committed: pretty, with a final newline.
pub fn text() -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(document())? + "\n")
}

/// The document.
pub fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| of(app::routes().list()));
    &DOCUMENT
}

/// The document of an API with these routes.
fn of(routes: &[Route]) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        if let Some(operation) = others::operation(routes, route).or_else(|| nouns::operation(routes, route)) {
            let path = paths.entry(&route.path).or_insert_with(|| json!({}));
            path[route.method.as_str().to_ascii_lowercase()] = operation.json(&route.access);
        }
    }
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Causeway",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "A control plane for ingress across Kubernetes clusters",
            "description": prose::INTRODUCTION,
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This server"}],
        "tags": prose::tags(),
        "paths": paths,
        "components": {
            "schemas": schemas::all(routes),
            "parameters": parameters::shared(),
            "headers": responses::headers(),
            "responses": responses::refusals(),
            "securitySchemes": operation::security_schemes(),
        },
    })
}

/// Every noun: those for everybody, then those for admins.
fn all_nouns() -> impl Iterator<Item = &'static Info> {
    records::ALL.iter().chain(records::OWN).copied()
}

/// A reference to a component.
fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}

#[cfg(test)]
mod tests;
