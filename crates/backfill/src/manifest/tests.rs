//! Manifests in all their spellings, and what is said of rows that cannot be read.

use super::*;

fn read(name: &str, text: &str) -> Vec<Row> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    Manifest::open(&path).unwrap().rows().unwrap().collect::<Result<_>>().unwrap()
}

fn refuse(text: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.csv");
    std::fs::write(&path, text).unwrap();
    Manifest::open(&path).unwrap_err().to_string()
}

#[test]
fn csv_rows_carry_their_other_columns() {
    let rows = read("m.csv", "subject,context,media,first_name,branch\nk1,face,a/b.jpg,Ada,\"x, y\"\n");
    assert_eq!(rows.len(), 1);
    let who = Who::Subject { subject: "k1".into(), first_name: Some("Ada".into()), last_name: None, vendor_data: None };
    assert_eq!(rows[0].who, Some(who));
    assert_eq!((rows[0].line, rows[0].context.as_str(), rows[0].media.as_str()), (2, "face", "a/b.jpg"));
    assert_eq!(rows[0].extra.as_deref(), Some(r#"{"branch":"x, y"}"#));
    assert_eq!(rows[0].bad, None);
}

#[test]
fn spreadsheets_write_semicolons_marks_and_capitals() {
    let rows = read("m.csv", "\u{feff}Session; Context ;MEDIA\r\ns1;face;a.jpg\r\n");
    assert_eq!(rows[0].who, Some(Who::Session("s1".parse().unwrap())));
    assert_eq!(rows[0].context.as_str(), "face");
}

#[test]
fn a_bad_row_is_its_own_problem() {
    let text = "session,subject,context,media\ns,,face,a.jpg\ns,k,face,a.jpg\n,,face,a.jpg\ns,,,a.jpg\ns,,face,\ntoo,few\ns,,face,b.jpg\n";
    let rows = read("m.csv", text);
    let said: Vec<_> = rows.iter().map(|r| r.bad.as_ref().map(|b| b.message.as_str())).collect();
    assert_eq!(
        said,
        [
            None,
            Some("line 3: both `session` and `subject`; one of them says whose media it is"),
            Some("line 4: neither `session` nor `subject`"),
            Some("line 5: no `context`"),
            Some("line 6: no `media`"),
            Some("line 7: 2 fields where the header has 4"),
            None,
        ]
    );
}

/// Every way in which a row may be broken while its owner can be read.
#[test]
fn a_bad_row_keeps_its_owner_and_its_text() {
    let rows = read("m.csv", "subject,context,media,note\ns1,face,a.jpg\ns1,face,a.jpg,Smith, John\r\ns2,face\n");
    let owners: Vec<_> = rows.iter().map(|r| r.who.as_ref().map(Who::key)).collect();
    assert_eq!(owners, [Some("subject:s1".into()), Some("subject:s1".into()), Some("subject:s2".into())]);
    assert!(rows.iter().all(|r| r.bad.is_some() && r.context.as_str() == "face"));
    let texts: Vec<_> = rows.iter().map(|r| String::from_utf8(r.raw.clone().unwrap()).unwrap()).collect();
    assert_eq!(texts, ["s1,face,a.jpg", "s1,face,a.jpg,Smith, John", "s2,face"]);

    // An owner that a field too many may have moved is believed where the row before has it too.
    let rows =
        read("m.csv", "note,subject,context,media\nok,s1,face,a.jpg\nSmith, John,s1,face,b.jpg\nx,y,s3,face,c.jpg\n");
    assert_eq!(rows[1].who.as_ref().map(Who::key), Some("subject:s1".into()));
    assert_eq!(rows[2].who, None);

    let rows = read(
        "m.jsonl",
        "{\"subject\":\"s1\",\"context\":\"face\",\"media\":\"b.jpg\",}\n{\"subject\": 7, \"media\": oops\n{\"subject\":\"a\",\"x\":{\"subject\":\"b\"},}\n",
    );
    let owners: Vec<_> = rows.iter().map(|r| r.who.as_ref().map(Who::key)).collect();
    assert_eq!(owners, [Some("subject:s1".into()), Some("subject:7".into()), None], "two owners are none");
    assert!(rows.iter().all(|r| r.bad.is_some() && r.raw.is_some()));
}

#[test]
fn marks_line_ends_and_encodings() {
    let line = "{\"subject\":\"s1\",\"context\":\"face\",\"media\":\"a.jpg\"}";
    for name in ["m.jsonl", "m.rows"] {
        let rows = read(name, &format!("\u{feff}{line}\r\n\r\n{line}\r\n"));
        assert_eq!(rows.iter().map(|r| (r.line, r.bad.is_some())).collect::<Vec<_>>(), [(1, false), (3, false)]);
    }
    for end in ["\n", "\r\n", "\r"] {
        let text = "session,context,media,note\ns,face,a.jpg,\"two\nlines\"\ns,face\n\ns,face,b.jpg,x\n";
        let lines: Vec<_> = read("m.csv", &text.replace('\n', end)).iter().map(|r| r.line).collect();
        assert_eq!(lines, [2, 4, 6], "{end:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.csv");
    std::fs::write(&path, b"session,context,media,note\ns,face,a.jpg,caf\xe9\n").unwrap();
    let rows: Vec<_> = Manifest::open(&path).unwrap().rows().unwrap().collect::<Result<_>>().unwrap();
    assert_eq!((rows[0].bad.is_none(), rows[0].extra.as_deref()), (true, Some("{\"note\":\"café\"}")));
    std::fs::write(&path, b"session,context,media,caf\xe9,caf\xe8\ns,face,a.jpg,1,2\n").unwrap();
    let rows: Vec<_> = Manifest::open(&path).unwrap().rows().unwrap().collect::<Result<_>>().unwrap();
    let extra = rows[0].extra.as_deref().unwrap();
    assert!(extra.contains("\"café\":\"1\"") && extra.contains("\"cafè\":\"2\""), "two columns: {extra}");
    for order in [u16::to_le_bytes, u16::to_be_bytes] {
        for mark in ["", "\u{feff}"] {
            let text = format!("{mark}session,context,media\n");
            std::fs::write(&path, text.encode_utf16().flat_map(order).collect::<Vec<_>>()).unwrap();
            assert!(Manifest::open(&path).unwrap_err().to_string().contains("UTF-16"));
        }
    }
}

/// A number beyond what is kept exactly would make one person of two.
#[test]
fn long_numbers_are_nobodys_keys() {
    let row = |key: &str| format!("{{\"subject\":{key},\"context\":\"face\",\"media\":\"a.jpg\"}}\n");
    let keys = ["18446744073709551615", "-7", "123456789012345678901234567890", "1.10", "1e3"];
    let rows = read("m.jsonl", &keys.map(row).concat());
    let owners: Vec<_> = rows.iter().map(|r| r.who.as_ref().map(Who::key)).collect();
    let kept = |key: &str| Some(format!("subject:{key}"));
    assert_eq!(owners, [kept(keys[0]), kept("-7"), None, None, None]);
    let said = &rows[2].bad.as_ref().unwrap().message;
    assert!(said.contains("line 3") && said.contains("put it in quotes"), "{said}");
    // Nor where the rest of the line is no JSON.
    assert_eq!(read("m.jsonl", "{\"subject\":1.10,\"context\":\"face\",}\n")[0].who, None);
}

#[cfg(unix)]
#[test]
fn links_that_lead_back_are_left_out() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("k/face")).unwrap();
    std::fs::write(dir.path().join("k/face/a.jpg"), "x").unwrap();
    std::os::unix::fs::symlink("..", dir.path().join("k/up")).unwrap();
    std::os::unix::fs::symlink("self.jpg", dir.path().join("k/self.jpg")).unwrap();
    std::os::unix::fs::symlink("gone.jpg", dir.path().join("k/face/b.jpg")).unwrap();
    let manifest = Manifest::open(dir.path()).unwrap();
    let rows: Vec<_> = manifest.rows().unwrap().map(|row| row.unwrap().media).collect();
    assert_eq!(rows, ["k/face/a.jpg", "k/face/b.jpg"], "a link to nothing is no loop: its row will say so");
    assert_eq!(manifest.left_out().unwrap().len(), 2);
}

#[test]
fn a_row_in_another_encoding_is_its_own_problem() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.csv");
    std::fs::write(&path, b"session,context,media\ns,face,caf\xe9.jpg\ns,face,b.jpg\n").unwrap();
    let rows: Vec<_> = Manifest::open(&path).unwrap().rows().unwrap().collect::<Result<_>>().unwrap();
    assert_eq!(rows[0].bad.as_ref().unwrap().message, "line 2: column `media` is not UTF-8");
    assert_eq!(rows[1].bad, None);
}

#[test]
fn a_header_must_make_sense() {
    assert!(refuse("").contains("no header"));
    assert!(refuse("a,b\n1,2\n").contains("no column `context`"));
    assert!(refuse("context,media\n").contains("neither a column `session` nor `subject`"));
    assert!(refuse("session,context,media,media\n").contains("two columns are called `media`"));
}

#[test]
fn json_lines_have_the_same_keys() {
    let text = "{\"session\":\"s\",\"context\":\"face\",\"media\":\"a.jpg\",\"score\":7}\n\n{oops\n[1]\n";
    let rows = read("m.jsonl", text);
    assert_eq!(rows[0].extra.as_deref(), Some(r#"{"score":"7"}"#));
    assert_eq!(rows[1].bad.as_ref().unwrap().message, "line 3: no JSON from column 2 on");
    assert_eq!(rows[2].bad.as_ref().unwrap().message, "line 4: not a JSON object");
}

#[test]
fn an_endless_line_is_skipped() {
    let text = format!(
        "{{\"session\":\"{}\"}}\n{{\"session\":\"s\",\"context\":\"face\",\"media\":\"a.jpg\"}}\n",
        "x".repeat(3 << 20)
    );
    let rows = read("m.jsonl", &text);
    assert_eq!(rows.len(), 2);
    assert!(rows[0].bad.is_some() && rows[1].bad.is_none());
    assert_eq!(rows[1].line, 2);
}

#[test]
fn a_folder_is_a_manifest() {
    let dir = tempfile::tempdir().unwrap();
    for file in [
        "k/face/b10.jpg",
        "k/face/b2.jpg",
        "k/document-front-2.jpg",
        "k/document-front.jpg",
        "k/.hidden",
        "stray.jpg",
        "k/Thumbs.db",
        "k/face/desktop.ini",
        "notes.txt",
    ] {
        let path = dir.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }
    let manifest = Manifest::open(dir.path()).unwrap();
    let rows: Vec<_> = manifest.rows().unwrap().collect::<Result<_>>().unwrap();
    let seen: Vec<_> = rows.iter().map(|r| (r.context.as_str(), r.media.as_str(), r.bad.is_some())).collect();
    assert_eq!(
        seen,
        [
            ("document-front", "k/document-front.jpg", false),
            ("document-front", "k/document-front-2.jpg", false),
            ("face", "k/face/b2.jpg", false),
            ("face", "k/face/b10.jpg", false),
            ("", "", true),
        ]
    );
    let left: Vec<_> = manifest.left_out().unwrap().iter().map(|p| p.display().to_string()).collect();
    assert_eq!(left, ["k/Thumbs.db", "k/face/desktop.ini", "notes.txt"]);
    let before = manifest.fingerprint().unwrap();
    std::fs::write(dir.path().join("k/face/b3.jpg"), "y").unwrap();
    assert_ne!(before, manifest.fingerprint().unwrap());
}

#[test]
fn the_state_lies_beside_the_manifest() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(Manifest::open(dir.path()).unwrap().default_state().parent(), dir.path().parent());
}

/// A forgotten quote swallows rows. Nothing is sent of such a manifest, and no more than a few
/// megabytes of it are held.
#[test]
fn a_quote_that_nobody_closes_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.csv");
    let read = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Manifest::open(&path).unwrap().rows().unwrap().collect::<Result<Vec<_>>>()
    };
    let head = "session,context,media,branch\n";
    for bad in [
        "s,face,\"a.jpg,x\ns,face,b.jpg,x\n",
        "s,face,\"a.jpg\ns,face,\"b.jpg\",x\n",
        "s,face,a.jpg,\"x\ns,face,b.jpg,y\n",
        "s,face,a.jpg,\"x\ns,face,b.jpg,y",
        "\"s,face,a.jpg,x\ns,face,b.jpg,y\n",
    ] {
        let error = read(&format!("{head}s,face,0.jpg,x\n{bad}")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Manifest, "{bad}");
        assert!(error.to_string().starts_with("line 3: a quote"), "{bad}: {error}");
    }
    // What is quoted and closed may have lines and quotes in it.
    for good in [
        "s,face,a.jpg,\"two\nlines\"\ns,face,b.jpg,y\n",
        "s,face,a.jpg,\"two\n\"\"lines\"\"\n\"",
        "s,face,\"5\"\" disk.jpg\",y",
    ] {
        assert!(read(&format!("{head}{good}")).unwrap().iter().all(|row| row.bad.is_none()), "{good}");
    }
    // 64 MiB behind a quote: refused within the first few.
    let mut text = format!("{head}s,face,\"a.jpg,x\n");
    while text.len() < 64 << 20 {
        text.push_str("s,face,an/ordinary/row/of/a/long/manifest.jpg,x\n");
    }
    let error = read(&text).unwrap_err();
    assert!(error.to_string().starts_with("line 2: a quote"), "{error}");
}
