//! Doors that a manifest may not open.

use super::*;

fn sources(base: &Path, allowed: &[&str]) -> Sources {
    let allowed = allowed.iter().map(|text| Allowed::parse(text).unwrap()).collect();
    Sources::new(base.to_owned(), &[], allowed, 1 << 30).unwrap()
}

fn reason(found: Result<Found, Failure>) -> String {
    match found {
        Ok(_) => "found".to_owned(),
        Err(failure) => failure.reason,
    }
}

#[test]
fn a_named_folder_fences_files_in() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().join("batch");
    std::fs::create_dir(&base).unwrap();
    std::fs::write(base.join("a.jpg"), "x").unwrap();
    std::fs::write(dir.path().join("secret.txt"), "x").unwrap();
    std::os::unix::fs::symlink("../secret.txt", base.join("link.jpg")).unwrap();
    let further = dir.path().join("further");
    std::fs::create_dir(&further).unwrap();
    std::fs::write(further.join("b.jpg"), "x").unwrap();

    let open = sources(&base, &[]);
    assert_eq!(reason(open.find("../further/b.jpg")), "found", "the operator's own paths lead anywhere");
    assert_eq!(reason(open.find("file:///etc/passwd")), "not-allowed", "URLs do not");

    let sources = Sources::new(base.clone(), &[further], Vec::new(), 1 << 30).unwrap();
    assert_eq!(reason(sources.find("a.jpg")), "found");
    assert_eq!(reason(sources.find("../further/b.jpg")), "found");
    assert_eq!(reason(sources.find("../secret.txt")), "not-allowed");
    assert_eq!(reason(sources.find("/etc/passwd")), "not-allowed");
    assert_eq!(reason(sources.find("file:///etc/passwd")), "not-allowed");
    assert_eq!(reason(sources.find("link.jpg")), "not-allowed", "a link is where it leads");
    assert_eq!(reason(sources.find("none.jpg")), "unreadable");
    assert_eq!(reason(sources.find(".")), "unreadable");
}

#[test]
fn only_named_stores_are_asked() {
    let dir = tempfile::tempdir().unwrap();
    let sources = sources(dir.path(), &["https://media.example.com/in/", "s3://bucket/2026"]);
    for yes in
        ["https://media.example.com/in/a.jpg", "https://media.example.com:443/in/a.jpg?sig=1", "s3://bucket/2026/a"]
    {
        assert_eq!(reason(sources.find(yes)), "found", "{yes}");
    }
    for no in [
        "http://169.254.169.254/latest/meta-data/",
        "http://media.example.com/in/a.jpg",
        "https://media.example.com/other/a.jpg",
        "https://media.example.com/in/../other/a.jpg",
        "https://media.example.com/in/%2e%2e/other/a.jpg",
        "https://media.example.com/inside/a.jpg",
        "https://media.example.com.evil.test/in/a.jpg",
        "https://media.example.com@evil.test/in/a.jpg",
        "https://user@media.example.com/in/a.jpg",
        "https://media.example.com:8443/in/a.jpg",
        "s3://other/2026/a",
        "s3://bucket/2027/a",
        "s3://bucket/2026/../2027/a",
        "gs://bucket/2026/a",
        "ftp://media.example.com/in/a.jpg",
    ] {
        assert_eq!(reason(sources.find(no)), "not-allowed", "{no}");
    }
}

#[test]
fn an_allowance_says_where() {
    assert!(Allowed::parse("https://host/folder").is_ok());
    for no in ["host", "gs://bucket", "https://user:pw@host", "https://host/?q", "s3://"] {
        assert!(Allowed::parse(no).is_err(), "{no}");
    }
}

#[test]
fn doing_what_a_refusal_says_lets_it_pass() {
    let dir = tempfile::tempdir().unwrap();
    for url in
        ["http://127.0.0.1:8899/a.jpg", "https://host.example/in/a.jpg", "http://[::1]:80/a.jpg", "s3://bucket/a"]
    {
        let Err(refused) = sources(dir.path(), &[]).find(url) else { panic!("{url} was found") };
        let said = refused.message.split("--allow-source ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        assert_eq!(reason(sources(dir.path(), &[said]).find(url)), "found", "{url}: {}", refused.message);
    }
}
