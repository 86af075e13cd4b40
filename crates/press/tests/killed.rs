//! Workers that somebody outside kills: a program of its own, for it kills whatever workers it has.

#![cfg(target_os = "linux")]

mod common;

use std::sync::Mutex;

use common::{good, is_same_as_in_process, press, worker_pids};
use sealpress_press::{InProcess, Isolated, Policies, Press};

/// One test at a time.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn a_worker_killed_while_it_waits_costs_nothing() {
    let _alone = ALONE.lock();
    let press = Isolated::new(Policies::default());
    let mut worker = press.worker();
    for _ in 0..3 {
        is_same_as_in_process(&mut *worker, &good("driving-licence.jpg"));
        press.check().unwrap();
        for pid in worker_pids() {
            common::kill(pid);
        }
    }
    is_same_as_in_process(&mut *worker, &good("driving-licence.jpg"));
}

/// A good file whose worker is killed while it has it comes out of the next one.
#[test]
fn a_worker_killed_at_work_gives_the_file_to_a_fresh_one() {
    let _alone = ALONE.lock();
    let press = press();
    let mut worker = press.worker();
    let slow = common::slow();
    // One that is at work already when it is looked for.
    let before = worker_pids();
    let done = std::thread::scope(|scope| {
        let pressing = scope.spawn(|| worker.press(&slow));
        let victim = loop {
            if let Some(pid) = worker_pids().into_iter().find(|pid| !before.contains(pid) && common::is_at_work(*pid)) {
                break pid;
            }
            assert!(!pressing.is_finished(), "it was done before it was found");
        };
        common::kill(victim);
        pressing.join().unwrap()
    });
    assert_eq!(done.unwrap().media.bytes(), InProcess::default().press(&slow).unwrap().media.bytes());
}
