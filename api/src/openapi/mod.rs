//! The API document, and a page to read and try it. Nothing is fetched from another host.
//!
//! It is made of the list of routes, which says what there is and who may use it, and of the nouns' tables, which say what records hold. A
//! route of every noun is described in [`nouns`], any other in [`others`]; a test fails for one that is described nowhere. The document is built
//! of utoipa's types; schemas are JSON Schema, as tables and Rust types are derived into it, see [`schema`].

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
use serde_json::{Value, json};
use std::sync::LazyLock;
use utoipa::openapi::{
    InfoBuilder, License, OpenApi, OpenApiBuilder, Paths, Ref, RefOr, Schema, ServerBuilder,
    extensions::Extensions,
    schema::{Components, ObjectBuilder, SchemaType},
};
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
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| json!(of(app::routes().list())));
    &DOCUMENT
}

/// The document of an API with these routes.
fn of(routes: &[Route]) -> OpenApi {
    let mut paths = Paths::new();
    for route in routes {
        if let Some(operation) = others::operation(routes, route).or_else(|| nouns::operation(routes, route))
            && let Some(method) = operation::method(&route.method)
        {
            paths.add_path_operation(&route.path, vec![method], operation.build(route.access));
        }
    }
    let mut license = License::new("Apache License 2.0");
    license.identifier = Some("Apache-2.0".into());
    let info = InfoBuilder::new()
        .title("Causeway")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(prose::INTRODUCTION))
        .license(Some(license))
        // A field of 3.1 that utoipa doesn't have.
        .extensions(Some(Extensions::from_iter([("summary", prose::SUMMARY)])));
    let mut document = OpenApiBuilder::new()
        .info(info)
        .servers(Some([ServerBuilder::new().url("/").description(Some("This server")).build()]))
        .tags(Some(prose::tags()))
        .paths(paths)
        .components(Some(components(routes)))
        .build();
    document.json_schema_dialect = Some("https://json-schema.org/draft/2020-12/schema".into());
    document
}

fn components(routes: &[Route]) -> Components {
    let mut components = Components::new();
    components.schemas = schemas::all(routes).into_iter().map(|(name, json)| (name, schema(json))).collect();
    components.parameters = parameters::shared();
    components.headers = responses::headers();
    components.responses = responses::refusals();
    components.security_schemes = operation::security_schemes();
    components
}

/// A schema in utoipa's type. Any JSON Schema may stand in a document of version 3.1, but the type has fields for some keywords only (none for
/// `const`, nor for `readOnly` of a list), so that all of them go into its open part.
fn schema(json: Value) -> RefOr<Schema> {
    let Value::Object(keywords) = json else { return Schema::default().into() };
    let open = Extensions::from_iter(keywords);
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).extensions(Some(open)).build().into()
}

/// Every noun: those for everybody, then those for admins.
fn all_nouns() -> impl Iterator<Item = &'static Info> {
    records::ALL.iter().chain(records::OWN).copied()
}

/// A schema among the components.
fn schema_of(name: &str) -> Value {
    json!(Ref::from_schema_name(name))
}

#[cfg(test)]
mod tests;
