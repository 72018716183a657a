//! docs/dashboard.md shows every page of the dashboard.

use causeway_testkit::pages::PICTURED;
use std::fs;

use crate::pages::root;

#[test]
fn each_page_of_the_dashboard_has_a_picture() {
    let page = fs::read_to_string(root().join("docs/dashboard.md")).unwrap();
    let unshown: Vec<_> =
        PICTURED.iter().filter(|name| !page.contains(&format!("](images/{name}-light.png)"))).collect();
    assert!(unshown.is_empty(), "docs/dashboard.md shows no picture of {unshown:?}");
    // Also those in the dark theme and on a phone.
    let named: Vec<&str> = page.split("](images/").skip(1).filter_map(|part| part.split(')').next()).collect();
    let absent: Vec<_> = named.iter().filter(|name| !root().join("docs/images").join(name).is_file()).collect();
    assert!(absent.is_empty(), "there is no picture of {absent:?}: make screenshots makes them");
    let files = fs::read_dir(root().join("docs/images")).unwrap().map(|file| file.unwrap().file_name());
    let unused: Vec<_> = files.filter(|name| !named.iter().any(|used| name.to_str() == Some(used))).collect();
    assert!(unused.is_empty(), "no page shows {unused:?}");
}
