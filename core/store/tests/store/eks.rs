//! Clusters of EKS: which account signs in there, and who hears of a change of it.

use crate::fixture::{Fixture, patch, record};
use causeway_records::{Kind, Record, nouns::*};
use causeway_store::{Result, StoreError, queue::Key};
use sqlx::PgPool;

const EKS: &str = r#"{"APIEndpoint":"https://10.0.0.1:443","EKSClusterName":"shop"}"#;

struct Eks {
    fixture: Fixture,
    definition: i64,
}

impl Eks {
    /// The fixture's runtime, of a definition for EKS that names the account `main`.
    async fn new(pool: &PgPool) -> Self {
        let fixture = Fixture::new(pool).await;
        let runtime = fixture.store.runtime(fixture.runtime).await.unwrap();
        let definition = runtime.spec.kubernetes_runtime_definition_id;
        let change = r#"{"InfraProvider":"eks","InfraProviderAccountName":"main"}"#;
        fixture.writer.change(definition, patch::<KubernetesRuntimeDefinition>(change)).await.unwrap();
        Self { fixture, definition }
    }

    async fn account(&self, name: &str) -> i64 {
        let account = format!(r#"{{"Name":"{name}","AccountID":"1","DefaultRegion":"x"}}"#);
        self.fixture.writer.create(record::<AwsAccount>(&account)).await.unwrap().id()
    }

    async fn allow(&self, account: i64, runtimes: Vec<i64>) {
        let change = move |account: &mut Record<AwsAccount>| {
            account.spec.kubernetes_runtime_instance_ids = Some(Ids(runtimes.clone()));
            Ok(false)
        };
        self.fixture.writer.change(account, change).await.unwrap();
    }

    async fn change(&self, json: &'static str) -> Result<Record<KubernetesRuntimeInstance>> {
        self.fixture.writer.change(self.fixture.runtime, patch(json)).await
    }

    async fn redefine(&self, json: &'static str) -> Result<Record<KubernetesRuntimeDefinition>> {
        self.fixture.writer.change(self.definition, patch(json)).await
    }

    async fn generation(&self) -> i64 {
        let key = Key { kind: Kind::KubernetesRuntimeInstance, id: self.fixture.runtime };
        self.fixture.generations(&[key]).await[0]
    }
}

fn refused<T: std::fmt::Debug>(field: &str, why: &str, result: Result<T>) {
    let StoreError::Invalid(refusal) = result.unwrap_err() else { panic!("it is another error") };
    assert!(refusal.details[0].field == field && refusal.sentence.contains(why), "{refusal}");
}

#[sqlx::test(migrations = false)]
async fn a_runtime_of_eks_has_an_account_that_lets_itself_be_used(pool: PgPool) {
    let eks = Eks::new(&pool).await;
    refused("EKSClusterName", "there is no aws account main", eks.change(EKS).await);
    let account = eks.account("main").await;
    refused("EKSClusterName", "an admin adds the runtime", eks.change(EKS).await);
    eks.allow(account, vec![eks.fixture.runtime + 1]).await;
    refused("EKSClusterName", "an admin adds the runtime", eks.change(EKS).await);
    eks.allow(account, vec![eks.fixture.runtime]).await;
    eks.change(EKS).await.unwrap();
    let access = eks.fixture.store.runtime_access(eks.fixture.runtime).await.unwrap();
    assert_eq!(access.runtime.spec.eks_cluster_name.as_deref(), Some("shop"));
    let signs = access.eks.unwrap();
    assert_eq!((signs.definition.id(), signs.account.unwrap().id()), (eks.definition, account));
    // A new one has no id that an account could name.
    let new = format!(
        r#"{{"Name":"new","Location":"Local","KubernetesRuntimeDefinitionID":{},"APIEndpoint":"https://10.0.0.2:443","EKSClusterName":"web"}}"#,
        eks.definition
    );
    let create = || eks.fixture.writer.create(record::<KubernetesRuntimeInstance>(&new));
    refused("EKSClusterName", "made without APIEndpoint first", create().await);
    let everywhere = patch::<AwsAccount>(r#"{"AllRuntimes":true}"#);
    eks.fixture.writer.change(account, everywhere).await.unwrap();
    create().await.unwrap();
    // The definition stays such that its runtimes can be reached.
    refused("InfraProvider", "is kind", eks.redefine(r#"{"InfraProvider":"kind"}"#).await);
    let other = r#"{"InfraProviderAccountName":"other"}"#;
    refused("InfraProviderAccountName", "there is no aws account other", eks.redefine(other).await);
    eks.account("other").await;
    refused("InfraProviderAccountName", "doesn't let itself be used", eks.redefine(other).await);
    eks.redefine(r#"{"NodeSize":"Large"}"#).await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn a_runtime_whose_account_is_taken_away_hears_of_it_and_can_still_be_changed(pool: PgPool) {
    let eks = Eks::new(&pool).await;
    let account = eks.account("main").await;
    eks.allow(account, vec![eks.fixture.runtime]).await;
    eks.change(EKS).await.unwrap();
    let mut last = eks.generation().await;
    let mut heard = async |what: &str| {
        let now = eks.generation().await;
        assert!(now > last, "it doesn't hear that {what}");
        last = now;
    };
    eks.allow(account, vec![]).await;
    heard("it isn't named any more").await;
    eks.change(r#"{"ForceDelete":true}"#).await.unwrap();
    heard("it was changed itself").await;
    refused("EKSClusterName", "an admin adds the runtime", eks.change(r#"{"EKSClusterName":"web"}"#).await);
    eks.fixture.writer.change(account, patch::<AwsAccount>(r#"{"Name":"renamed"}"#)).await.unwrap();
    heard("its account has another name").await;
    assert!(eks.fixture.store.runtime_access(eks.fixture.runtime).await.unwrap().eks.unwrap().account.is_none());
    let again = eks.account("main").await;
    heard("there is an account of the name again").await;
    eks.fixture.writer.delete::<AwsAccount>(again).await.unwrap();
    heard("that is gone").await;
    eks.account("beside").await;
    eks.redefine(r#"{"NodeSize":"Large"}"#).await.unwrap();
    heard("its definition has changed").await;
    let leave = |runtime: &mut Record<KubernetesRuntimeInstance>| {
        (runtime.spec.eks_cluster_name, runtime.spec.api_endpoint) = (None, None);
        Ok(false)
    };
    eks.fixture.writer.change(eks.fixture.runtime, leave).await.unwrap();
    heard("it was changed itself").await;
    eks.account("main").await;
    assert_eq!(eks.generation().await, last, "it has nothing to do with accounts any more");
}
