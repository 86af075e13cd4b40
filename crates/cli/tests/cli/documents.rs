//! What becomes of PDFs, as it is said on the command line and in a backfill's settings.

use std::fs;

use super::backfill::{Batch, text};
use super::{lines, sealpress};

/// A PDF of so many pages that conforms but for their number, and says who made it. No page is like another.
pub(super) fn statement(pages: usize) -> Vec<u8> {
    let kids: String = (10..10 + pages).map(|n| format!("{n} 0 R ")).collect();
    let mut objects = vec![
        (1, "<</Type/Catalog/Pages 2 0 R>>".to_owned()),
        (2, format!("<</Type/Pages/Count {pages}/Kids[{kids}]>>")),
        (3, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned()),
        (5, "<</Producer(a bank)>>".to_owned()),
    ];
    for n in 10..10 + pages {
        let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>/Contents";
        objects.push((n, format!("{page} {} 0 R>>", n + 30)));
        let content = format!("BT /F 24 Tf 72 700 Td (Page {}: an amount of {n},204.50 is due) Tj ET", n - 9);
        objects.push((n + 30, format!("<</Length {}>>stream\n{content}\nendstream", content.len())));
    }
    let (mut file, mut table) = ("%PDF-1.4\n".to_owned(), "xref\n0 1\n0000000000 65535 f \n".to_owned());
    for (number, body) in objects {
        table += &format!("{number} 1\n{:010} 00000 n \n", file.len());
        file += &format!("{number} 0 obj\n{body}\nendobj\n");
    }
    let start = file.len();
    file += &format!("{table}trailer<</Size 99/Root 1 0 R/Info 5 0 R>>\nstartxref\n{start}\n%%EOF\n");
    file.into_bytes()
}

#[test]
fn a_backfill_leaves_documents_as_its_settings_say() {
    let batch = Batch::new(1, "", "customer-9,document-front,a.pdf,north\n");
    fs::write(batch.path("a.pdf"), statement(2)).unwrap();
    batch.run(&["run", "m.csv"], 0);
    let sent = || {
        let results = fs::read_to_string(batch.path("m.csv.sealpress/results.jsonl")).unwrap();
        let results: Vec<serde_json::Value> = results.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        results.into_iter().find(|line| line.to_string().contains("a.pdf")).unwrap().to_string()
    };
    assert!(sent().contains("passed-through"), "{}", sent());
    // Other rules than those the journal was begun under.
    let refused = batch.run(&["run", "m.csv", "--documents", "pages-only"], 2);
    assert!(text(&refused.stderr).contains("--accept-changed-policy"), "{}", text(&refused.stderr));
    for (flag, word) in [("--documents", "all"), ("--signed", "maybe"), ("--damaged-documents", "mend")] {
        let refused = batch.run(&["plan", "m.csv", flag, word], 2);
        let said = text(&refused.stderr);
        assert!(said.contains(word) && said.contains("flag"), "{said}");
    }
}

#[test]
fn settings_for_documents_are_shown_and_judged() {
    let shown = sealpress().args(["config", "show", "--origin"]).env("SEALPRESS_SIGNED", "keep").output().unwrap();
    assert_eq!(shown.status.code(), Some(0));
    let told = text(&shown.stdout);
    for (name, value) in [("documents", "as-issued"), ("signed", "keep"), ("damaged_documents", "refuse")] {
        let line = told.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {told}"));
        assert!(line.contains(value), "{line}");
    }
    let wrong = sealpress().args(["config", "show"]).env("SEALPRESS_SIGNED", "maybe").output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("SEALPRESS_SIGNED"), "{}", text(&wrong.stderr));
}

#[test]
fn prepare_leaves_documents_as_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("a.pdf");
    fs::write(&input, statement(3)).unwrap();
    let out = folder.path().join("out");
    let prepare = |more: &[&str]| {
        let output = sealpress().args(["prepare", "--json", "--out"]).args([&out, &input]).args(more).output().unwrap();
        lines(&output).pop().unwrap()
    };
    let names = |line: &serde_json::Value| line["actions"].to_string();
    assert!(names(&prepare(&[])).contains("passed-through"));
    assert_eq!(fs::read(out.join("a.pdf")).unwrap(), fs::read(&input).unwrap());
    let rewritten = prepare(&["--documents", "pages-only"]);
    assert!(names(&rewritten).contains("document-information-removed"), "{rewritten}");
}

#[test]
fn pages_leave_as_pictures_where_a_vendor_takes_no_documents() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("a.pdf"), statement(7)).unwrap();
    // Called as a page of the other would be.
    let own = super::photo(at, "a--2.jpg", 1400);
    let photo = fs::read(&own).unwrap();
    let prepare = |more: &[&str]| {
        let mut command = sealpress();
        command.args(["prepare", "--json", "--provider", "transmit", "--out"]).arg(at).arg(at.join("a.pdf"));
        command.arg(&own).args(more).output().unwrap()
    };
    let refused = prepare(&[]);
    assert_eq!(refused.status.code(), Some(3));
    let why = lines(&refused)[0]["error"].to_string();
    assert!(why.contains("pictures") && why.contains("pages"), "{why}");
    let drawn = prepare(&["--pages-as", "jpeg"]);
    assert_eq!(drawn.status.code(), Some(0), "{}", text(&drawn.stderr));
    let line = &lines(&drawn)[0];
    assert_eq!(line["pages"], serde_json::json!([1, 2, 3, 4, 5]));
    assert_eq!(line["output_format"], "jpeg");
    assert!(line["actions"].to_string().contains("pages-drawn"), "{line}");
    let further = line["further_outputs"].as_array().unwrap();
    let outputs: Vec<&str> = std::iter::once(&line["output"]).chain(further).map(|o| o.as_str().unwrap()).collect();
    assert_eq!(outputs.len(), 5);
    for output in &outputs {
        let (width, height) = image::image_dimensions(output).unwrap();
        assert!(width <= 3840 && height <= 2160 && height > 1000, "{output}: {width} by {height}");
    }
    let sizes: u64 = outputs.iter().map(|output| fs::metadata(output).unwrap().len()).sum();
    assert_eq!(line["bytes"], sizes);
    assert_eq!(fs::read(&own).unwrap(), photo, "an input was overwritten");
}
