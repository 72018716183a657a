//! The API document.
//!
//! It is made of the list of routes, which says what there is and who may use it, and of the nouns' tables, which say what records hold. A
//! route of every noun is described in [`nouns`], any other in [`others`]; a test fails for one that is described nowhere. The document is built
//! of utoipa's types; [`schema`] says where schemas come from.

mod attachments;
mod diagnosis;
mod envelope;
pub(crate) mod examples;
mod iam_policy;
mod import;
mod links;
mod manifests;
mod nouns;
mod operation;
mod others;
mod overview;
pub(crate) mod pages;
mod parameters;
mod plan;
mod prose;
mod responses;
pub(crate) mod schema;
mod schemas;
mod webhooks;

use self::schema::schema;
use crate::route::Route;
use serde_json::{Value, json};
use utoipa::openapi::{
    InfoBuilder, License, OpenApi, OpenApiBuilder, Paths, ServerBuilder, extensions::Extensions, schema::Components,
};

/// The document of an API with these routes.
pub(crate) fn document(routes: &[Route]) -> Value {
    json!(build(routes))
}

fn build(routes: &[Route]) -> OpenApi {
    let mut paths = Paths::new();
    for route in routes {
        if let Some(operation) = others::operation(routes, route)
            .or_else(|| overview::operation(route))
            .or_else(|| diagnosis::operation(route))
            .or_else(|| attachments::operation(route))
            .or_else(|| iam_policy::operation(route))
            .or_else(|| import::operation(route))
            .or_else(|| manifests::operation(route))
            .or_else(|| webhooks::operation(route))
            .or_else(|| nouns::operation(routes, route))
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
    components.schemas = schemas::all(routes)
        .into_iter()
        .chain(overview::schemas().map(|(name, json)| (name.to_owned(), json)))
        .chain(diagnosis::schemas().map(|(name, json)| (name.to_owned(), json)))
        .chain(attachments::schemas().map(|(name, json)| (name.to_owned(), json)))
        .chain(iam_policy::schemas().map(|(name, json)| (name.to_owned(), json)))
        .chain(import::schemas().map(|(name, json)| (name.to_owned(), json)))
        .chain(manifests::schemas().map(|(name, json)| (name.to_owned(), json)))
        .chain(plan::schemas().map(|(name, json)| (name.to_owned(), json)))
        .chain(others::schemas().map(|(name, json)| (name.to_owned(), json)))
        .map(|(name, json)| (name, schema(json)))
        .collect();
    components.parameters = parameters::shared();
    components.headers = responses::headers();
    components.responses = responses::refusals();
    components.security_schemes = operation::security_schemes();
    components
}
