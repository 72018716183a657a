//! What differs between gateway controllers stands in their drivers: another one is added there, and nowhere else.

use std::fs;

use super::{pages::root, product};

/// Where a gateway controller may be named: what is rendered for it, what it can do, and the support service that installs it.
const DRIVERS: [&str; 3] =
    ["workers/render/src/driver/", "core/rules/src/driver.rs", "core/records/src/nouns/support_service.rs"];

#[test]
fn only_drivers_name_a_gateway_controller() {
    let root = root();
    let mut naming = vec![];
    for file in product(&root) {
        if fs::read_to_string(&file).unwrap().to_lowercase().contains("envoy") {
            naming.push(file.strip_prefix(&root).unwrap().display().to_string());
        }
    }
    let (drivers, others): (Vec<_>, Vec<_>) =
        naming.into_iter().partition(|file| DRIVERS.iter().any(|driver| file.starts_with(driver)));
    assert!(drivers.len() >= DRIVERS.len(), "only {drivers:?} are found: are the drivers elsewhere?");
    assert!(others.is_empty(), "these know more than a driver's choice: {others:?}");
}
