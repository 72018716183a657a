//! `causeway cluster`: registers a cluster, lists them, and asks what the workers may do in one.

mod check;
mod list;

use causeway_records::Kind;
use clap::{Args, Subcommand};
use kube::Client;
use serde_json::json;
use std::path::{Path, PathBuf};

use self::{check::Check, list::List};
use super::apply;
use crate::{
    api::Fields,
    args::Format,
    documents::{kubeconfig, plan::Mode, source, wanted::Wanted},
    exit::Exit,
    failure::{Failure, Outcome},
    kubernetes::{self, access::Account, rights},
    output::{data, print, say},
    session::Session,
    waiting::Patience,
};

/// The service account that is made where none is named.
const ACCOUNT: &str = "causeway/causeway-workers";

/// Register and list clusters.
#[derive(Debug, Subcommand)]
pub(crate) enum Cluster {
    /// Register a cluster: a runtime definition and a runtime instance of one name, with address and credentials from a kubeconfig.
    Add(Add),
    /// List the clusters, with their workers and how much of their work is due.
    List(List),
    /// Say which of the rights that workers need the credentials of a kubeconfig, or of a service account, lack in its cluster.
    Check(Check),
    /// Print the manifests of the service account that `cluster add --service-account` makes, for those who apply them by other means.
    Access(Access),
}

/// Whose manifests are printed.
#[derive(Args, Debug)]
pub(crate) struct Access {
    /// The service account.
    #[arg(long, value_name = "NAMESPACE/NAME", default_value = ACCOUNT)]
    service_account: Account,
    /// A ClusterRole that is there already, in place of one that lists what workers need.
    #[arg(long, value_name = "NAME")]
    cluster_role: Option<String>,
}

/// Which cluster, and who one is there.
#[derive(Args, Clone, Debug)]
struct Place {
    /// The kubeconfig [default: the first file of KUBECONFIG, or ~/.kube/config].
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig instead of its current one.
    #[arg(long = "kube-context", value_name = "NAME")]
    kube_context: Option<String>,
}

/// Where the kubeconfig is, and what to call the cluster.
#[derive(Args, Debug)]
pub(crate) struct Add {
    /// Name of the cluster here.
    name: String,
    #[command(flatten)]
    place: Place,
    /// Make a service account for the workers in the cluster, and use its token instead of the kubeconfig's credentials. It has the rights that Causeway
    /// and usual workloads need; `causeway cluster access` prints them.
    #[arg(long, value_name = "NAMESPACE/NAME", num_args = 0..=1, require_equals = true, default_missing_value = ACCOUNT)]
    service_account: Option<Account>,
    /// The service account's ClusterRole, which must be there, in place of that one: cluster-admin where workloads are of any kind.
    #[arg(long, value_name = "NAME", requires = "service_account")]
    cluster_role: Option<String>,
    /// Register it even if the credentials lack rights that workers need, or can't be tried from here. Without it nothing is stored then.
    #[arg(long)]
    unchecked: bool,
    /// The cluster that the workers run in: they reach it with the service account of their pods, where their setting `--own-cluster` allows it. For admins.
    #[arg(long, conflicts_with_all = ["kubeconfig", "kube_context", "service_account", "unchecked"])]
    in_cluster: bool,
    /// Who runs it: kind (any cluster with a certificate or token), eks or oke.
    #[arg(long, default_value = "kind")]
    provider: String,
    /// Where it stands: `causeway explain kubernetes-runtime-instance.Location` lists the words.
    #[arg(long, default_value = "Local")]
    location: String,
    /// Make it the cluster that documents mean when they name none.
    #[arg(long)]
    default: bool,
    /// Wait until it is Ready.
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    patience: Patience,
}

impl Cluster {
    pub(crate) async fn run(&self, session: &Session) -> Outcome<Exit> {
        match self {
            Self::Add(add) => add.run(session).await,
            Self::List(list) => list.run(session).await,
            Self::Check(check) => check.run(session).await,
            Self::Access(access) => {
                access.print(session)?;
                Ok(Exit::Done)
            }
        }
    }
}

impl Access {
    fn print(&self, session: &Session) -> Outcome<()> {
        let (account, role) = (&self.service_account, self.cluster_role.as_deref());
        if session.format() != Some(Format::Json) {
            return print(&account.manifests(role));
        }
        print(&data::json(&json!({"apiVersion": "v1", "kind": "List", "items": account.objects(role)?}))?)
    }
}

impl Add {
    async fn run(&self, session: &Session) -> Outcome<Exit> {
        let mut more = Fields::new();
        more.insert("InfraProvider".into(), json!(self.provider));
        more.insert("Location".into(), json!(self.location));
        if self.default {
            more.insert("DefaultRuntime".into(), json!(true));
        }
        let wanted = if self.in_cluster {
            let connection = Fields::from_iter([("ThreeportControlPlaneHost".to_owned(), json!(true))]);
            documents(&self.name, "--in-cluster", connection, &more)?
        } else {
            let path = self.place.path()?;
            documents(&self.name, &path.display().to_string(), self.connection(&path).await?, &more)?
        };
        // Whoever names a kubeconfig means its credentials, too.
        let mode = Mode { merge: true, send_secrets: true };
        apply::run(session, wanted, mode, self.wait.then_some(self.patience)).await
    }

    /// Address and credentials.
    async fn connection(&self, path: &Path) -> Outcome<Fields> {
        let context = self.place.context();
        let Some(account) = &self.service_account else {
            let connection = kubeconfig::read(path, context)?;
            self.try_rights(kubernetes::of_kubeconfig(path, context).await?, false).await?;
            return Ok(connection);
        };
        let mut connection = kubeconfig::address(path, context)?;
        let client = kubernetes::of_kubeconfig(path, context).await?;
        let token = account.establish(&client, self.cluster_role.as_deref()).await?;
        say(&format!("service account {account} is in the cluster\n"));
        self.try_rights(kubernetes::with_token(path, context, token.clone()).await?, true).await?;
        connection.insert("ConnectionToken".into(), json!(token));
        Ok(connection)
    }

    /// Fails when the credentials of this client lack a right.
    async fn try_rights(&self, client: Client, is_new: bool) -> Outcome<()> {
        if self.unchecked {
            return Ok(());
        }
        let all_the_same =
            |failure: Failure| failure.next("the same command with --unchecked registers it all the same");
        let missing = rights::missing(&client, is_new).await.map_err(all_the_same)?;
        if missing.lacking.is_empty() {
            return Ok(());
        }
        say(&check::table(&missing));
        let sentence = format!("{}; nothing was stored", missing.sentence());
        let next = "grant them (causeway cluster access prints a role that has them), or say --unchecked";
        Err(Failure { details: missing.data(), ..Failure::negative("MissingRights", sentence) }.next(next))
    }
}

impl Place {
    fn path(&self) -> Outcome<PathBuf> {
        self.kubeconfig.clone().map_or_else(usual, Ok)
    }

    fn context(&self) -> Option<&str> {
        self.kube_context.as_deref()
    }
}

fn usual() -> Outcome<PathBuf> {
    let named = std::env::var_os("KUBECONFIG").and_then(|paths| std::env::split_paths(&paths).next());
    let at_home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".kube/config"));
    let found = named.filter(|path| !path.as_os_str().is_empty()).or_else(at_home);
    found.ok_or_else(|| Failure::usage("say which kubeconfig: --kubeconfig FILE"))
}

/// A cluster, as a document would ask for it. `connection`: its address and credentials, which were found at `place`.
fn documents(name: &str, place: &str, connection: Fields, more: &Fields) -> Outcome<Vec<Wanted>> {
    let place = source::Place { file: place.to_owned(), number: 0 };
    let folder = Path::new(".");
    let definition =
        json!({"Name": name, "InfraProvider": more.get("InfraProvider").cloned().unwrap_or(json!("kind"))});
    let mut instance = connection;
    instance.insert("Name".into(), json!(name));
    instance.insert("KubernetesRuntimeDefinition".into(), json!({"Name": name}));
    instance.extend(
        more.iter().filter(|(key, _)| *key != "InfraProvider").map(|(key, value)| (key.clone(), value.clone())),
    );
    let definition = definition.as_object().cloned().unwrap_or_default();
    Ok(vec![
        Wanted::read(Kind::KubernetesRuntimeDefinition, definition, &place, folder)?,
        Wanted::read(Kind::KubernetesRuntimeInstance, instance, &place, folder)?,
    ])
}
