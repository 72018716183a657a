//! What the instances of a gateway definition claim, and where it is written: read once for all that follows from a write.

use super::instances::Instance;
use crate::{
    children,
    error::{Result, StoreError},
    json_row::JsonRow,
};
use causeway_records::{
    Record,
    nouns::{DomainNameDefinition, GatewayDefinition, Placement},
    problem::Refusal,
    text::ObjectName,
};
use causeway_rules::{
    accounts,
    claims::{RouteClaim, check_count, claims_of},
    driver::Driver,
    features::{self, Need},
    hostnames::hostnames_of,
    named_routes,
    wildcards::check_proofs,
};
use serde::Deserialize;
use sqlx::{PgConnection, types::Json};

/// A gateway definition with its ports and its domain.
pub(in super::super) struct Source {
    definition: Record<GatewayDefinition>,
    domain: Option<Record<DomainNameDefinition>>,
}

/// The answer of `read_gateway_definition`.
#[derive(Deserialize)]
struct SourceRead {
    definition: JsonRow,
    domain: Option<JsonRow>,
    ports: children::Rows,
}

impl Source {
    /// Reads it, shared until the transaction ends: who changes a part of it waits, and then finds the instances of this transaction, or has
    /// written what is read here.
    pub(in super::super) async fn read(connection: &mut PgConnection, definition: i64) -> Result<Self> {
        let read = sqlx::query_scalar!(r#"SELECT read_gateway_definition($1) AS "read: Json<SourceRead>""#, definition);
        let read = read.fetch_one(connection).await?;
        let SourceRead { definition, domain, ports } = read.ok_or(StoreError::NotFound)?.0;
        let mut definition: Record<GatewayDefinition> = definition.record()?;
        children::fill(&mut definition.spec, ports)?;
        Ok(Self { definition, domain: domain.map(JsonRow::record).transpose()? })
    }

    /// Refuses a port that is one too many.
    pub(in super::super) fn check_ports(&self) -> Result<()> {
        Ok(check_count(&self.definition.spec)?)
    }

    /// Refuses what takes several routes, if one of these instances names its one.
    pub(in super::super) fn check_named(&self, instances: &[Instance]) -> Result<()> {
        if !instances.iter().any(|instance| instance.names_route) {
            return Ok(());
        }
        let domain = self.domain.as_ref().map(|domain| &domain.spec.domain);
        let hostnames = hostnames_of(&self.definition.spec, domain)?;
        Ok(named_routes::check(&self.definition.spec, &hostnames)?)
    }

    /// What each of its instances claims.
    pub(in super::super) fn claims(&self) -> Result<Claims> {
        let (spec, domain) = (&self.definition.spec, self.domain.as_ref().map(|domain| &domain.spec));
        let routes = claims_of(spec, domain.map(|domain| &domain.domain))?;
        Ok(Claims {
            unsigned: domain.and_then(|domain| check_proofs(&routes, domain).err()),
            account: accounts::for_certificates(&routes, domain),
            driver: Driver::for_class(spec.gateway_class_name.as_ref().map(ObjectName::as_str)),
            class: spec.gateway_class_name.clone(),
            placement: spec.placement(),
            domain: spec.domain_name_definition_id,
            needs: features::of_definition(spec),
            routes,
        })
    }
}

/// What each instance of a gateway definition claims.
pub(in super::super) struct Claims {
    pub(in super::super) routes: Vec<RouteClaim>,
    /// Why nobody would sign for one of its hostnames.
    unsigned: Option<Refusal>,
    /// The features that it takes to carry them out.
    pub(in super::super) needs: Vec<Need>,
    /// The AWS account whose keys its certificates need in every cluster.
    pub(in super::super) account: Option<i64>,
    pub(in super::super) driver: Driver,
    pub(in super::super) class: Option<ObjectName>,
    pub(in super::super) placement: Placement,
    pub(super) domain: Option<i64>,
}

impl Claims {
    /// Refuses hostnames for which nobody would sign. It is for those whose certificates are ordered for the instances themselves.
    pub(in super::super) fn check_proofs(&self) -> Result<()> {
        match &self.unsigned {
            Some(refusal) => Err(refusal.clone().into()),
            None => Ok(()),
        }
    }
}
