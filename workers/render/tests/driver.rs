//! The driver seam: outside of it no product file of the workers names a gateway controller.

use std::path::{Path, PathBuf};

/// The name of every controller that a driver exists for, in lower case.
const CONTROLLERS: [&str; 1] = ["envoy"];

/// All files of this crate and of the crates around it, except tests and the drivers themselves.
fn product_files() -> Vec<PathBuf> {
    let workers = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it is in the folder of the workers");
    let (mut files, mut folders) = (Vec::new(), vec![workers.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("it can be read") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() && !path.ends_with("render/src/driver") && !path.ends_with("tests") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}

#[test]
fn only_the_drivers_name_a_gateway_controller() {
    let files = product_files();
    assert!(files.iter().any(|path| path.ends_with("render/src/gateway/routes.rs")), "the folders have moved");
    for path in files {
        let text = std::fs::read_to_string(&path).expect("it is text").to_lowercase();
        for controller in CONTROLLERS {
            let line = text.lines().position(|line| line.contains(controller));
            assert_eq!(line.map(|line| line + 1), None, "{} names {controller}: ask the driver", path.display());
        }
    }
}
