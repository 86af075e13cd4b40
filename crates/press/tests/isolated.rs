//! The isolated press as a library's user has it: no call in `main`, under the test harness.

mod common;

use std::process::Command;
use std::time::Duration;

use common::{evil, good, is_same_as_in_process, press, refusal, worker_pids};
use sealpress_media::{Fault, Media, RefusalKind};
use sealpress_press::{Isolated, Isolation, Policies, Press, Probe, WorkerLimits};

#[test]
fn pictures_and_documents_come_back_as_from_a_press_in_this_process() {
    let mut worker = press().worker();
    for end in ["orientation-6.jpg", "driving-licence.jpg", "id-back-lossy.webp", ".png", ".pdf"] {
        is_same_as_in_process(&mut *worker, &good(end));
    }
}

#[test]
fn a_plan_comes_from_the_worker_and_costs_one_look_at_the_header() {
    let plan = press().plan(&good("orientation-6.jpg")).unwrap();
    let Probe::Picture { orientation, width, .. } = plan.probe else { panic!("{plan:?}") };
    assert_eq!((orientation, width > 0), (6, true));
    assert!(plan.actions.iter().any(|note| note.name == "oriented"), "{plan:?}");
    assert_eq!(plan.memory, press().estimate(&good("orientation-6.jpg")).unwrap());
    let plan = press().plan(&good(".pdf")).unwrap();
    assert!(matches!(plan.probe, Probe::Document { pages: Some(1..), .. }), "{plan:?}");
}

#[test]
fn refusals_keep_their_kind_and_the_press_goes_on() {
    let mut worker = press().worker();
    let broken = Media::sniff(&b"\xFF\xD8\xFF\xE0 not a picture"[..]).unwrap();
    for _ in 0..2 {
        let refused = refusal(worker.press(&broken));
        assert!(matches!(refused.kind(), RefusalKind::Truncated | RefusalKind::Corrupt), "{refused:?}");
        assert_eq!(refused.fault(), Fault::Input);
    }
    is_same_as_in_process(&mut *worker, &good("driving-licence.jpg"));
}

#[test]
fn isolation_is_what_the_platform_has() {
    let has = if cfg!(target_os = "linux") { Isolation::Locked } else { Isolation::Process };
    assert_eq!(press().isolation(), has);
    press().check().unwrap();
}

/// A press that cannot start says nothing about the file.
#[test]
fn a_worker_that_does_not_start_is_no_files_fault() {
    for program in ["/bin/false", "/nonexistent/program"] {
        let press = Isolated::new(Policies::default()).with_program(program);
        let error = press.press(&good("driving-licence.jpg")).unwrap_err();
        assert!(matches!(error, sealpress_press::Error::Unavailable { .. }), "{program}: {error:?}");
        assert_eq!(error.fault(), Fault::Internal);
        assert!(matches!(press.check(), Err(sealpress_press::Error::Unavailable { .. })), "{program}");
    }
}

/// Here by a file that makes its worker end by the signal that an operator would send.
#[test]
fn a_worker_killed_over_and_over_convicts_no_file() {
    let refused = refusal(press().press(&evil("kill-self")));
    assert_eq!((refused.kind(), refused.fault()), (RefusalKind::Internal, Fault::Internal), "{refused}");
    assert!(refused.message().contains("killed from outside"), "{refused}");
}

#[test]
fn a_crash_is_the_files_when_it_happens_again_and_the_next_file_comes_out() {
    let mut worker = press().worker();
    for what in ["abort", "overflow", "allocate", "segfault", "exit"] {
        let refused = refusal(worker.press(&evil(what)));
        assert_eq!((refused.kind(), refused.fault()), (RefusalKind::Crashed, Fault::Input), "{what}: {refused}");
        is_same_as_in_process(&mut *worker, &good("driving-licence.jpg"));
    }
}

#[test]
fn answers_that_are_none_are_a_crash() {
    let mut worker = press().worker();
    for what in ["garbage long", "garbage noise", "garbage kind", "garbage format"] {
        let refused = refusal(worker.press(&evil(what)));
        assert_eq!(refused.kind(), RefusalKind::Crashed, "{what}: {refused}");
        is_same_as_in_process(&mut *worker, &good("driving-licence.jpg"));
    }
}

#[test]
fn a_file_that_does_not_end_is_refused_by_its_cpu_time() {
    let mut limits = WorkerLimits::default();
    limits.deadline = Duration::from_millis(200);
    let press = Isolated::new(Policies::default()).with_limits(limits);
    let refused = refusal(press.press(&evil("spin")));
    assert_eq!((refused.kind(), refused.fault()), (RefusalKind::Timeout, Fault::Limit), "{refused}");
}

/// What only waits has not used its time: that is the machine's fault.
#[test]
fn a_worker_that_gets_no_time_is_no_files_fault() {
    let mut limits = WorkerLimits::default();
    limits.patience = Duration::from_millis(300);
    let press = Isolated::new(Policies::default()).with_limits(limits);
    let refused = refusal(press.press(&evil("sleep")));
    assert_eq!((refused.kind(), refused.fault()), (RefusalKind::Timeout, Fault::Remote), "{refused}");
}

#[test]
fn a_file_larger_than_agreed_needs_no_worker() {
    let mut limits = WorkerLimits::default();
    limits.most_input = 1000;
    let press = Isolated::new(Policies::default()).with_limits(limits).with_program("/bin/false");
    assert_eq!(refusal(press.press(&good("driving-licence.jpg"))).kind(), RefusalKind::TooLarge);
}

#[test]
fn the_whole_corpus_passes_through_one_worker() {
    let Some(corpus) = sealpress_testkit::corpus() else { return };
    let mut worker = press().worker();
    let mut pressed = 0;
    for entry in &corpus.entries {
        let Ok(media) = Media::sniff(entry.bytes()) else { continue };
        match worker.press(&media) {
            Ok(_) => pressed += 1,
            Err(sealpress_press::Error::Refused(refusal)) if refusal.kind() != RefusalKind::Crashed => {}
            Err(error) => panic!("{}: {error}", entry.path),
        }
    }
    assert!(pressed >= 80, "only {pressed} files were pressed");
}

/// Hosts end in ways that run no destructor.
#[test]
fn workers_die_with_their_host() {
    if std::env::var_os("PRESS_TEST_HOST").is_some() {
        let press = press();
        press.check().unwrap();
        println!("worker {}", worker_pids()[0]);
        std::process::abort();
    }
    let out = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "workers_die_with_their_host", "--nocapture"])
        .env("PRESS_TEST_HOST", "1")
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&out.stdout).into_owned();
    let pid = out.lines().find_map(|line| line.split("worker ").nth(1)).expect(&out).trim().parse().unwrap();
    common::is_gone(pid);
}

/// A variable that somebody has set by hand starts no worker, and no program twice.
#[test]
fn a_program_that_no_host_has_started_ends_at_once() {
    let out = Command::new(std::env::current_exe().unwrap()).env("SEALPRESS_PRESS_WORKER", "1").output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(out.stdout.is_empty() && String::from_utf8_lossy(&out.stderr).contains("SEALPRESS_PRESS_WORKER"));
}

#[test]
fn pages_as_pictures_come_back_one_by_one() {
    let policies = Policies::default().with_pages_as_pictures();
    let cases = sealpress_testkit::pdf_cases(11);
    let document = cases.iter().find(|case| case.kept.len() > 1).unwrap();
    let media = Media::sniff(document.bytes.clone()).unwrap();
    let pressed = Isolated::new(policies.clone()).press(&media).unwrap();
    assert_eq!(pressed.further.len() + 1, document.kept.len());
    assert_eq!(pressed.summary.pages, Some(document.kept.clone()));
    let here = sealpress_press::InProcess::new(policies).press(&media).unwrap();
    assert_eq!(pressed.media.bytes(), here.media.bytes());
    assert_eq!(pressed.further.len(), here.further.len());
    for (apart, here) in pressed.further.iter().zip(&here.further) {
        assert_eq!(apart.format(), sealpress_media::Format::Jpeg);
        assert_eq!(apart.bytes(), here.bytes());
    }
    assert!(pressed.summary.actions.iter().any(|note| note.name == "pages-drawn"), "{:?}", pressed.summary);
}
