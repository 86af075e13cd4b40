//! A slice of `cargo xtask differential`: pictures alone, in shuffled batches, isolated and in this process, and turned
//! by a tag give the same files, which are what Pillow and pillow-heif make of the originals.

use std::path::Path;
use std::process::Command;

use sealpress_testkit::python;

#[test]
fn pictures_come_out_alike_by_every_way_and_as_other_hands_see_them() {
    let Some(python) = python("numpy,PIL,pillow_heif") else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let keep = tempfile::tempdir().expect("a folder");
    let done = Command::new(python)
        .arg(root.join("xtask/differential.py"))
        .arg(env!("CARGO_BIN_EXE_sealpress"))
        .args(["--shuffles", "1", "--keep"])
        .arg(keep.path())
        .args(
            ["heic", "jpeg", "png", "webp"]
                .map(|kind| format!("--corpus={}", root.join("testdata").join(kind).display())),
        )
        .output()
        .expect("Python starts");
    let said = [done.stdout, done.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert!(done.status.success(), "{}{}", said[0], said[1]);
    assert!(said[0].contains("turned by a tag"), "every way was gone: {}", said[0]);
}
