//! Postgres behind PgBouncer.

use causeway_rig::{Endpoints, PgBouncer, PoolMode};
use causeway_testkit::{ControlPlane, INSTALLED, SOON, Setup, add_runtime, add_workload_of, config_map};

const SENTENCE: &str = "set pool_mode = session for this database";

/// A pooler in front of the rig's Postgres.
async fn pooler(endpoints: &Endpoints, mode: PoolMode) -> PgBouncer {
    let dir = endpoints.run_dir.join(format!("pgbouncer-{mode:?}"));
    PgBouncer::start(&dir, &endpoints.run_dir.join("logs"), &endpoints.postgres.url, mode).await.unwrap()
}

/// A control plane whose programs reach their database through it.
fn through(pooler: &PgBouncer, setup: Setup) -> Setup {
    let environment = vec![("DATABASE_URL".to_owned(), pooler.url(&setup.name))];
    Setup { environment, ..setup }
}

#[tokio::test]
async fn behind_a_pooler_that_gives_each_connection_a_session_everything_works() {
    let endpoints = Endpoints::from_env().unwrap();
    let pooler = pooler(&endpoints, PoolMode::Session).await;
    let platform = ControlPlane::start(&endpoints, through(&pooler, Setup::for_test("pooled"))).await.unwrap();
    let client = platform.client();
    let runtime = add_runtime(&client, &endpoints.clusters[1], "pooled").await.unwrap();
    let workload = add_workload_of(&client, runtime, "pooled", &config_map("settings", "1")).await.unwrap();
    client.until_ready("workload-instances", workload, SOON).await.unwrap();
    client.delete_and_wait("workload-instances", workload, INSTALLED).await.unwrap();
    platform.stop().await;
    pooler.stop().await;
}

/// What a program of a control plane has printed.
fn printed(endpoints: &Endpoints, program: &str) -> String {
    std::fs::read_to_string(endpoints.run_dir.join(format!("logs/{program}.log"))).unwrap()
}

#[tokio::test]
async fn a_pooler_that_shares_sessions_is_refused_at_the_start() {
    let endpoints = Endpoints::from_env().unwrap();
    for mode in [PoolMode::Transaction, PoolMode::Statement] {
        let pooler = pooler(&endpoints, mode).await;
        let setup = Setup { workers: 0, ..Setup::for_test("shared") };
        let name = setup.name.clone();
        let started = ControlPlane::start(&endpoints, through(&pooler, setup)).await;
        assert!(started.is_err(), "{mode:?}: the API starts");
        let printed_by_api = printed(&endpoints, &format!("{name}-api"));
        assert!(printed_by_api.contains(SENTENCE), "{mode:?}: {printed_by_api}");

        let setup = Setup { workers: 0, ..Setup::for_test("shared_worker") };
        let (name, database) = (setup.name.clone(), pooler.url(&setup.name));
        let mut platform = ControlPlane::start(&endpoints, setup).await.unwrap();
        let started = platform.add_worker_with(&[("DATABASE_URL".to_owned(), database)]).await;
        assert!(started.is_err(), "{mode:?}: the worker starts");
        let printed_by_worker = printed(&endpoints, &format!("{name}-worker-1"));
        assert!(printed_by_worker.contains(SENTENCE), "{mode:?}: {printed_by_worker}");
        platform.stop().await;
        pooler.stop().await;
    }
}
