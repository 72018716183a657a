//! The driver seam: outside of it no product file names a gateway controller.

use std::path::{Path, PathBuf};

/// The names of the controllers that a driver or a bundle exists for, in lower case.
const CONTROLLERS: [&str; 2] = ["envoy", "traefik"];
/// The folders with the product.
const PRODUCT: [&str; 4] = ["api", "cli", "core", "workers"];
/// The drivers themselves: what is rendered, what is known before, and the support services, which have the names of what they install.
const DRIVERS: [&str; 3] =
    ["workers/render/src/driver", "core/rules/src/driver.rs", "core/records/src/nouns/support_service.rs"];

/// All source files of the product, except tests and the drivers.
fn product_files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let drivers = DRIVERS.map(|driver| root.join(driver));
    assert!(drivers.iter().all(|driver| driver.exists()), "the drivers have moved");
    let (mut files, mut left) = (Vec::new(), Vec::from(PRODUCT.map(|folder| root.join(folder))));
    while let Some(path) = left.pop() {
        // Tests of rules choose a driver.
        let is_of_rules = path.ends_with("tests.rs") && path.starts_with(root.join("core/rules"));
        if drivers.contains(&path) || path.ends_with("tests") || is_of_rules {
            continue;
        }
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).expect("it can be read");
            left.extend(entries.map(|entry| entry.expect("it can be read").path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn only_the_drivers_name_a_gateway_controller() {
    let files = product_files();
    for known in ["render/src/gateway/routes.rs", "rules/src/shadows/mod.rs", "api/src/route.rs", "cli/src/lib.rs"] {
        assert!(files.iter().any(|path| path.ends_with(known)), "{known} has moved");
    }
    for path in files {
        let text = std::fs::read_to_string(&path).expect("it is text").to_lowercase();
        for controller in CONTROLLERS {
            let line = text.lines().position(|line| line.contains(controller));
            assert_eq!(line.map(|line| line + 1), None, "{} names {controller}: ask the driver", path.display());
        }
    }
}
