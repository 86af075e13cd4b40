//! Good files, evil files, and a look at the workers of this process.

#![allow(dead_code, reason = "each test program uses a part")]
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use std::time::{Duration, Instant};

use sealpress_media::{Media, Refusal};
use sealpress_press::{Error, InProcess, Isolated, Policies, Press, Pressed, Worker};

pub(crate) fn press() -> Isolated {
    Isolated::new(Policies::default())
}

/// A specimen whose path ends so.
pub(crate) fn good(end: &str) -> Media {
    let specimens = sealpress_testkit::media_manifest();
    let found = specimens.media.iter().find(|m| m.path.ends_with(end)).expect("a specimen");
    Media::sniff(found.bytes()).unwrap()
}

/// A JPEG that makes its worker do this.
pub(crate) fn evil(what: &str) -> Media {
    let order = format!("sealpress-escape:{what};");
    let length = u16::try_from(order.len() + 2).unwrap().to_be_bytes();
    Media::sniff([&[0xFF, 0xD8, 0xFF, 0xFE][..], &length, order.as_bytes()].concat()).unwrap()
}

/// A picture that takes a while.
pub(crate) fn slow() -> Media {
    let large = sealpress_testkit::scene(3, 6000, 4500);
    Media::sniff(sealpress_testkit::Png::new(&large).encode()).unwrap()
}

pub(crate) fn is_same_as_in_process(worker: &mut dyn Worker, media: &Media) {
    let apart = worker.press(media).unwrap();
    let here = InProcess::default().press(media).unwrap();
    assert!(apart.media.bytes() == here.media.bytes(), "{media:?} came out otherwise");
    assert_eq!(apart.summary, here.summary);
}

pub(crate) fn refusal(outcome: Result<Pressed, Error>) -> Refusal {
    match outcome {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("not a refusal: {other:?}"),
    }
}

/// Numbers of the workers that this process has.
pub(crate) fn worker_pids() -> Vec<i32> {
    let own = std::process::id().to_string();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &i32| {
            let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            line.starts_with("sealpress-press-worker")
                && status.lines().any(|l| l.strip_prefix("PPid:").is_some_and(|p| p.trim() == own))
        })
        .collect()
}

/// Whether it computes: it has used up some time of the CPU.
pub(crate) fn is_at_work(pid: i32) -> bool {
    // The fourteenth field of the line is its own time in ticks; the second is its name in brackets.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = stat.rsplit(") ").next().unwrap_or_default();
    after.split(' ').nth(11).and_then(|ticks| ticks.parse::<u64>().ok()).is_some_and(|ticks| ticks >= 2)
}

pub(crate) fn kill(pid: i32) {
    std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
}

/// Waits until there is no such process any more.
pub(crate) fn is_gone(pid: i32) {
    let since = Instant::now();
    while std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(since.elapsed() < Duration::from_secs(20), "worker {pid} outlived its host");
        std::thread::sleep(Duration::from_millis(5));
    }
}
