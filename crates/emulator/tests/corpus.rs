//! Real media of others: what the emulator sees in their headers is what their index says.
//! The collection is not part of the repository; without it this prints that it was skipped.

mod common;

use std::path::Path;

use common::{create, upload};
use sealpress_emulator::{Emulator, MediaMode};

#[test]
fn real_headers_are_read_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let Ok(index) = std::fs::read_to_string(root.join("INDEX.tsv")) else {
        return common::skip("no collection of real media on this machine");
    };
    let emulator = Emulator::builder().storage_cap(0).configure(|o| o.media = MediaMode::Any).start_blocking().unwrap();
    let session = create(&emulator, "Ann");
    let columns: Vec<&str> = index.lines().next().unwrap().split('\t').collect();
    let at = |name: &str| columns.iter().position(|c| *c == name).unwrap();
    let (path, kind, width, height, bad, sha256) =
        (at("path"), at("kind"), at("width"), at("height"), at("is_invalid"), at("sha256"));
    let (mut compared, mut wrong) = (0, Vec::new());
    for line in index.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let bytes = std::fs::read(root.join(cells[path])).unwrap();
        if bytes.is_empty() {
            continue;
        }
        // Hostile ones too: they must be taken, whatever is found in them.
        let answer = upload(&emulator, &session, "document-front", &bytes).unwrap();
        assert_eq!(answer.status, 200, "{}", cells[path]);
        let id = answer.json()["image"]["id"].as_str().unwrap().to_owned();
        let media = emulator.ledger().media().find(|m| m.id == id).cloned().unwrap();
        assert_eq!(media.sha256, cells[sha256]);
        if cells[bad] != "0" || !["jpeg", "png", "webp", "heic", "pdf"].contains(&cells[kind]) {
            continue;
        }
        compared += 1;
        let seen = media.mimetype.trim_start_matches("image/").trim_start_matches("application/");
        let seen = if seen == "heif" { "heic" } else { seen };
        let size = |n: Option<u32>| n.map_or(String::new(), |n| n.to_string());
        let (w, h) = (size(media.width), size(media.height));
        let turned = cells[kind] == "heic" && (&*h, &*w) == (cells[width], cells[height]);
        let same = cells[kind] == "pdf" || (&*w, &*h) == (cells[width], cells[height]) || turned;
        if seen != cells[kind] || !same {
            wrong.push(format!(
                "{}: {seen} {w}x{h}, index {} {}x{}",
                cells[path], cells[kind], cells[width], cells[height]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{compared} files compared");
    assert!(compared > 50);
}
