//! The command line: one file for each command, with its arguments and what it does, and the list of them here.

pub(crate) mod apply;
pub(crate) mod blocked;
pub(crate) mod cluster;
pub(crate) mod completions;
pub(crate) mod context;
pub(crate) mod delete;
pub(crate) mod describe;
pub(crate) mod diagnose;
pub(crate) mod diff;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod get;
pub(crate) mod import;
pub(crate) mod keep_secret;
pub(crate) mod man;
pub(crate) mod manifests;
pub(crate) mod pause;
pub(crate) mod plan;
pub(crate) mod reconcile;
pub(crate) mod release;
pub(crate) mod resume;
pub(crate) mod search;
pub(crate) mod status;
pub(crate) mod token;
pub(crate) mod wait;
pub(crate) mod watch;
pub(crate) mod webhook;

use clap::{CommandFactory, Parser, Subcommand};

use crate::{
    args::Global,
    exit::{self, Exit},
    failure::Outcome,
    session::Session,
};

/// Looks at a control plane of Causeway, and changes what it holds.
#[derive(Debug, Parser)]
#[command(name = "causeway", version, after_help = exit::HELP, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Action,
    #[command(flatten)]
    pub(crate) global: Global,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// List records of a kind, or read one.
    Get(get::Get),
    /// Show a record whole: what blocks it first, what it depends on, its steps, fields and events.
    Describe(describe::Describe),
    /// Find records of all kinds in all clusters by name, hostname, id or address.
    Search(search::Search),
    /// List the records that something blocks, of all kinds, the longest first.
    Blocked(blocked::Blocked),
    /// Say whether a hostname is served, and if not, why.
    Status(status::Status),
    /// Say in a sentence why a hostname is not served, or a record not Ready.
    Diagnose(diagnose::Diagnose),
    /// Create what files ask for, and change what differs.
    Apply(apply::Apply),
    /// Show what `apply` would change; writes nothing.
    Diff(diff::Diff),
    /// Show what `apply` would do in clusters and in DNS; writes nothing.
    Plan(plan::Plan),
    /// Delete what files ask for, or one record, and wait until it is gone.
    Delete(delete::Delete),
    /// Delete what files ask for, or one record, and give its objects back as they stand.
    Release(release::Release),
    /// Print records as documents that `apply` takes.
    Export(export::Export),
    /// Print Gateways, routes and Ingresses as documents that `apply` takes; writes nothing.
    Import(import::Import),
    /// Print the objects of a record as its worker applies them.
    Manifests(manifests::Manifests),
    /// Wait until a record is Ready, gone, or has a condition.
    Wait(wait::Wait),
    /// Follow what happens to records.
    Watch(watch::Watch),
    /// Have workers look at a record again, now.
    Reconcile(reconcile::Reconcile),
    /// Pause the work on a record.
    Pause(pause::Pause),
    /// Go on with the work on a record.
    Resume(resume::Resume),
    /// Explain a kind or a field; asks no server.
    Explain(explain::Explain),
    /// Register a cluster from a kubeconfig; list clusters with their workers.
    #[command(subcommand)]
    Cluster(cluster::Cluster),
    /// Make, list and revoke access tokens; for admins.
    #[command(subcommand)]
    Token(token::Token),
    /// Try webhooks, stop and start them, send deliveries again, replace secrets.
    #[command(subcommand, alias = "webhooks")]
    Webhook(webhook::WebhookCommand),
    /// Choose and describe control planes.
    #[command(subcommand)]
    Context(context::ContextCommand),
    /// Print the completions for a shell.
    Completions(completions::Completions),
    /// Write the man pages into a folder.
    Man(man::Man),
    /// Fill a Secret of this pod's namespace once, from files; the Helm chart runs it.
    #[command(hide = true)]
    KeepSecret(keep_secret::KeepSecret),
}

/// Runs one.
pub(crate) async fn run(arguments: Arguments) -> Outcome<Exit> {
    let session = Session { global: arguments.global };
    match arguments.command {
        Action::Get(command) => command.run(&session).await,
        Action::Describe(command) => command.run(&session).await,
        Action::Search(command) => command.run(&session).await,
        Action::Blocked(command) => command.run(&session).await,
        Action::Status(command) => command.run(&session).await,
        Action::Diagnose(command) => command.run(&session).await,
        Action::Apply(command) => command.run(&session).await,
        Action::Diff(command) => command.run(&session).await,
        Action::Plan(command) => command.run(&session).await,
        Action::Delete(command) => command.run(&session).await,
        Action::Release(command) => command.run(&session).await,
        Action::Export(command) => command.run(&session).await,
        Action::Import(command) => command.run(&session).await,
        Action::Manifests(command) => command.run(&session).await,
        Action::Wait(command) => command.run(&session).await,
        Action::Watch(command) => command.run(&session).await,
        Action::Reconcile(command) => command.run(&session).await,
        Action::Pause(command) => command.run(&session).await,
        Action::Resume(command) => command.run(&session).await,
        Action::Explain(command) => command.run(&session),
        Action::Cluster(command) => command.run(&session).await,
        Action::Token(command) => command.run(&session).await,
        Action::Webhook(command) => command.run(&session).await,
        Action::Context(command) => command.run(&session),
        Action::Completions(command) => command.run(&mut Arguments::command()),
        Action::Man(command) => command.run(Arguments::command()),
        Action::KeepSecret(command) => command.run().await,
    }
}
