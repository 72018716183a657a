//! Container images: the same files make the same digest, nothing is in them but what the program needs, and the program runs there.
//!
//! With the programs of the tests; `make images` packs those for release.

use causeway_images::{Entry, IMAGES, Image, Root, bill_of_materials, write_layout};
use causeway_rig::{Endpoints, workspace_program};
use causeway_testkit::unique_name;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::root;

fn packed(image: &Image) -> Root {
    packed_from(workspace_program(image.program).unwrap().parent().unwrap(), image)
}

/// With a small program in the place of each: the programs of the tests take minutes to compress.
fn sample(image: &Image) -> Root {
    let programs = tempfile::tempdir().unwrap();
    fs::copy("/bin/true", programs.path().join(image.program)).unwrap();
    packed_from(programs.path(), image)
}

fn packed_from(programs: &Path, image: &Image) -> Root {
    let bill = bill_of_materials(image.package, "0.1.0").unwrap();
    Root::of(image, programs, &root().join("deploy/bundles"), &bill).unwrap()
}

/// A blob of a layout, whose name is its digest.
fn blob(layout: &Path, descriptor: &Value) -> Vec<u8> {
    let digest = descriptor["digest"].as_str().unwrap().trim_start_matches("sha256:");
    let bytes = fs::read(layout.join("blobs/sha256").join(digest)).unwrap();
    let hex: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((hex.as_str(), descriptor["size"].as_u64()), (digest, Some(bytes.len() as u64)));
    bytes
}

fn json_of(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// What is in a folder: paths, rights, and a hash of what is in each file.
fn files(top: &Path) -> BTreeMap<PathBuf, (u32, Option<Vec<u8>>)> {
    let (mut found, mut open) = (BTreeMap::new(), vec![top.to_owned()]);
    while let Some(folder) = open.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
            let content = path.is_file().then(|| Sha256::digest(fs::read(&path).unwrap()).to_vec());
            if content.is_none() {
                open.push(path.clone());
            }
            found.insert(path.strip_prefix(top).unwrap().to_owned(), (mode, content));
        }
    }
    found
}

#[test]
fn the_same_files_make_the_same_digest() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (dir.path().join("one"), dir.path().join("other"));
    for image in &IMAGES {
        let (first, size) = write_layout(image, &sample(image), "0.1.0", &one).unwrap();
        let (second, _) = write_layout(image, &sample(image), "0.1.0", &other).unwrap();
        assert_eq!(first, second, "{}", image.name);
        assert!(size > 1_000_000 && first.starts_with("sha256:"), "{size}");
        assert_eq!(fs::read(one.join("index.json")).unwrap(), fs::read(other.join("index.json")).unwrap());
    }
}

#[test]
fn a_layout_holds_what_its_manifest_names_and_the_dockerfile_makes_the_same() {
    let dir = tempfile::tempdir().unwrap();
    for image in IMAGES {
        let (layout, packed) = (dir.path().join(image.name), sample(&image));
        write_layout(&image, &packed, "0.1.0", &layout).unwrap();
        let manifest = json_of(&blob(&layout, &json_of(&fs::read(layout.join("index.json")).unwrap())["manifests"][0]));
        let config = &json_of(&blob(&layout, &manifest["config"]))["config"];
        let tar = dir.path().join("layer.tar.gz");
        fs::write(&tar, blob(&layout, &manifest["layers"][0])).unwrap();
        let listed = Command::new("tar").arg("-tzf").arg(&tar).output().unwrap();
        let listed: BTreeSet<String> = String::from_utf8(listed.stdout)
            .unwrap()
            .lines()
            .map(|line| line.trim_end_matches('/').to_owned())
            .collect();
        assert_eq!(listed, packed.entries().map(|(path, _)| path.to_owned()).collect());
        // What the Dockerfile copies, to the byte and with the same rights.
        let (unpacked, gathered) = (dir.path().join("unpacked"), dir.path().join("gathered"));
        fs::create_dir_all(&unpacked).unwrap();
        let ran = Command::new("tar").arg("-xzpf").arg(&tar).arg("-C").arg(&unpacked).output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        packed.write(&gathered).unwrap();
        assert_eq!(files(&unpacked), files(&gathered), "{}", image.name);
        [unpacked, gathered].iter().for_each(|folder| fs::remove_dir_all(folder).unwrap());

        assert_eq!(
            (&config["User"], &config["Entrypoint"]),
            (&json!("65532:65532"), &json!([format!("/{}", image.program)]))
        );
        let short = image.name.trim_start_matches("causeway-");
        let dockerfile = fs::read_to_string(root().join(format!("deploy/images/{short}.Dockerfile"))).unwrap();
        let lines = |word: &str| {
            dockerfile
                .lines()
                .filter_map(|line| line.strip_prefix(word).map(|rest| rest.trim().to_owned()))
                .collect::<Vec<_>>()
        };
        assert_eq!(json!(lines("ENV ")), config["Env"], "{short}");
        assert_eq!(json!(lines("USER ")), json!([config["User"]]), "{short}");
        assert_eq!(json_of(lines("ENTRYPOINT ")[0].as_bytes()), config["Entrypoint"], "{short}");
        assert_eq!(lines("COPY --chown=0:0 "), [format!("causeway-{short}.rootfs/ /")], "{short}");
        assert_eq!((lines("FROM "), lines("WORKDIR ")), (vec!["scratch".to_owned()], vec!["/".to_owned()]), "{short}");
    }
}

#[test]
fn nothing_is_in_an_image_but_its_program_and_what_it_needs() {
    for image in IMAGES {
        let packed = packed(&image);
        let runs: Vec<&str> = packed
            .entries()
            .filter(|(path, entry)| matches!(entry, Entry::File { executable: true, .. }) && !path.contains("lib"))
            .map(|(path, _)| path)
            .collect();
        assert_eq!(runs, [image.program], "no shell, and nothing else to run");
        let bundles = packed.entries().filter(|(path, _)| path.starts_with("bundles/")).count();
        assert_eq!(bundles > 0, image.has_bundles, "{}", image.name);
        let bill = packed.entries().find(|(path, _)| path.ends_with(".cdx.json")).unwrap();
        let Entry::File { content, .. } = bill.1 else { panic!("the bill is a file") };
        let bill = json_of(content);
        let crates: BTreeSet<&str> =
            bill["components"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert!(
            crates.contains("tokio") && crates.contains("rustls") && !crates.contains("insta"),
            "{}: {crates:?}",
            image.name
        );
    }
}

/// Runs the program of an image as its user, with the image's files and nothing else.
fn inside(files: &Path, program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let root = rustix::process::geteuid().is_root();
    let mut command = Command::new(if root { "chroot" } else { "unshare" });
    // An ordinary user has to be root of a namespace of its own to change the root folder.
    command.args(if root { ["--userspec=65532:65532"].as_slice() } else { &["--user", "--map-root-user", "chroot"] });
    command.arg(files).arg(format!("/{program}")).args(arguments).env_clear();
    // For the command that changes the root folder.
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).envs(variables.iter().copied());
    command.output().unwrap()
}

#[tokio::test]
async fn the_programs_run_with_nothing_but_the_files_of_their_image() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let unpacked = |image: &Image| -> PathBuf {
        let files = dir.path().join(image.name);
        packed(image).write(&files).unwrap();
        files
    };
    for image in IMAGES {
        let files = unpacked(&image);
        let ran = inside(&files, image.program, &["--version"], &[]);
        assert!(
            ran.status.success() && String::from_utf8_lossy(&ran.stdout).contains("0.1.0"),
            "{}: {ran:?}",
            image.name
        );
        assert!(
            inside(&files, "bin/sh", &[], &[]).status.code().is_some_and(|code| code > 125),
            "{} has a shell",
            image.name
        );
    }
    // Names are resolved, as with what a kubelet puts into /etc, and the program does its work.
    let files = dir.path().join("causeway-api");
    fs::write(files.join("etc/hosts"), "127.0.0.1 postgres.example.test\n").unwrap();
    let endpoints = Endpoints::from_env().unwrap();
    let database = unique_name("image").replace('-', "_");
    let mut admin = PgConnection::connect(&endpoints.postgres.url).await.unwrap();
    admin.execute(AssertSqlSafe(format!("CREATE DATABASE {database}"))).await.unwrap();
    let server = endpoints.postgres.url.rsplit_once('/').unwrap().0.replace("127.0.0.1", "postgres.example.test");
    let url = format!("{server}/{database}");
    let ran = inside(&files, "causeway-api", &["migrate"], &[("DATABASE_URL", &url)]);
    assert!(ran.status.success(), "{ran:?}");
    let mut made = PgConnection::connect(&url.replace("postgres.example.test", "127.0.0.1")).await.unwrap();
    let nouns: i64 = sqlx::query_scalar("SELECT count(*) FROM gateway_instances").fetch_one(&mut made).await.unwrap();
    assert_eq!(nouns, 0, "the tables are there");
}
