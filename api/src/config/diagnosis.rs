use clap::Args;
use ipnet::IpNet;
use std::net::SocketAddr;

/// How it is found out why a hostname isn't served.
#[derive(Args, Clone, Debug)]
pub struct DiagnosisSettings {
    /// Diagnoses at once, each of which asks name servers and connects to gateways from this machine; 0: none may be asked for.
    #[arg(long, env = "CAUSEWAY_MAX_DIAGNOSES", default_value_t = 4)]
    pub max_diagnoses: usize,
    /// Name server that diagnoses ask, in place of the system's resolver and of the zones' own name servers.
    #[arg(long, env = "CAUSEWAY_DIAGNOSIS_RESOLVER")]
    pub diagnosis_resolver: Option<SocketAddr>,
    /// Networks that diagnoses may connect to although they are of this machine or its link, with commas between them: `127.80.0.0/12`.
    #[arg(long, env = "CAUSEWAY_DIAGNOSIS_OPEN", value_delimiter = ',')]
    pub diagnosis_open: Vec<IpNet>,
}
