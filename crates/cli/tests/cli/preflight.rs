//! Blurred and empty pictures, as a person at a shell meets them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use sealpress_testkit::{Jpeg, Rgb, driving_licence};
use serde_json::Value;

use super::backfill::{Batch, text};
use super::doors::with_manifest;
use super::{lines, sealpress};

/// A sharp licence, the same out of focus, and an empty page.
pub(super) fn pictures(folder: &Path) -> [PathBuf; 3] {
    let sharp = driving_licence(1, 960);
    let empty = Rgb::filled(960, 640, [200, 198, 190]);
    let files = [("sharp", sharp.clone()), ("soft", out_of_focus(&sharp, 9)), ("empty", empty)];
    files.map(|(name, picture)| {
        let path = folder.join(format!("{name}.jpg"));
        fs::write(&path, Jpeg::new(&picture).quality(90).encode()).unwrap();
        path
    })
}

/// The mean over a square around each pixel.
fn out_of_focus(picture: &Rgb, radius: i64) -> Rgb {
    let mut out = picture.clone();
    let (width, height) = (i64::from(picture.width), i64::from(picture.height));
    for (i, out) in out.data.chunks_exact_mut(3).enumerate() {
        let (x, y) = (i as i64 % width, i as i64 / width);
        let mut sums = [0_u32; 3];
        let near = (-radius..=radius).step_by(3);
        let count = near.clone().count().pow(2) as u32;
        for (dx, dy) in near.clone().flat_map(|dy| near.clone().map(move |dx| (dx, dy))) {
            let (x, y) = ((x + dx).clamp(0, width - 1), (y + dy).clamp(0, height - 1));
            let pixel = picture.pixel(x as u32, y as u32);
            sums.iter_mut().zip(pixel).for_each(|(sum, v)| *sum += u32::from(v));
        }
        out.copy_from_slice(&sums.map(|sum| (sum / count) as u8));
    }
    out
}

fn run(words: &[&str], files: &[PathBuf]) -> Output {
    sealpress().args(words).args(files).output().unwrap()
}

fn codes(line: &Value) -> Vec<&str> {
    line["findings"].as_array().into_iter().flatten().filter_map(|finding| finding["code"].as_str()).collect()
}

#[test]
fn prepare_says_as_much_as_it_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let files = pictures(folder.path());
    let out = folder.path().join("out");
    let prepare = |preflight: &str| {
        let mut words = vec!["prepare", "--json", "--out", out.to_str().unwrap(), "--preflight", preflight];
        words.retain(|word| !word.is_empty());
        run(&words, &files)
    };
    let off = lines(&prepare("off"));
    assert!(off.iter().all(|line| line.get("quality").is_none() && line["ok"] == true), "{off:?}");
    let reported = lines(&prepare("report"));
    for line in &reported {
        assert!(line["quality"]["contrast98"].is_number() && line.get("findings").is_none(), "{line}");
        assert!(line["not_judged"].as_array().unwrap().iter().any(|what| what == "framing"), "{line}");
    }
    assert!(reported[0]["quality"]["sharpness"].as_f64().unwrap() > 0.18, "{}", reported[0]);
    let advised = lines(&prepare("advise"));
    assert_eq!(codes(&advised[0]), Vec::<&str>::new());
    assert_eq!(codes(&advised[1]), ["blurred_heavily"]);
    assert_eq!(codes(&advised[2]), ["blank"]);
    assert!(advised[2]["quality"]["sharpness"].is_null(), "what cannot be judged is null: {}", advised[2]);
    let refused = prepare("refuse:blank,blurred_heavily");
    assert_eq!(refused.status.code(), Some(3));
    let refused = lines(&refused);
    assert_eq!(refused[0]["ok"], true);
    for line in &refused[1..] {
        assert_eq!((&line["error"]["kind"], &line["error"]["fault"]), (&"quality".into(), &"input".into()), "{line}");
    }
    let usage = prepare("refuse:glare");
    assert_eq!(usage.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&usage.stderr).contains("blurred_heavily"), "{usage:?}");
}

#[test]
fn the_sharp_frame_is_the_best() {
    let folder = tempfile::tempdir().unwrap();
    let [sharp, soft, empty] = pictures(folder.path());
    let ranked = lines(&run(&["best", "--json", "--keep", "1"], &[empty, soft, sharp]));
    let names: Vec<&str> = ranked.iter().filter_map(|line| line["input"].as_str()?.rsplit('/').next()).collect();
    assert_eq!(names, ["sharp.jpg", "soft.jpg", "empty.jpg"]);
    let kept: Vec<bool> = ranked.iter().filter_map(|line| line["keep"].as_bool()).collect();
    assert_eq!(kept, [true, false, false]);
}

#[test]
fn people_read_numbers_findings_and_what_is_not_judged() {
    let folder = tempfile::tempdir().unwrap();
    let files = pictures(folder.path());
    let text = String::from_utf8(run(&["inspect", "--quality"], &files).stdout).unwrap();
    for words in ["sharpness", "heavily blurred", "hold still", "nothing visible", "nothing found", "cut-off edges"] {
        assert!(text.contains(words), "{words} is missing:\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 140), "{text}");
    let plain = String::from_utf8(run(&["inspect"], &files).stdout).unwrap();
    assert!(!plain.contains("sharpness"), "without being asked nothing is decoded:\n{plain}");
}

/// A manifest over a sharp picture, a blurred one and an empty one, and its lines of results.
pub(super) fn batch(rows: &[u8]) -> Batch {
    let batch = with_manifest("m.csv", rows, "");
    pictures(batch.folder.path());
    batch
}

pub(super) fn results(batch: &Batch) -> Vec<Value> {
    let text = fs::read_to_string(batch.path("m.csv.sealpress/results.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Results have the numbers, findings where they were asked for, and what nobody looked for; the report shows
/// how they are spread and whom to look at first, whatever was asked for.
#[test]
fn a_backfill_tells_what_it_measured() {
    let rows = b"subject,context,media\ns1,document-front,sharp.jpg\ns1,document-back,soft.jpg\ns2,face,empty.jpg\n";
    for (preflight, found) in [("report", None), ("advise", Some([vec![], vec!["blurred_heavily"], vec!["blank"]]))] {
        let batch = batch(rows);
        let end = batch.json(&["run", "m.csv", "--preflight", preflight, "--json"], 0);
        assert_eq!(end["items"]["confirmed"], 3, "a finding alone keeps nobody back: {end}");
        for (n, line) in results(&batch).iter().enumerate() {
            let told = &line["preflight"];
            assert!(told["quality"]["contrast98"].is_number(), "{line}");
            assert!(told["not_judged"].as_array().unwrap().iter().any(|what| what == "occlusion"), "{line}");
            match &found {
                None => assert!(told.get("findings").is_none(), "{line}"),
                Some(found) => assert_eq!(codes(told), found[n], "{line}"),
            }
        }
        let page = fs::read_to_string(batch.path("m.csv.sealpress/report.html")).unwrap();
        for said in ["Lowest scores", "Not judged: framing", "at half size", "blurred_heavily", "3 pictures"] {
            assert!(page.contains(said), "`{said}` is not in the report");
        }
    }
    let batch = batch(rows);
    batch.run(&["run", "m.csv", "--preflight", "off"], 0);
    assert!(results(&batch).iter().all(|line| line.get("preflight").is_none()));
    assert!(!fs::read_to_string(batch.path("m.csv.sealpress/report.html")).unwrap().contains("Lowest scores"));
    let refused = batch.run(&["plan", "m.csv", "--preflight", "refuse:glare"], 2);
    assert!(text(&refused.stderr).contains("blurred_heavily"), "{}", text(&refused.stderr));
}

/// Who is refused is the user's turn, by code and with advice; nobody is for a barcode, and no session is made for
/// a picture that is not sent.
#[test]
fn a_backfill_refuses_what_nobody_could_read() {
    let rows = b"subject,context,media\ns1,document-front,sharp.jpg\ns1,document-back,soft.jpg\n\
                 s2,document-front,soft.jpg\ns3,document-back-barcode,soft.jpg\n";
    let batch = batch(rows);
    let end = batch.json(&["run", "m.csv", "--preflight", "refuse:blurred_heavily", "--json"], 3);
    assert_eq!((&end["items"]["confirmed"], &end["items"]["failed"]), (&2.into(), &2.into()), "{end}");
    assert_eq!(batch.requests("create-session"), 2, "s2 has nothing to send");
    assert_eq!(batch.arrived(), (2, 0, 1));
    let failed = fs::read_to_string(batch.path("m.csv.sealpress/failed.csv")).unwrap();
    let refused: Vec<&str> = failed.lines().filter(|line| line.contains("quality,input")).collect();
    assert!(refused.len() == 2 && refused.iter().all(|line| line.contains("blurred_heavily: ")), "{failed}");
    assert!(refused.iter().all(|line| line.contains("hold still")), "{failed}");
}

/// Of several frames the best are sent; the others are said to be left out, and cost nothing.
#[test]
fn an_upload_sends_the_best_of_a_burst() {
    let batch = batch(b"");
    let id = batch.emulator.json(&["session", "create", "--first-name", "Ada", "--json"])[0]["session"].clone();
    let id = id.as_str().unwrap();
    let [sharp, soft, empty] = ["sharp", "soft", "empty"].map(|name| batch.path(&format!("{name}.jpg")));
    let [sharp, soft, empty] = [&sharp, &soft, &empty].map(|path| path.to_str().unwrap());
    let files = [empty, soft, sharp, "none.jpg"];
    let words = ["upload", "--session", id, "--context", "document-front", "--best", "1", "--json"];
    let output = batch.emulator.run(&[&words[..], &files].concat());
    assert_eq!(output.status.code(), Some(3), "one of them is not there: {}", text(&output.stderr));
    let told = lines(&output);
    assert_eq!(told[0]["left_out"], "not among the best", "{told:?}");
    assert!(told[1]["ok"] == true && told[1]["score"].is_number() && told[1].get("media_id").is_none(), "{told:?}");
    assert!(told[2]["media_id"].is_string() && told[2]["quality"]["score"].is_number(), "{told:?}");
    assert_eq!(told[3]["error"]["kind"], "unreadable", "{told:?}");
    assert_eq!(batch.arrived().0, 1);
    // Again it is looked for, and not sent.
    let again = batch.emulator.json(&[&words[..], &files[..3]].concat());
    assert_eq!(again[2]["confirmed"], "listed", "{again:?}");
    assert_eq!(batch.arrived().0, 1);
    let usage = batch.emulator.run(&["upload", "--session", id, "--context", "face", "--best", "0", sharp]);
    assert_eq!(usage.status.code(), Some(2));
}

/// Thumbnails are people: a page has them when it is asked for them and never otherwise, small, few, and only of files
/// that are what was measured.
#[test]
fn a_report_shows_pictures_when_it_is_asked_to() {
    let rows = b"subject,context,media\ns1,document-front,sharp.jpg\ns1,document-back,soft.jpg\ns2,face,empty.jpg\n\
        s3,face,gone.jpg\ns4,face,other.jpg\n";
    let batch = batch(rows);
    let [gone, other] = [10, 20].map(|grey| Jpeg::new(&Rgb::filled(300, 300, [grey; 3])).quality(90).encode());
    fs::write(batch.path("gone.jpg"), gone).unwrap();
    fs::write(batch.path("other.jpg"), &other).unwrap();
    batch.run(&["run", "m.csv"], 0);
    fs::remove_file(batch.path("gone.jpg")).unwrap();
    fs::write(batch.path("other.jpg"), [&other[..], b"\0"].concat()).unwrap();

    assert!(!fs::read_to_string(batch.path("m.csv.sealpress/report.html")).unwrap().contains("<img"));
    batch.run(&["report", "m.csv", "--out", "plain.html"], 0);
    assert!(!fs::read_to_string(batch.path("plain.html")).unwrap().contains("<img"));

    batch.run(&["report", "m.csv", "--thumbnails", "--out", "shown.html"], 0);
    let page = fs::read_to_string(batch.path("shown.html")).unwrap();
    let shown: Vec<&str> = page.split("<img src=\"data:image/jpeg;base64,").skip(1).collect();
    assert_eq!(shown.len(), 3, "{page}");
    for picture in shown {
        let bytes =
            base64::Engine::decode(&base64::prelude::BASE64_STANDARD, picture.split('"').next().unwrap()).unwrap();
        let decoded = image::load_from_memory(&bytes).unwrap();
        assert!(bytes.len() <= 12_000 && decoded.width().max(decoded.height()) <= 96, "{} bytes", bytes.len());
    }
    assert!(page.contains("<td class=why>not there") && page.contains("<td class=why>another file by now"), "{page}");
    assert!(page.contains("as confidential as the files"), "{page}");
    assert!(!page.contains(".jpg"), "no names of files in reports");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(batch.path("shown.html")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
