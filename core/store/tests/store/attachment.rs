//! Shared gateways with listeners of their own: who attaches, where the claims are, and who is woken when somebody may no longer attach.

use crate::{
    fixture::{Fixture, patch, record},
    wake::until_waiting,
};
use causeway_records::{Kind, Record, certificate::SeenCertificate, inputs::ListenerUser, nouns::*, problem::Reason};
use causeway_store::{
    Confirmed, Result, StoreError,
    queue::{Key, Outcome},
};
use sqlx::{Connection, Executor, PgConnection, PgPool};

const PORT: &str = r#""HttpPorts":[{"Port":80}]"#;

impl Fixture {
    /// A shared gateway with a wildcard listener for HTTP, for workloads with the label `purpose=workloads`.
    async fn gateway(&self, name: &str) -> i64 {
        let json = format!(
            r#"{{"Name":"{name}","KubernetesRuntimeInstanceID":{},"Namespace":"ingress","AttachableBy":"Selector",
                "NamespaceSelector":{{"purpose":"workloads"}},
                "Listeners":[{{"Name":"http","Port":80,"Protocol":"HTTP","Hostname":"*.example.test"}}]}}"#,
            self.runtime
        );
        self.writer.create(record::<SharedGateway>(&json)).await.unwrap().id()
    }

    async fn label(&self, workload: i64) {
        let labels = patch::<WorkloadInstance>(r#"{"NamespaceLabels":{"purpose":"workloads"}}"#);
        self.writer.change(workload, labels).await.unwrap();
    }

    async fn attach(&self, name: &str, definition: i64, gateway: i64) -> Result<Record<GatewayInstance>> {
        let mut instance = self.instance_of(name, definition, self.workload);
        instance.spec.shared_gateway_id = Some(gateway);
        self.writer.create(instance).await
    }

    /// Lets a workload attach to a gateway.
    async fn grant(&self, name: &str, gateway: i64, workload: i64) -> Result<Record<GatewayGrant>> {
        let json = format!(r#"{{"Name":"{name}","SharedGatewayID":{gateway},"GrantedWorkloadInstanceID":{workload}}}"#);
        self.writer.create(record::<GatewayGrant>(&json)).await
    }

    /// Whether a grant lets an instance attach to its shared gateway, as its reconcile reads it.
    async fn is_granted(&self, instance: i64) -> bool {
        self.store.gateway_inputs(instance).await.unwrap().0.shared_gateway.unwrap().is_granted
    }

    async fn users(&self, gateway: i64) -> Vec<ListenerUser> {
        let inputs = self.store.shared_gateway_inputs(gateway).await.unwrap();
        inputs.listeners.into_iter().flat_map(|listener| listener.users).collect()
    }

    /// How often these records were woken.
    async fn wakes(&self, of: &[Key]) -> Vec<i64> {
        let mut all = vec![];
        for key in of {
            all.push(self.wake_seq(key).await);
        }
        all
    }
}

fn refused<T: std::fmt::Debug>(answer: Result<T>, reason: Reason) -> String {
    let error = answer.unwrap_err();
    assert!(matches!(error, StoreError::Conflict(_)), "{error}");
    assert_eq!(
        (error.reason(), error.details().first().map(|detail| detail.field.as_str())),
        match reason {
            Reason::NotAttachable => (reason, Some("SharedGatewayID")),
            _ => (reason, None),
        }
    );
    error.to_string()
}

#[sqlx::test(migrations = false)]
async fn an_instance_claims_on_the_gateway_that_it_names_and_makes_none(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let gateway = fixture.gateway("public").await;
    let services = fixture.store.list::<SupportServiceInstance>(&[], 10, 0).await.unwrap().0;
    assert_eq!(services.len(), 2, "the gateway has what it needs before anybody attaches");
    fixture.label(fixture.workload).await;
    let definition = fixture.definition("web", PORT).await;
    let before = fixture.wakes(&[Key { kind: Kind::SharedGateway, id: gateway }]).await;
    let instance = fixture.attach("web", definition, gateway).await.unwrap();
    assert_eq!(fixture.wakes(&[Key { kind: Kind::SharedGateway, id: gateway }]).await, [before[0] + 1]);
    let claims = fixture.store.claims_of_gateway_instance(instance.id()).await.unwrap();
    assert_eq!((claims.len(), claims[0].gateway_id, claims[0].hostname.as_str()), (1, gateway, "www.example.test"));
    let gateways = fixture.store.list::<SharedGateway>(&[], 10, 0).await.unwrap().0;
    assert_eq!(gateways.len(), 1, "no common one was needed");
    let listeners: i64 = sqlx::query_scalar("SELECT count(*) FROM gateway_listeners").fetch_one(&pool).await.unwrap();
    assert_eq!(listeners, 0, "its listeners are in its own record");
    let namespace = format!("shop-{}", fixture.workload);
    assert_eq!(fixture.users(gateway).await, [ListenerUser { gateway_instance_id: instance.id(), namespace }]);
    let inputs = fixture.store.gateway_inputs(instance.id()).await.unwrap().0;
    let carried = inputs.shared_gateway.unwrap();
    assert_eq!((carried.gateway.record.id(), carried.listener_sets.len()), (gateway, 0));
    let attached = fixture.store.attachments(gateway, 0, 10).await.unwrap();
    assert_eq!(attached.iter().map(|attached| attached.gateway_instance_id).collect::<Vec<_>>(), [instance.id()]);
    // The common gateway is another one, also of the same cluster and class.
    let other = fixture.definition("other", PORT).await;
    let other = fixture.instance("other", other).await.unwrap().id();
    assert_ne!(fixture.store.claims_of_gateway_instance(other).await.unwrap()[0].gateway_id, gateway);
}

#[sqlx::test(migrations = false)]
async fn a_claim_on_it_has_one_holder_and_needs_a_listener(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let gateway = fixture.gateway("public").await;
    fixture.label(fixture.workload).await;
    let first = fixture.definition("first", PORT).await;
    fixture.attach("first", first, gateway).await.unwrap();
    let second = fixture.definition("second", PORT).await;
    let taken = refused(fixture.attach("second", second, gateway).await, Reason::RouteTaken);
    assert!(taken.contains("www.example.test/ on HTTP port 80 is already held by gateway instance first"), "{taken}");
    let path = fixture.definition("path", r#""HttpPorts":[{"Port":80,"Path":"/api"}]"#).await;
    fixture.attach("path", path, gateway).await.unwrap();
    let elsewhere = fixture.definition("elsewhere", r#""HttpPorts":[{"Port":8080}]"#).await;
    let none = refused(fixture.attach("elsewhere", elsewhere, gateway).await, Reason::NotAttachable);
    assert!(
        none.contains("has no listener for HTTP port 8080 for www.example.test; it has http (HTTP port 80"),
        "{none}"
    );
    // A definition that changes under an attached instance needs one, too.
    let change = patch::<GatewayDefinition>(r#"{"HttpPorts":[{"Port":8080}]}"#);
    refused(fixture.writer.change(first, change).await, Reason::NotAttachable);
}

#[sqlx::test(migrations = false)]
async fn who_may_no_longer_attach_is_left_out_and_woken_and_keeps_its_claims(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let gateway = fixture.gateway("public").await;
    let definition = fixture.definition("web", PORT).await;
    let sentence = refused(fixture.attach("web", definition, gateway).await, Reason::NotAttachable);
    assert!(sentence.contains("workload instance shop") && sentence.contains("purpose=workloads"), "{sentence}");
    fixture.label(fixture.workload).await;
    let instance = fixture.attach("web", definition, gateway).await.unwrap().id();
    let both = [Key { kind: Kind::SharedGateway, id: gateway }, Key { kind: Kind::GatewayInstance, id: instance }];
    // A label is taken away.
    let (wakes, generations) = (fixture.wakes(&both).await, fixture.generations(&both).await);
    let other = patch::<WorkloadInstance>(r#"{"NamespaceLabels":{"purpose":"other"}}"#);
    fixture.writer.change(fixture.workload, other).await.unwrap();
    let woken = fixture.wakes(&both).await;
    assert!(woken[0] > wakes[0] && woken[1] > wakes[1], "{wakes:?} {woken:?}");
    assert!(fixture.generations(&both).await[1] > generations[1], "a person explains what its reconcile deletes");
    assert_eq!(fixture.users(gateway).await, [], "its namespace is shut out");
    let late = fixture.definition("late", PORT).await;
    fixture.label(fixture.workload).await;
    assert_eq!(fixture.users(gateway).await.len(), 1);
    refused(fixture.attach("late", late, gateway).await, Reason::RouteTaken);
    // The gateway lets in others.
    let change = patch::<SharedGateway>(r#"{"NamespaceSelector":{"purpose":"platform"}}"#);
    fixture.writer.change(gateway, change).await.unwrap();
    assert!(fixture.wakes(&both[1..]).await[0] > woken[1]);
    assert_eq!(fixture.users(gateway).await, []);
    // It may be changed all the same, and goes.
    fixture.writer.change(instance, patch::<GatewayInstance>(r#"{"Name":"renamed"}"#)).await.unwrap();
    let in_use = fixture.writer.delete::<SharedGateway>(gateway).await.unwrap_err();
    assert_eq!(in_use.reason(), Reason::InUse);
    assert!(in_use.to_string().ends_with("cannot be deleted: renamed"), "{in_use}");
    fixture.writer.delete::<GatewayInstance>(instance).await.unwrap();
    fixture.writer.delete::<SharedGateway>(gateway).await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn an_instance_moves_between_gateways_and_wakes_both(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (one, other) = (fixture.gateway("one").await, fixture.gateway("other").await);
    fixture.label(fixture.workload).await;
    let definition = fixture.definition("web", PORT).await;
    let instance = fixture.attach("web", definition, one).await.unwrap().id();
    let both = [one, other].map(|id| Key { kind: Kind::SharedGateway, id });
    let before = fixture.wakes(&both).await;
    let moved = move |record: &mut Record<GatewayInstance>| {
        record.spec.shared_gateway_id = Some(other);
        Ok(false)
    };
    fixture.writer.change(instance, moved).await.unwrap();
    let after = fixture.wakes(&both).await;
    assert!(after[0] > before[0] && after[1] > before[1], "{before:?} {after:?}");
    assert_eq!((fixture.users(one).await.len(), fixture.users(other).await.len()), (0, 1));
    let back = |record: &mut Record<GatewayInstance>| {
        record.spec.shared_gateway_id = None;
        Ok(false)
    };
    fixture.writer.change(instance, back).await.unwrap();
    let common = fixture.store.claims_of_gateway_instance(instance).await.unwrap()[0].gateway_id;
    assert!(common != one && common != other && fixture.users(other).await.is_empty());
}

#[sqlx::test(migrations = false)]
async fn a_grant_lets_one_workload_attach_until_it_is_taken_back(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let gateway = fixture.gateway("public").await;
    let definition = fixture.definition("web", PORT).await;
    let other = fixture.add_workload("other").await;
    fixture.grant("other", gateway, other).await.unwrap();
    let sentence = refused(fixture.attach("web", definition, gateway).await, Reason::NotAttachable);
    assert!(sentence.contains("ask an admin for a gateway grant"), "{sentence}");
    let grant = fixture.grant("shop", gateway, fixture.workload).await.unwrap().id();
    let instance = fixture.attach("web", definition, gateway).await.unwrap().id();
    assert!(fixture.is_granted(instance).await);
    assert_eq!(fixture.users(gateway).await.len(), 1);
    let both = [Key { kind: Kind::SharedGateway, id: gateway }, Key { kind: Kind::GatewayInstance, id: instance }];
    let before = fixture.generations(&both).await;
    fixture.writer.delete::<GatewayGrant>(grant).await.unwrap();
    let after = fixture.generations(&both).await;
    assert!(after[0] > before[0] && after[1] > before[1], "a person explains what both delete: {before:?} {after:?}");
    assert!(!fixture.is_granted(instance).await);
    assert_eq!(fixture.users(gateway).await, [], "its namespace is shut out");
    // Given again, both hear of it, too; and what the record itself lets needs no grant.
    let grant = fixture.grant("again", gateway, fixture.workload).await.unwrap().id();
    let again = fixture.generations(&both).await;
    assert!(again[0] > after[0] && again[1] > after[1], "{after:?} {again:?}");
    assert!(fixture.is_granted(instance).await && fixture.users(gateway).await.len() == 1);
    fixture.label(fixture.workload).await;
    fixture.writer.delete::<GatewayGrant>(grant).await.unwrap();
    assert_eq!(fixture.users(gateway).await.len(), 1);
    // Those that are left go along with the gateway.
    let live = || async { fixture.store.list::<GatewayGrant>(&[], 10, 0).await.unwrap().0.len() };
    assert_eq!(live().await, 1);
    fixture.writer.delete::<GatewayInstance>(instance).await.unwrap();
    assert_eq!(fixture.store.confirm_deleted(Kind::GatewayInstance, instance).await.unwrap(), Confirmed::Gone);
    fixture.writer.delete::<SharedGateway>(gateway).await.unwrap();
    assert_eq!(fixture.store.confirm_deleted(Kind::SharedGateway, gateway).await.unwrap(), Confirmed::Gone);
    assert_eq!(live().await, 0);
}

#[sqlx::test(migrations = false)]
async fn a_grant_is_for_a_gateway_with_listeners_of_the_workloads_cluster(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.definition("web", PORT).await;
    let instance = fixture.instance("web", definition).await.unwrap().id();
    let common = fixture.store.claims_of_gateway_instance(instance).await.unwrap()[0].gateway_id;
    let error = fixture.grant("common", common, fixture.workload).await.unwrap_err();
    let details = error.details();
    assert_eq!((error.reason(), details[0].field.as_str()), (Reason::InvalidField, "SharedGatewayID"));
    assert!(error.to_string().contains("there is nothing to grant"), "{error}");
}

/// Whoever takes a grant back finds the gateway instance that is just being attached by it.
#[sqlx::test(migrations = false)]
async fn a_grant_that_is_taken_back_meanwhile_waits_for_who_attaches_by_it_and_wakes_it(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let gateway = fixture.gateway("public").await;
    let definition = fixture.definition("web", PORT).await;
    let grant = fixture.grant("shop", gateway, fixture.workload).await.unwrap().id();
    let mut holder = PgConnection::connect_with(&pool.connect_options()).await.unwrap();
    let mut held = holder.begin().await.unwrap();
    // The creation stops where it is listed among the objects of its workload: it has found the grant, nothing is committed.
    held.execute("LOCK TABLE attached_object_references IN SHARE MODE").await.unwrap();
    let mut instance = fixture.instance_of("web", definition, fixture.workload);
    instance.spec.shared_gateway_id = Some(gateway);
    let writer = fixture.writer.clone();
    let creation = tokio::spawn(async move { writer.create(instance).await.unwrap().id() });
    until_waiting(&pool, 1).await;
    let writer = fixture.writer.clone();
    let deletion = tokio::spawn(async move { writer.delete::<GatewayGrant>(grant).await.unwrap() });
    until_waiting(&pool, 2).await;
    held.commit().await.unwrap();
    let instance = Key { kind: Kind::GatewayInstance, id: creation.await.unwrap() };
    deletion.await.unwrap();
    assert_eq!(fixture.generations(&[instance]).await, [2], "made once, woken once");
    assert!(!fixture.is_granted(instance.id).await && fixture.users(gateway).await.is_empty());
}

/// Nobody else would take them away: they would be told of, and warned of when they end, for ever.
#[sqlx::test(migrations = false)]
async fn certificates_of_its_listeners_go_with_it(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let id = fixture.gateway("public").await;
    let key = Key { kind: Kind::SharedGateway, id };
    let claimed = fixture.store.begin(&key, fixture.lease()).await.unwrap().unwrap();
    let seen = SeenCertificate {
        owner_kind: key.kind,
        owner_id: id,
        namespace: "ingress".into(),
        name: "public".into(),
        hostnames: vec!["*.example.test".into()],
        issuer: "example".into(),
        valid: true,
        message: None,
        not_after: Some(chrono::Utc::now()),
        renewal_time: None,
        failed_at: None,
    };
    let outcome = Outcome { certificates: Some(vec![seen]), ..Outcome::default() };
    fixture.store.complete(&claimed, &outcome, 1).await.unwrap();
    let ends = async || fixture.store.figures().await.unwrap().first_expiry;
    assert!(ends().await.is_some());
    fixture.writer.delete::<SharedGateway>(id).await.unwrap();
    assert_eq!(fixture.store.confirm_deleted(key.kind, id).await.unwrap(), Confirmed::Gone);
    assert_eq!(ends().await, None);
}

#[sqlx::test(migrations = false)]
async fn a_domain_signs_for_listeners_that_name_no_secret(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let signed = async |hostname: &str| {
        let json = format!(
            r#"{{"Name":"signed","KubernetesRuntimeInstanceID":{},"Namespace":"ingress","DomainNameDefinitionID":{},
                "Listeners":[{{"Name":"https","Port":443,"Protocol":"HTTPS","Hostname":"{hostname}"}}]}}"#,
            fixture.runtime, fixture.domain
        );
        fixture.writer.create(record::<SharedGateway>(&json)).await
    };
    let blamed = |error: StoreError| (error.reason(), error.details()[0].field.clone());
    let error = signed("*.other.test").await.unwrap_err();
    assert_eq!(blamed(error), (Reason::InvalidField, "Listeners[0].Hostname".into()));
    let gateway = signed("*.example.test").await.unwrap().id();
    let services = fixture.store.list::<SupportServiceInstance>(&[], 10, 0).await.unwrap().0;
    let services: Vec<_> = services.into_iter().map(|service| service.spec.service).collect();
    assert!(services.contains(&Service::CertManager) && services.len() == 3, "{services:?}");
    let inputs = fixture.store.shared_gateway_inputs(gateway).await.unwrap();
    assert_eq!(inputs.domains.iter().map(Record::id).collect::<Vec<_>>(), [fixture.domain]);
    // It hears of changes of the domain, and the domain stays as it is needed.
    let own = [Key { kind: Kind::SharedGateway, id: gateway }];
    let before = fixture.generations(&own).await;
    let change = patch::<DomainNameDefinition>(r#"{"AdminEmail":"others@example.test"}"#);
    fixture.writer.change(fixture.domain, change).await.unwrap();
    assert!(fixture.generations(&own).await[0] > before[0]);
    let elsewhere = patch::<DomainNameDefinition>(r#"{"Domain":"other.test"}"#);
    let error = fixture.writer.change(fixture.domain, elsewhere).await.unwrap_err();
    assert!(error.to_string().contains("of shared gateway signed: *.example.test is not below other.test"), "{error}");
    assert_eq!(blamed(error), (Reason::InvalidField, "Domain".into()));
    let by_http = patch::<DomainNameDefinition>(r#"{"AcmeChallenge":"HTTP01"}"#);
    let error = fixture.writer.change(fixture.domain, by_http).await.unwrap_err();
    assert_eq!(blamed(error), (Reason::InvalidField, "AcmeChallenge".into()));
    let in_use = fixture.writer.delete::<DomainNameDefinition>(fixture.domain).await.unwrap_err();
    assert_eq!(in_use.reason(), Reason::InUse);
}
