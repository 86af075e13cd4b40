//! The short version of `cargo xtask chaos`: every named point once, and some random moments.

#[path = "../examples/chaos/campaign.rs"]
#[allow(dead_code, reason = "the long runner prints more of it")]
mod campaign;

use campaign::{CHILD, Day, Launcher, campaign};
use sealpress_backfill::ABORT_POINTS;

fn launcher() -> Launcher {
    let args = ["child", "--exact", "--nocapture", "--test-threads=1"].map(str::to_owned).to_vec();
    Launcher { program: std::env::current_exe().expect("this program has a path"), args }
}

/// Not a test: what the campaigns' children run.
#[test]
fn child() {
    if std::env::var_os(CHILD).is_some() {
        std::process::exit(campaign::child());
    }
}

#[test]
fn killed_at_every_named_point() {
    let mut kills = 0;
    for (n, point) in ABORT_POINTS.iter().enumerate() {
        kills += campaign(100 + n as u64, &launcher(), Some(point), Day::Punctual).kills;
    }
    assert!(kills >= 10, "only {kills} of {} points were met", ABORT_POINTS.len());
}

#[test]
fn killed_at_random_moments() {
    for seed in 1..=6 {
        campaign(seed, &launcher(), None, Day::Punctual);
    }
}

/// What is recorded after everybody looked is a duplicate, and its item says that there may be one.
#[test]
fn what_is_recorded_late_is_reported() {
    let duplicates: usize = (1..=4).map(|seed| campaign(seed, &launcher(), None, Day::Late).duplicates).sum();
    assert!(duplicates > 0, "nothing was recorded late");
}
