use super::{
    AllowedListeners, DomainNameDefinition, GatewayListener, GatewayListeners, GatewayTls, Ids, Infrastructure,
    KubernetesRuntimeInstance, Labels, Rules, Texts, pair,
};
use crate::{
    problem::Problem,
    text::{Name, ObjectName, choice},
};
use causeway_records_derive::Noun;

/// Workload instances that one shared gateway may name. Above that, labels say more.
const MAX_WORKLOADS: usize = 1000;

choice! {
    /// The workloads whose gateway instances may attach to a shared gateway.
    AttachableBy {
        /// Those in the Gateway's own namespace.
        Same = "Same",
        /// Every one of the cluster.
        All = "All",
        /// Those whose NamespaceLabels have all labels of NamespaceSelector.
        Selector = "Selector",
        /// Those that WorkloadInstanceIDs names.
        WorkloadInstances = "WorkloadInstances",
    }
}

/// A Gateway that gateway instances share. The API makes a common one for each cluster and class when the first gateway instance needs it. One with
/// Listeners is a platform team's own: gateway instances that name it attach to its listeners, if they are let.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "shared-gateways", reconciled)]
pub struct SharedGateway {
    /// Unique among live shared gateways.
    #[noun(required, example = "main")]
    pub name: Name,
    /// The cluster.
    #[noun(required, immutable, part_of = KubernetesRuntimeInstance)]
    pub kubernetes_runtime_instance_id: i64,
    /// GatewayClass to use instead of Causeway's own.
    #[noun(immutable, example = "internal")]
    pub gateway_class_name: Option<ObjectName>,
    /// With Listeners: the namespace of the Gateway, which has to be there. Causeway neither makes nor deletes it. Only admins set it.
    #[noun(immutable, example = "ingress")]
    pub namespace: Option<ObjectName>,
    /// With Listeners: the name of the Gateway in its namespace. One that is there already is taken over as it stands. Left out: a name that Causeway gives.
    /// Only admins set it.
    #[noun(immutable)]
    pub gateway_name: Option<ObjectName>,
    /// Its listeners. Left out: the common gateway of its cluster and class, which has those that its gateway instances need. Only admins change them.
    #[noun(no_filter, example = r#"[{"Name":"http","Port":80,"Protocol":"HTTP","Hostname":"*.example.org"}]"#)]
    pub listeners: Option<GatewayListeners>,
    /// With Listeners: the domain whose issuer signs for those on which TLS ends and that name no Secret. Their hostnames are the domain, or below it. Only admins
    /// change it.
    #[noun(parent = DomainNameDefinition)]
    pub domain_name_definition_id: Option<i64>,
    /// With Listeners: who may attach; Same unless said otherwise. Only admins change it.
    #[noun(example = "Selector")]
    pub attachable_by: Option<AttachableBy>,
    /// With AttachableBy Selector: labels that a workload instance has to have in its NamespaceLabels, all of them. Only admins change them.
    #[noun(no_filter, example = r#"{"purpose":"workloads"}"#)]
    pub namespace_selector: Option<Labels>,
    /// With AttachableBy WorkloadInstances: their ids. Only admins change them.
    #[noun(json = "WorkloadInstanceIDs", no_filter)]
    pub workload_instance_ids: Option<Ids>,
    /// Addresses to ask the cloud for.
    #[noun(no_filter)]
    pub addresses: Option<Texts>,
    /// Labels and annotations of what the controller makes for the Gateway.
    #[noun(no_filter)]
    pub infrastructure: Option<Infrastructure>,
    /// With Listeners: TLS beside what listeners say, in the JSON of Gateway API: the certificate that the Gateway shows to Services, and which certificates of
    /// clients it takes. Only admins change it.
    #[noun(
        json = "TLS",
        no_filter,
        example = r#"{"frontend":{"default":{"validation":{"caCertificateRefs":[{"kind":"ConfigMap","name":"clients-ca"}]}}}}"#
    )]
    pub tls: Option<GatewayTls>,
    /// With Listeners: which ListenerSets of others the Gateway lets in, in the JSON of Gateway API: by what is in the cluster, whatever is on record. Left out:
    /// none. Only admins change it.
    #[noun(no_filter, example = r#"{"namespaces":{"from":"Same"}}"#)]
    pub allowed_listeners: Option<AllowedListeners>,
    /// With Listeners that have AllowedRoutes: give the Gateway back when the record goes, instead of deleting it. Only admins change it.
    pub keep_on_delete: Option<bool>,
}

impl SharedGateway {
    /// Who may attach to it, if it has Listeners.
    pub fn attachable_by(&self) -> AttachableBy {
        self.attachable_by.unwrap_or_default()
    }

    /// Whether the Gateway stays when the record goes.
    pub fn is_kept(&self) -> bool {
        self.keep_on_delete == Some(true)
    }

    /// What a Gateway needs that is to stay without its record: nothing that goes along with that.
    fn check_kept(&self, listeners: &GatewayListeners) -> Vec<Problem> {
        if !self.is_kept() {
            return vec![];
        }
        let of = |(n, listener): (usize, &GatewayListener)| {
            let ordered = "is needed with KeepOnDelete: a certificate that is ordered goes with the record";
            let closed = "is needed with KeepOnDelete: without it the listener is for gateway instances of the record, and closed when it goes";
            let missing = [
                ("SecretName", listener.needs_certificate(), ordered),
                ("AllowedRoutes", listener.allowed_routes.is_none(), closed),
            ];
            let missing = missing.into_iter().filter(|(_, is_missing, _)| *is_missing);
            missing.map(|(field, _, why)| Problem::new(format!("Listeners[{n}].{field}"), why)).collect::<Vec<_>>()
        };
        let class = "is needed with KeepOnDelete: Causeway's own class goes with the record, and nothing serves the Gateway then";
        let class = self.gateway_class_name.is_none().then(|| Problem::new("GatewayClassName", class));
        class.into_iter().chain(listeners.0.iter().enumerate().flat_map(of)).collect()
    }

    /// What is wrong with who may attach.
    fn check_attachable(&self) -> Vec<Problem> {
        let by = self.attachable_by();
        let (labels, ids) = (self.namespace_selector.as_ref(), self.workload_instance_ids.as_ref());
        let lists = [
            ("NamespaceSelector", AttachableBy::Selector, labels.map(|labels| labels.0.len())),
            ("WorkloadInstanceIDs", AttachableBy::WorkloadInstances, ids.map(|ids| ids.0.len())),
        ];
        let of_list = |(field, goes_with, length): (&'static str, AttachableBy, Option<usize>)| match length {
            // A PATCH can't take it away, but empty it.
            Some(1..) if by != goes_with => Some(Problem::new(
                field,
                format!("goes with AttachableBy {goes_with}; leave it out, or send an empty one"),
            )),
            None | Some(0) if by == goes_with => Some(Problem::new(
                field,
                format!("is needed with AttachableBy {goes_with}: an empty one lets nobody attach"),
            )),
            Some(length) if field == "WorkloadInstanceIDs" && length > MAX_WORKLOADS => Some(Problem::new(
                field,
                format!("holds {length} ids; {MAX_WORKLOADS} are allowed, so take AttachableBy Selector"),
            )),
            _ => None,
        };
        let problems = lists.into_iter().filter_map(of_list);
        problems.chain(labels.iter().flat_map(|labels| labels.check("NamespaceSelector"))).collect()
    }
}

impl Rules for SharedGateway {
    fn check(&self) -> Vec<Problem> {
        let mut problems = pair(("Namespace", self.namespace.is_some()), ("Listeners", self.listeners.is_some()));
        let Some(listeners) = &self.listeners else {
            let own_only = [
                ("GatewayName", self.gateway_name.is_some()),
                ("KeepOnDelete", self.is_kept()),
                ("DomainNameDefinitionID", self.domain_name_definition_id.is_some()),
                ("AttachableBy", self.attachable_by.is_some()),
                ("NamespaceSelector", self.namespace_selector.is_some()),
                ("WorkloadInstanceIDs", self.workload_instance_ids.is_some()),
                ("TLS", self.tls.is_some()),
                ("AllowedListeners", self.allowed_listeners.is_some()),
            ];
            let remedy = "needs Listeners; the common gateway of a cluster takes every gateway instance that names none, and certificates of their domains";
            problems.extend(own_only.iter().filter(|(_, set)| *set).map(|(field, _)| Problem::new(*field, remedy)));
            return problems;
        };
        problems.extend(listeners.check(self.domain_name_definition_id.is_some()));
        problems.extend(self.check_kept(listeners));
        problems.extend(self.check_attachable());
        problems.extend(self.tls.iter().flat_map(GatewayTls::check));
        problems.extend(self.allowed_listeners.iter().flat_map(AllowedListeners::check));
        problems
    }

    /// Who may attach is worth nothing if those can change it who are to be kept out: teams are editors. The namespace and the listeners say which Secrets
    /// the Gateway reads.
    fn for_admins(&self, before: &Self) -> Vec<&'static str> {
        if self.namespace.is_none() && before.namespace.is_none() {
            return vec![];
        }
        let changed = [
            ("Namespace", self.namespace != before.namespace),
            ("GatewayName", self.gateway_name != before.gateway_name),
            ("Listeners", self.listeners != before.listeners),
            ("DomainNameDefinitionID", self.domain_name_definition_id != before.domain_name_definition_id),
            ("AttachableBy", self.attachable_by() != before.attachable_by()),
            ("NamespaceSelector", self.namespace_selector != before.namespace_selector),
            ("WorkloadInstanceIDs", self.workload_instance_ids != before.workload_instance_ids),
            ("Addresses", self.addresses != before.addresses),
            ("Infrastructure", self.infrastructure != before.infrastructure),
            ("TLS", self.tls != before.tls),
            ("AllowedListeners", self.allowed_listeners != before.allowed_listeners),
            ("KeepOnDelete", self.is_kept() != before.is_kept()),
        ];
        changed.into_iter().filter(|(_, changed)| *changed).map(|(field, _)| field).collect()
    }
}

#[cfg(test)]
mod tests;
