//! An image layout: a folder with the blobs of one image, which every container engine, registry client and CI can read.

use anyhow::Result;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Image, Root, USER,
    layer::{digest, layer},
};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// Nothing says when an image was made: it would be another one each time.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// Writes the image into a folder, whose former content goes, and returns the digest of its manifest and how many bytes a registry holds of it.
///
/// # Errors
/// When the folder can't be written.
pub fn write_layout(image: &Image, root: &Root, version: &str, folder: &Path) -> Result<(String, usize)> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let blobs = Blobs { folder: folder.join("blobs/sha256") };
    fs::create_dir_all(&blobs.folder)?;
    let layer = layer(root)?;
    let size = layer.bytes.len();
    let config = json!({
        "created": CREATED, "architecture": architecture(), "os": "linux",
        "config": {
            "User": format!("{USER}:{USER}"), "Entrypoint": [format!("/{}", image.program)], "WorkingDir": "/", "Env": image.variables(),
            "Labels": labels(image, version),
        },
        "rootfs": {"type": "layers", "diff_ids": [layer.uncompressed]},
        "history": [{"created": CREATED, "created_by": "causeway-images"}],
    });
    let (config, layer) = (blobs.json(CONFIG, &config)?, blobs.put(LAYER, &layer.bytes)?);
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]});
    let mut manifest = blobs.json(MANIFEST, &manifest)?;
    let digest = manifest["digest"].as_str().unwrap_or_default().to_owned();
    manifest["annotations"] = json!({"org.opencontainers.image.ref.name": version});
    let index =
        json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [manifest]});
    fs::write(folder.join("index.json"), index.to_string())?;
    fs::write(folder.join("oci-layout"), json!({"imageLayoutVersion": "1.0.0"}).to_string())?;
    Ok((digest, size))
}

fn labels(image: &Image, version: &str) -> Value {
    json!({
        "org.opencontainers.image.title": image.name, "org.opencontainers.image.version": version,
        "org.opencontainers.image.licenses": "Apache-2.0",
    })
}

/// As Go calls it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

struct Blobs {
    folder: PathBuf,
}

impl Blobs {
    /// Writes a blob and describes it.
    fn put(&self, media_type: &str, bytes: &[u8]) -> Result<Value> {
        let digest = digest(bytes);
        fs::write(self.folder.join(digest.trim_start_matches("sha256:")), bytes)?;
        Ok(json!({"mediaType": media_type, "digest": digest, "size": bytes.len()}))
    }

    fn json(&self, media_type: &str, value: &Value) -> Result<Value> {
        self.put(media_type, value.to_string().as_bytes())
    }
}
