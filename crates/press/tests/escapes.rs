//! What a decoder that was taken over can do in a worker. Each attempt is a system call that it makes itself.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod common;

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::process::Command;

use common::{evil, good, is_same_as_in_process, press, refusal};
use sealpress_media::Format;
use sealpress_press::{Error, Isolated, Policies, Press, WorkerLimits};

/// Attempts and what became of them.
fn attempts() -> BTreeMap<String, String> {
    let refused = refusal(press().press(&evil(&format!("calls {}", std::process::id()))));
    let pairs = refused.message().split(' ').filter_map(|tried| tried.split_once('='));
    pairs.map(|(name, end)| (name.to_owned(), end.to_owned())).collect()
}

#[test]
fn no_call_reaches_beyond_the_worker() {
    let attempts = attempts();
    assert!(attempts.len() >= 60, "{attempts:?}");
    let wrong: Vec<_> = attempts
        .iter()
        .filter(|(name, end)| {
            let expected: &[&str] = match name.as_str() {
                // A C library falls back on `clone` for this answer only.
                "clone3" => &["ENOSYS"],
                // The limit of the address space answers, not the filter.
                "reserve-a-terabyte" => &["errno-12"],
                // The two doors to nowhere, and the socket's second number.
                "fd-1" | "fd-2" | "fd-3" => &["OPEN"],
                _ => &["EPERM"],
            };
            !expected.contains(&end.as_str())
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// The host of this test is alive to say so; its own descriptors were not inherited.
#[test]
fn descriptors_without_cloexec_are_not_inherited() {
    let open = std::fs::File::open("/etc/passwd").unwrap();
    // Duplicates above the standard ones, one of them without CLOEXEC.
    let fds: Vec<_> = (0..20).map(|_| rustix::io::dup(open.as_fd()).unwrap()).collect();
    let inherited: Vec<String> = attempts().into_keys().filter(|name| name.starts_with("fd-")).collect();
    assert_eq!(inherited, ["fd-1", "fd-2", "fd-3"]);
    drop(fds);
}

/// The C library, the page budget of PDFs and `abort` need what is left.
#[test]
fn what_decoding_needs_is_left() {
    let mut worker = press().worker();
    for end in [".pdf", ".png", ".webp", ".jpg"] {
        is_same_as_in_process(&mut *worker, &good(end));
    }
    // The machine's own decoder, where it has one, may round otherwise than ours.
    assert_eq!(worker.press(&good(".heic")).unwrap().media.format(), Format::Jpeg);
}

/// Runs this program again under a limit that the shell sets, with one of the two tests below.
fn under(limit: &str, test: &str) -> String {
    let program = std::env::current_exe().unwrap();
    let script = format!("{limit} && exec \"$0\" --exact {test} --nocapture");
    let out = Command::new("bash").args(["-c", &script]).arg(program).env("PRESS_UNDER", "1").output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{limit}: {text}");
    text
}

/// A hard limit below ours is taken as it is; good files come out.
#[test]
fn a_lower_hard_limit_of_memory_is_taken() {
    if std::env::var_os("PRESS_UNDER").is_some() {
        let mut worker = press().worker();
        is_same_as_in_process(&mut *worker, &good("driving-licence.jpg"));
        // One that dies for want of what is missing blames the machine.
        assert!(matches!(worker.press(&evil("allocate")), Err(Error::Unavailable { .. })));
        return;
    }
    under("ulimit -d 600000", "a_lower_hard_limit_of_memory_is_taken");
}

/// A lock that cannot be entered is an error of the run, before any file.
#[test]
fn a_lock_that_cannot_be_entered_is_no_files_fault() {
    let mut limits = WorkerLimits::default();
    limits.memory = 1 << 20;
    let press = Isolated::new(Policies::default()).with_limits(limits);
    let Err(Error::Unavailable { reason, .. }) = press.check() else { panic!("locked down with 1 MiB") };
    assert!(reason.contains("RLIMIT_DATA"), "{reason}");
    assert!(matches!(press.press(&good("driving-licence.jpg")), Err(Error::Unavailable { .. })));
}

/// So is a host that has no descriptor left for the socket.
#[test]
fn a_host_without_descriptors_is_no_files_fault() {
    if std::env::var_os("PRESS_UNDER").is_some() {
        let media = good("driving-licence.jpg");
        let mut held = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            held.push(file);
        }
        assert!(matches!(press().press(&media), Err(Error::Unavailable { .. })));
        held.truncate(held.len() - 12);
        drop(held.split_off(held.len() / 2));
        press().press(&media).unwrap();
        return;
    }
    under("ulimit -n 64", "a_host_without_descriptors_is_no_files_fault");
}
