//! Container images of the programs, made from built binaries without a container engine: an OCI image layout each, the folder with its files for the
//! Dockerfiles beside this crate, and a bill of materials.
//!
//! ```text
//! root    what an image holds: the program, the system's libraries that it needs, accounts, certificates of authorities; no shell
//! layer   these files as a tar whose bytes depend on nothing else
//! layout  layer and configuration, as OCI says
//! bill    the crates in a program, as CycloneDX says
//! ```
//!
//! The libraries are those of the machine that builds, because there is no Rust for another libc everywhere that this has to be built. The same
//! files always make the same digest: entries are sorted, times are 0, and owners are root.

mod bill;
mod layer;
mod layout;
mod root;

pub use bill::bill_of_materials;
pub use layout::write_layout;
pub use root::{Entry, Root};

/// The user that an image runs as. It has no name on a node.
pub const USER: u32 = 65532;

/// What an image is made of.
#[derive(Clone, Copy, Debug)]
pub struct Image {
    /// `causeway-api`: its repository.
    pub name: &'static str,
    /// The program, and the crate that builds it.
    pub program: &'static str,
    /// See [`Self::program`].
    pub package: &'static str,
    /// Whether it holds the bundles of support services.
    pub has_bundles: bool,
}

/// All of them.
pub const IMAGES: [Image; 3] = [
    Image { name: "causeway-api", program: "causeway-api", package: "causeway-api", has_bundles: false },
    Image { name: "causeway-workers", program: "causeway-workers", package: "causeway-workers", has_bundles: true },
    Image { name: "causeway-cli", program: "causeway", package: "causeway-cli", has_bundles: false },
];

impl Image {
    /// The variables that its program finds.
    #[must_use]
    pub fn variables(&self) -> Vec<String> {
        let certificates = format!("SSL_CERT_FILE=/{}", root::CERTIFICATES);
        let bundles = self.has_bundles.then(|| format!("CAUSEWAY_BUNDLES=/{}", root::BUNDLES));
        [certificates].into_iter().chain(bundles).collect()
    }
}
