//! A worker that was forked in the first line of `main`. A program of its own without the test harness, which has
//! threads before it runs anything.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod common;

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    const SECRET: &str = "PRESS_EARLY_SECRET";
    if std::env::var_os(SECRET).is_none() {
        // Once more, with something to hide.
        let status = std::process::Command::new(std::env::current_exe().expect("this program"))
            .env(SECRET, "what-no-worker-may-have")
            .status();
        assert!(status.expect("this program starts").success(), "the program with the secret failed");
        return;
    }
    sealpress_press::fork_first_worker();
    let forked = children();
    assert_eq!(forked.len(), 1, "one worker was forked");
    early::the_environment_is_wiped(forked[0]);
    early::it_serves_and_is_locked_down(forked[0]);
    early::a_program_with_threads_forks_nothing();
    println!("test early ... ok");
}

/// The children of this process.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn children() -> Vec<u32> {
    let mut found = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").expect("/proc").filter_map(Result::ok) {
        let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        found.extend(text.split_whitespace().filter_map(|number| number.parse::<u32>().ok()));
    }
    found
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod early {
    use std::time::{Duration, Instant};

    use sealpress_press::Press;

    use crate::common::{evil, good, is_same_as_in_process, press, refusal};

    pub(crate) fn the_environment_is_wiped(worker: u32) {
        let path = format!("/proc/{worker}/environ");
        // Before it is locked down any process of this user may look; the child may not have come to it yet.
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let environment = std::fs::read(&path).expect("the worker's environment can be read");
            if environment.iter().all(|byte| *byte == 0) {
                return;
            }
            assert!(
                Instant::now() < until,
                "the environment is still there: {}",
                String::from_utf8_lossy(&environment)
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn it_serves_and_is_locked_down(forked: u32) {
        let press = press();
        let mut worker = press.worker();
        for end in [".pdf", ".png", ".jpg"] {
            is_same_as_in_process(&mut *worker, &good(end));
        }
        assert_eq!(crate::children(), [forked], "the forked worker served, and no other");
        let attempts = refusal(worker.press(&evil(&format!("calls {}", std::process::id()))));
        let attempts: Vec<_> = attempts.message().split(' ').filter_map(|tried| tried.split_once('=')).collect();
        assert!(attempts.len() >= 60, "{attempts:?}");
        let worked = attempts.iter().filter(|(name, end)| {
            let expected = match *name {
                "clone3" => "ENOSYS",
                "reserve-a-terabyte" => "errno-12",
                "fd-1" | "fd-2" | "fd-3" => "OPEN",
                _ => "EPERM",
            };
            *end != expected
        });
        assert_eq!(worked.collect::<Vec<_>>(), Vec::<&(&str, &str)>::new());
        // It was refused, so that the next file is another worker's: this program started again.
        is_same_as_in_process(&mut *worker, &good(".jpg"));
        assert!(!crate::children().contains(&forked), "the first worker was not replaced");
    }

    pub(crate) fn a_program_with_threads_forks_nothing() {
        let before = crate::children();
        std::thread::scope(|scope| {
            scope.spawn(sealpress_press::fork_first_worker);
        });
        assert_eq!(crate::children(), before);
    }
}
