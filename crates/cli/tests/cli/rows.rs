//! Slips in manifests, through the whole program: no session is submitted without a row of it that could not
//! be read, and what is said names the line.

use std::fs;

use super::backfill::text;
use super::doors::with_manifest;

/// What a manifest looks like whose session `s1` has two rows of which the second was spoiled, and the line on
/// which that is.
const SPOILED: [(&str, &[u8], u64); 25] = [
    ("short", b"subject,context,media\ns1,face,a.jpg\ns1,document-front\n", 3),
    ("broken off within the key", b"subject,context,media\ns1,face,a.jpg\ns", 3),
    ("broken off within the context", b"subject,context,media\ns1,face,a.jpg\ns1,docu", 3),
    ("behind blank lines", b"subject,context,media\ns1,face,a.jpg\n\n   \n,,\ns1,document-front\n", 6),
    ("long", b"subject,context,media\ns1,face,a.jpg\ns1,document-front,b.jpg,b\n", 3),
    ("long in the first row", b"subject,context,media\ns1,document-front,b.jpg,b\ns1,face,a.jpg\n", 2),
    ("an owner behind a comma too many", b"media,context,subject\na.jpg,face,s1\nb,b.jpg,document-front,s1\n", 3),
    ("an owner that is missing", b"media,context,subject\na.jpg,face,s1\nb.jpg,document-front\n", 3),
    ("another delimiter", b"subject;context;media\ns1;face;a.jpg\ns1,document-front,b.jpg\n", 3),
    ("spaces for tabs", b"subject\tcontext\tmedia\ns1\tface\ta.jpg\ns1 document-front b.jpg\n", 3),
    ("an open quote at the end", b"subject,context,media\ns1,face,a.jpg\ns1,document-front,\"b.jpg\n", 3),
    ("an open quote before the key", b"subject,context,media\ns1,face,a.jpg\n\"s1,document-front,b.jpg\n", 3),
    ("an open quote with rows behind", b"subject,context,media\n\"s1,face,a.jpg\ns1,document-front,b.jpg\n", 2),
    ("a zero byte", b"subject,context,media\ns1,face,a.jpg\n\0s1,document-front,b.jpg\n", 3),
    ("a character without width", b"subject,context,media\ns1,face,a.jpg\ns1\xe2\x80\x8b,document-front,b.jpg\n", 3),
    ("a mark within the file", b"subject,context,media\ns1,face,a.jpg\n\xef\xbb\xbfs1,document-front,b.jpg\n", 3),
    ("a key in Latin-1", b"subject,context,media\ns1,face,a.jpg\ns1\xa0,document-front,b.jpg\n", 3),
    ("JSON in a table", b"subject,context,media\ns1,face,a.jpg\n{\"subject\":\"s1\",\"context\":\"x\",\"media\":\"b\"}\n", 3),
    ("no context", b"subject,context,media\r\ns1,face,a.jpg\r\ns1,,b.jpg\r\n", 3),
    ("two owners", b"subject,session,context,media\ns1,,face,a.jpg\ns1,x,document-front,b.jpg\n", 3),
    ("nobody's", b"subject,context,media\ns1,face,a.jpg\n,document-front,b.jpg\n", 3),
    ("two headers joined", b"subject,context,media\ns1,face,a.jpg\nsubject,session,context,media\ns1,,face,b.jpg\n", 3),
    ("two keys of one name", b"{\"subject\":\"s1\",\"context\":\"face\",\"media\":\"a.jpg\"}\n{\"subject\":\"s1\",\"Subject\":\"s2\",\"context\":\"face\",\"media\":\"b.jpg\"}\n", 2),
    ("a list for a file", b"{\"subject\":\"s1\",\"context\":\"face\",\"media\":\"a.jpg\"}\n{\"subject\":\"s1\",\"context\":\"face\",\"media\":[\"b.jpg\"]}\n", 2),
    ("an owner that is an object", b"{\"subject\":\"s1\",\"context\":\"face\",\"media\":\"a.jpg\"}\n{\"subject\":{\"id\":\"s1\"},\"context\":\"face\",\"media\":\"b.jpg\"}\n", 2),
];

/// Further ways in which lines of JSON are none, the line of all of them being the second.
const NO_JSON: [&[u8]; 6] = [
    b"{\"subject\":\"s1\",\"context\":\"document-front\",\"media\":\"b.jpg\"",
    b"{\"subject\":\"s1\",\"context\":\"document-front\",\"media\":\"b.jpg\"}{\"subject\":\"s1\"}",
    b"{'subject':'s1','context':'document-front','media':'b.jpg'}",
    b"s1,document-front,b.jpg",
    b"[\"s1\",\"document-front\",\"b.jpg\"]",
    b"{\"SUBJECT\":\"s1\",\"context\":\"document-front\",\"media\":\"b.jpg\",}",
];

#[test]
fn no_session_is_submitted_without_a_row_that_could_not_be_read() {
    let batch = with_manifest("m.csv", b"", "");
    let json: Vec<Vec<u8>> = NO_JSON
        .iter()
        .map(|line| [&b"{\"subject\":\"s1\",\"context\":\"face\",\"media\":\"a.jpg\"}\n"[..], line].concat())
        .collect();
    let more = json.iter().map(|rows| ("no JSON", rows.as_slice(), 2));
    for (n, (what, rows, line)) in SPOILED.into_iter().chain(more).enumerate() {
        let name = format!("{n}.{}", if rows.starts_with(b"{") { "jsonl" } else { "csv" });
        fs::write(batch.path(&name), rows).unwrap();
        let output = batch.command(&["run", &name, "--json"]).output().unwrap();
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        let results = fs::read_to_string(batch.path(&format!("{name}.sealpress/results.jsonl"))).unwrap_or_default();
        assert!(matches!(output.status.code(), Some(2 | 3)), "{what}: {said}");
        assert!(format!("{said}{results}").contains(&format!("line {line}")), "{what}: {said}{results}");
        assert_eq!(batch.arrived().2, 0, "{what} was submitted: {said}{results}");
    }
}

/// What looks odd and is every spreadsheet's habit loses nothing.
#[test]
fn rows_of_nothing_and_keys_in_capitals_are_no_faults() {
    let batch =
        with_manifest("m.csv", b"Subject , CONTEXT,media\n\ns1,face,a.jpg\n,,\n \ns1 ,document-front,b.jpg\n,,\n", "");
    let end = batch.json(&["run", "m.csv", "--json"], 0);
    assert_eq!((&end["items"]["confirmed"], &end["sessions"]["submitted"]), (&2.into(), &1.into()), "{end}");
    let id = batch.emulator.json(&["session", "create", "--first-name", "Ada", "--json"])[0]["session"].clone();
    let id = id.as_str().unwrap();
    let rows = format!("session,context,media\n{id},face,a.jpg\n{},document-front,b.jpg\n", id.to_uppercase());
    fs::write(batch.path("same.csv"), rows).unwrap();
    let end = batch.json(&["run", "same.csv", "--json"], 0);
    assert_eq!(
        (&end["items"]["confirmed"], &end["sessions"]["submitted"]),
        (&2.into(), &1.into()),
        "one session: {end}"
    );
}

/// What nobody can tell from a wish is said before anything is sent.
#[test]
fn a_plan_names_subjects_that_look_alike() {
    let rows = b"subject,context,media\ns1,face,a.jpg\nS1,face,b.jpg\n's1',face,c.jpg\ns2,face,d.jpg\n";
    let batch = with_manifest("m.csv", rows, "");
    let plan = batch.json(&["plan", "m.csv", "--json"], 0);
    assert_eq!((&plan["look_alikes"], plan["look_alike"].as_array().unwrap().len()), (&2.into(), 2), "{plan}");
    assert!(plan["look_alike"][0].as_str().unwrap().starts_with("line 3: `S1`"), "{plan}");
    let array = b"[\n{\"subject\":\"s1\",\"context\":\"face\",\"media\":\"a.jpg\"}\n]\n";
    let batch = with_manifest("m.json", array, "");
    assert!(text(&batch.run(&["run", "m.json"], 2).stderr).contains("one object a line"));
    fs::write(batch.path("none.csv"), "subject,context,media\n").unwrap();
    assert!(text(&batch.run(&["run", "none.csv"], 0).stderr).contains("no rows"));
}
