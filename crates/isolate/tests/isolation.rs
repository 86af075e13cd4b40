//! What a worker can and cannot do. This program is its own worker, hence its own `main`.

use std::io::Write;
use std::process::{Command, ExitCode};
use std::time::Duration;

use bytes::Bytes;
use libtest_mimic::{Arguments, Failed, Trial};
use sealpress_isolate::{Error, Limits, Worker};

fn main() -> ExitCode {
    sealpress_isolate::worker_main_if_asked();
    if std::env::args().nth(1).is_some_and(|a| a == PROBE) {
        return probe();
    }
    let trials = vec![
        Trial::test("a_photo_comes_back_pressed", a_photo_comes_back_pressed),
        Trial::test("a_document_comes_back_trimmed", a_document_comes_back_trimmed),
        Trial::test("a_refusal_keeps_its_kind_and_the_worker_goes_on", a_refusal_keeps_its_kind),
        Trial::test("a_worker_that_is_killed_costs_one_job", a_killed_worker_costs_one_job),
        Trial::test("a_worker_that_hangs_is_ended_by_the_deadline", a_hanging_worker_is_ended),
        Trial::test("the_whole_corpus_passes_through_one_worker", the_corpus_passes),
        Trial::test("the_sandbox_refuses_files_sockets_programs_and_memory", the_sandbox_refuses),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn worker(change: impl FnOnce(&mut Limits)) -> Worker {
    let mut limits = Limits::default();
    change(&mut limits);
    Worker::new(sealpress_image::Policy::default(), sealpress_pdf::Policy::default(), limits)
}

fn a_photo_comes_back_pressed() -> Result<(), Failed> {
    let photo = sealpress_testkit::media_manifest()
        .media
        .into_iter()
        .find(|m| m.path.ends_with(".jpg"))
        .ok_or("no JPEG among the specimens")?;
    let pressed = worker(|_| ()).press(&photo.bytes().into())?;
    let dimensions = pressed.summary.dimensions.ok_or("no dimensions")?;
    check(dimensions.longer_side() <= 1920, "larger than the box")?;
    check(pressed.media.format() == pressed.summary.output_format, "the summary names another format")
}

fn a_document_comes_back_trimmed() -> Result<(), Failed> {
    let document = sealpress_testkit::media_manifest()
        .media
        .into_iter()
        .find(|m| m.path.ends_with(".pdf"))
        .ok_or("no PDF among the specimens")?;
    let pressed = worker(|_| ()).press(&document.bytes().into())?;
    check(pressed.summary.pages.is_some_and(|kept| !kept.is_empty()), "no page kept")
}

fn a_refusal_keeps_its_kind() -> Result<(), Failed> {
    let mut worker = worker(|_| ());
    for _ in 0..2 {
        let error = worker.press(&Bytes::from_static(b"GIF89a not for us")).err().ok_or("taken")?;
        check(error.kind() == "unsupported-format", &format!("{error:?}"))?;
        check(matches!(error, Error::Refused(_)), "not a refusal of the press")?;
    }
    Ok(())
}

/// A program that dies instead of answering stands for every crash of a decoder.
fn a_killed_worker_costs_one_job() -> Result<(), Failed> {
    let mut dying = worker(|_| ()).with_program("/bin/false");
    let error = dying.press(&Bytes::from_static(b"%PDF-1.7")).err().ok_or("taken")?;
    check(matches!(error, Error::Crashed | Error::Broken(_)), &format!("{error:?}"))
}

fn a_hanging_worker_is_ended() -> Result<(), Failed> {
    let folder = std::env::temp_dir().join(format!("sealpress-hang-{}", std::process::id()));
    std::fs::write(&folder, "#!/bin/sh\nexec sleep 60\n")?;
    #[cfg(unix)]
    std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let start = std::time::Instant::now();
    let mut hanging = worker(|l| l.deadline = Duration::from_millis(300)).with_program(&folder);
    let error = hanging.press(&Bytes::from_static(b"%PDF-1.7")).err().ok_or("taken")?;
    std::fs::remove_file(&folder)?;
    check(matches!(error, Error::Timeout), &format!("{error:?}"))?;
    check(start.elapsed() < Duration::from_secs(10), "the deadline did not hold")
}

fn the_corpus_passes() -> Result<(), Failed> {
    let Some(corpus) = sealpress_testkit::corpus() else { return Ok(()) };
    let mut worker = worker(|_| ());
    let mut pressed = 0;
    for entry in &corpus.entries {
        match worker.press(&entry.bytes().into()) {
            Ok(_) => pressed += 1,
            Err(error @ (Error::Broken(_) | Error::Crashed)) => return Err(format!("{}: {error}", entry.path).into()),
            Err(_) => {}
        }
    }
    check(pressed >= 80, &format!("only {pressed} files were pressed"))
}

const PROBE: &str = "probe-the-sandbox";

/// Runs in a process of its own: enters the sandbox and tries what a taken-over decoder would try.
/// Answers with one line per attempt that was NOT refused.
fn probe() -> ExitCode {
    let before = std::fs::File::open("/proc/self/status").is_ok();
    if sealpress_isolate::enter_sandbox(256 << 20).is_err() {
        return ExitCode::from(3);
    }
    let mut open = Vec::new();
    if !before {
        open.push("the probe itself");
    }
    if std::fs::File::open("/etc/passwd").is_ok() {
        open.push("reading a file");
    }
    if std::fs::write("/tmp/sealpress-probe", "x").is_ok() {
        open.push("writing a file");
    }
    if std::net::TcpStream::connect("127.0.0.1:9").is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionRefused) {
        open.push("a socket");
    }
    if Command::new("/bin/true").status().is_ok() {
        open.push("a program");
    }
    if Vec::<u8>::new().try_reserve_exact(1 << 30).is_ok() {
        open.push("a GiB of memory");
    }
    // A thread must still work: the page budget of PDFs needs one.
    if std::thread::spawn(|| 1).join().is_err() {
        open.push("(threads were refused)");
    }
    let _ = std::io::stdout().write_all(open.join(", ").as_bytes());
    ExitCode::SUCCESS
}

fn the_sandbox_refuses() -> Result<(), Failed> {
    if !cfg!(target_os = "linux") {
        sealpress_testkit::skip("the sandbox is Linux only");
        return Ok(());
    }
    let output = Command::new(std::env::current_exe()?).arg(PROBE).output()?;
    check(output.status.success(), &format!("the probe ended with {}", output.status))?;
    let open = String::from_utf8_lossy(&output.stdout).into_owned();
    check(open.is_empty(), &format!("the sandbox allowed: {open}"))
}

fn check(holds: bool, otherwise: &str) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}
