//! The API document, from the same tables as everything else, and a page to read and try it. Nothing is fetched from another host.

use crate::auth::access::{Access, Routes};
use axum::Json;
use causeway_records::{
    field::{Field, Info, Shape, Table, columns},
    nouns,
    record::Common,
    scalar::Hints,
    status::Status,
    value::Type,
};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HttpMethod, InfoBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, PathItem,
    Paths, Ref, RefOr, Required, ResponseBuilder, Schema, SchemaFormat,
    path::{OperationBuilder, ParameterBuilder, ParameterIn},
    request_body::RequestBodyBuilder,
    schema::{AllOfBuilder, ArrayBuilder, SchemaType, Type as JsonType},
};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// The document and the page: open to everybody, for they say nothing about this installation, and a browser can't send a token with a page.
pub fn routes() -> Routes {
    let page = SwaggerUi::new("/swagger").config(Config::from("/openapi.json"));
    Routes::default().get("/openapi.json", Access::Open, || async { Json(document()) }).pages(
        page,
        &["/swagger", "/swagger/", "/swagger/{*rest}"],
        Access::Open,
    )
}

/// The document as it is committed: pretty, with a final newline.
pub fn text() -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(&document())? + "\n")
}

/// The document.
pub fn document() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Causeway")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "A control plane for ingress across Kubernetes clusters, in Threeport's v0 wire format. Definitions say what, instances say where; workers make the clusters match and report in `Conditions`.",
        ))
        .build();
    let mut document = OpenApiBuilder::new().info(info).paths(Paths::new()).build();
    let mut components =
        ComponentsBuilder::new().schema("Meta", meta()).schema("Status", status()).schema("Error", error());
    for info in nouns::ALL {
        let spec = format!("{}Spec", info.kind);
        components = components
            .schema(&spec, object(info.fields.iter(), false).description(Some(info.doc)).build())
            .schema(info.kind, record(info, &spec))
            .schema(format!("{}Answer", info.kind), answer(info));
        add_paths(&mut document.paths, info, &spec);
    }
    document.components = Some(components.build());
    document
}

fn add_paths(paths: &mut Paths, info: &'static Info, spec: &str) {
    let filters: &[Field] = if info.reconciled { Status::FIELDS } else { &[] };
    let asked = [("page", "Which page, from 1."), ("size", "Records on a page, 50 unless said otherwise; -1: all.")];
    let number = || ObjectBuilder::new().schema_type(JsonType::Integer).format(Some(format("int64"))).build();
    let mut list = operation(info, "list", "200");
    for (name, doc) in asked {
        list = list.parameter(query(name, doc, number().into()));
    }
    for field in columns(info.fields).chain(filters.iter()).filter(|field| field.filterable) {
        list = list.parameter(query(&field.json.to_lowercase(), field.doc, schema(field)));
    }
    let body =
        || RequestBodyBuilder::new().content("application/json", of(spec)).required(Some(Required::True)).build();
    let create = operation(info, "create", "201").request_body(Some(body()));
    let mut all = PathItem::new(HttpMethod::Get, list.build());
    all.post = Some(refusals(create, &["400", "409", "413", "415", "503"]).build());
    paths.paths.insert(format!("/v0/{}", info.plural), all);

    let id = || {
        let id = ParameterBuilder::new().name("id").parameter_in(ParameterIn::Path).required(Required::True);
        id.schema(Some(number())).build()
    };
    let one = |verb: &str| operation(info, verb, "200").parameter(id());
    let mut item = PathItem::new(HttpMethod::Get, refusals(one("get"), &["400", "404", "503"]).build());
    let write = &["400", "404", "409", "412", "413", "415", "503"];
    item.patch = Some(refusals(one("patch").parameter(if_match()).request_body(Some(body())), write).build());
    item.put = Some(refusals(one("replace").parameter(if_match()).request_body(Some(body())), write).build());
    item.delete = Some(refusals(one("delete").parameter(if_match()), &["400", "404", "409", "412", "503"]).build());
    paths.paths.insert(format!("/v0/{}/{{id}}", info.plural), item);
}

fn operation(info: &Info, verb: &str, code: &str) -> OperationBuilder {
    let answer = of(&format!("{}Answer", info.kind));
    let response = ResponseBuilder::new().description("done").content("application/json", answer).build();
    OperationBuilder::new().tag(info.kind).operation_id(Some(format!("{verb}{}", info.kind))).response(code, response)
}

fn refusals(operation: OperationBuilder, codes: &[&str]) -> OperationBuilder {
    codes.iter().fold(operation, |operation, code| {
        let doc = match *code {
            "400" => "the request is wrong; the sentence names the field and the remedy",
            "404" => "no live record has this id",
            "409" => "somebody else holds what this asks for; the sentence names the holder",
            "412" => "the record has another ETag than If-Match names",
            "413" => "the body is larger than this server takes",
            "415" => "the body isn't JSON",
            _ => "the database can't be reached right now",
        };
        operation
            .response(*code, ResponseBuilder::new().description(doc).content("application/json", of("Error")).build())
    })
}

fn if_match() -> utoipa::openapi::path::Parameter {
    ParameterBuilder::new()
        .name("If-Match")
        .parameter_in(ParameterIn::Header)
        .description(Some("The `ETag` of the answer that the change is based on. Left out: whatever is stored."))
        .schema(Some(ObjectBuilder::new().schema_type(JsonType::String).build()))
        .build()
}

fn query(name: &str, doc: &str, schema: RefOr<Schema>) -> utoipa::openapi::path::Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .description(Some(doc))
        .schema(Some(schema))
        .build()
}

fn of(schema: &str) -> utoipa::openapi::content::Content {
    ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build()
}

fn record(info: &Info, spec: &str) -> Schema {
    let parts = AllOfBuilder::new().item(object(Common::FIELDS.iter(), true).build()).item(Ref::from_schema_name(spec));
    if info.reconciled {
        parts.item(object(Status::FIELDS.iter(), false).build()).build().into()
    } else {
        parts.build().into()
    }
}

fn answer(info: &Info) -> Schema {
    envelope(ArrayBuilder::new().items(Ref::from_schema_name(info.kind)).build().into())
}

fn error() -> Schema {
    envelope(ObjectBuilder::new().schema_type(JsonType::Null).build().into())
}

fn envelope(data: RefOr<Schema>) -> Schema {
    let text = || ObjectBuilder::new().schema_type(JsonType::String).build();
    let parts = ObjectBuilder::new()
        .property("Meta", Ref::from_schema_name("Meta"))
        .property("Type", text())
        .property("Data", data)
        .property("Status", Ref::from_schema_name("Status"));
    ["Meta", "Type", "Data", "Status"].iter().fold(parts, |parts, name| parts.required(*name)).build().into()
}

fn meta() -> Schema {
    let number = || ObjectBuilder::new().schema_type(JsonType::Integer).build();
    let names = ["Page", "Size", "TotalCount"];
    names.iter().fold(ObjectBuilder::new(), |meta, name| meta.property(*name, number()).required(*name)).build().into()
}

fn status() -> Schema {
    ObjectBuilder::new()
        .property("code", ObjectBuilder::new().schema_type(JsonType::Integer).build())
        .property("message", ObjectBuilder::new().schema_type(JsonType::String).build())
        .property(
            "error",
            ObjectBuilder::new()
                .schema_type(JsonType::String)
                .description(Some("What went wrong; empty: nothing."))
                .build(),
        )
        .build()
        .into()
}

fn object<'a>(fields: impl Iterator<Item = &'a Field>, set_by_us: bool) -> ObjectBuilder {
    fields.fold(ObjectBuilder::new(), |object, field| {
        let mut schema = schema(field);
        if let RefOr::T(Schema::Object(one)) = &mut schema
            && (set_by_us || field.read_only)
        {
            one.read_only = Some(true);
        }
        let object = object.property(field.json, schema);
        if field.required { object.required(field.json) } else { object }
    })
}

fn schema(field: &Field) -> RefOr<Schema> {
    match field.shape {
        Shape::Children { kind } => ArrayBuilder::new()
            .items(Ref::from_schema_name(format!("{kind}Spec")))
            .description(Some(field.doc))
            .build()
            .into(),
        Shape::Column { ty: Type::Json, hints, .. } if hints.schema.is_some() => {
            let any = ObjectBuilder::new().schema_type(SchemaType::AnyValue).build();
            ArrayBuilder::new().items(any).description(Some(field.doc)).build().into()
        }
        Shape::Column { ty, hints, .. } => column(field, ty, &hints),
    }
}

fn column(field: &Field, ty: Type, hints: &Hints) -> RefOr<Schema> {
    let json_type = match ty {
        Type::Bool => SchemaType::Type(JsonType::Boolean),
        Type::Int4 | Type::Int8 => SchemaType::Type(JsonType::Integer),
        Type::Text | Type::Time => SchemaType::Type(JsonType::String),
        Type::Json => SchemaType::AnyValue,
    };
    let mut object = ObjectBuilder::new()
        .schema_type(json_type)
        .description(Some(field.doc))
        .format(hints.format.map(format))
        .pattern(hints.pattern)
        .minimum(hints.minimum)
        .maximum(hints.maximum)
        .max_length(hints.max_length);
    if !hints.choices.is_empty() {
        object = object.enum_values(Some(hints.choices.iter().copied()));
    }
    object.build().into()
}

fn format(name: &str) -> SchemaFormat {
    SchemaFormat::Custom(name.to_owned())
}
