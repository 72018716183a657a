//! `causeway-images`: writes the images of all programs into a folder.

use anyhow::{Result, ensure};
use causeway_images::{IMAGES, Root, bill_of_materials, write_layout};
use clap::Parser;
use std::{fs, io::Write, path::PathBuf};

const MEGABYTE: usize = 1_000_000;

/// Makes container images from built programs: an OCI image layout each, and beside it the folder with its files for a Dockerfile.
#[derive(Debug, Parser)]
#[command(name = "causeway-images", version)]
struct Arguments {
    /// Folder with the built programs.
    #[arg(long, default_value = "target/release")]
    programs: PathBuf,
    /// Folder with the bundles of support services.
    #[arg(long, default_value = "deploy/bundles")]
    bundles: PathBuf,
    /// Where the images go.
    #[arg(long, default_value = "target/images")]
    out: PathBuf,
    /// Tag of the images.
    #[arg(long, default_value = env!("CARGO_PKG_VERSION"))]
    tag: String,
    /// Fail when an image has more megabytes than this, compressed.
    #[arg(long)]
    most_megabytes: Option<usize>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    for image in IMAGES {
        let bill = bill_of_materials(image.package, &arguments.tag)?;
        let root = Root::of(&image, &arguments.programs, &arguments.bundles, &bill)?;
        let (digest, size) = write_layout(&image, &root, &arguments.tag, &arguments.out.join(image.name))?;
        let files = arguments.out.join(format!("{}.rootfs", image.name));
        if files.exists() {
            fs::remove_dir_all(&files)?;
        }
        root.write(&files)?;
        writeln!(
            std::io::stdout(),
            "{}:{} {digest} {:.1} MB",
            image.name,
            arguments.tag,
            size as f64 / MEGABYTE as f64
        )?;
        let fits = arguments.most_megabytes.is_none_or(|most| size <= most * MEGABYTE);
        ensure!(fits, "{} has {size} bytes, which is more than --most-megabytes", image.name);
    }
    Ok(())
}
