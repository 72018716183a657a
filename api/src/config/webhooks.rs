use clap::Args;
use ipnet::IpNet;
use std::{num::NonZeroUsize, time::Duration};

/// How events are sent to webhooks.
#[derive(Args, Clone, Debug)]
pub struct WebhookSettings {
    /// Networks with receivers that are not on the internet, with commas between them: `10.20.0.0/16,fd12::/32`. To all other addresses that are
    /// loopback, private, link-local or reserved nothing is sent; to those of the internet only over https.
    #[arg(long, env = "CAUSEWAY_WEBHOOK_ALLOW", value_delimiter = ',', value_parser = network)]
    pub webhook_allow: Vec<IpNet>,
    /// Over how long a time a message is tried again that its receiver doesn't take; ten attempts, with ever longer waits.
    #[arg(long, env = "CAUSEWAY_WEBHOOK_RETRY_SPAN", default_value = "75h", value_parser = humantime::parse_duration)]
    pub webhook_retry_span: Duration,
    /// Longest time for one attempt, from the look-up of the name to the end of the answer; 30s at most.
    #[arg(long, env = "CAUSEWAY_WEBHOOK_TIMEOUT", default_value = "20s", value_parser = attempt_time)]
    pub webhook_timeout: Duration,
    /// Webhooks to which this process sends at the same time.
    #[arg(long, env = "CAUSEWAY_WEBHOOK_CONCURRENCY", default_value = "64")]
    pub webhook_concurrency: NonZeroUsize,
    /// How long deliveries are kept that are done; 0s: for ever.
    #[arg(long, env = "CAUSEWAY_WEBHOOK_DELIVERY_KEEP", default_value = "7days", value_parser = humantime::parse_duration)]
    pub webhook_delivery_keep: Duration,
}

/// An address alone is a network of one.
fn network(text: &str) -> Result<IpNet, String> {
    let network = text.parse().or_else(|_| text.parse().map(|address: std::net::IpAddr| IpNet::from(address)));
    network.map_err(|_| "is no network; say it as 10.20.0.0/16 or fd12::/32".into())
}

/// A process holds a webhook for longer than one attempt can take.
fn attempt_time(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if time.is_zero() || time > Duration::from_secs(30) {
        return Err("must be more than 0s, and 30s at most".into());
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_times_have_limits() {
        assert_eq!(network("10.0.0.7").unwrap().to_string(), "10.0.0.7/32");
        assert_eq!(network("fd12::/32").unwrap().to_string(), "fd12::/32");
        assert!(network("10.0.0.0/33").unwrap_err().contains("10.20.0.0/16") && network("example.org").is_err());
        assert_eq!(attempt_time("30s").unwrap(), Duration::from_secs(30));
        assert!(attempt_time("31s").is_err() && attempt_time("0s").is_err() && attempt_time("soon").is_err());
    }
}
