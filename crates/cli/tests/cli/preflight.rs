//! Blurred and empty pictures, as a person at a shell meets them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use sealpress_testkit::{Jpeg, Rgb, driving_licence};
use serde_json::Value;

use super::{lines, sealpress};

/// A sharp licence, the same out of focus, and an empty page.
fn pictures(folder: &Path) -> [PathBuf; 3] {
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
