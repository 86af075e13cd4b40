//! Many kill-and-resume campaigns, each from a seed of its own:
//! `cargo run --release -p sealpress-backfill --example chaos -- --campaigns 100 [--seed N] [--late]`.

mod campaign;

use std::time::Instant;

use campaign::{CHILD, Day, Dice, Launcher, Tally};
use lexopt::ValueExt;

fn main() {
    if std::env::var_os(CHILD).is_some() {
        std::process::exit(campaign::child());
    }
    let (campaigns, seed, day) = args().unwrap_or_else(|e| {
        eprintln!("chaos: {e}; chaos [--campaigns N] [--seed N] [--late]");
        std::process::exit(2);
    });
    let launcher = Launcher { program: std::env::current_exe().expect("this program's own path"), args: Vec::new() };
    let started = Instant::now();
    let mut all = Tally::default();
    for n in 0..campaigns {
        let one = campaign::campaign(Dice(seed.wrapping_add(n)).0, &launcher, None, day);
        all.runs += one.runs;
        all.kills += one.kills;
        all.at_random += one.at_random;
        all.items += one.items;
        all.duplicates += one.duplicates;
        all.unreported += one.unreported;
        all.looked_up += one.looked_up;
        all.retries += one.retries;
        if (n + 1) % 10 == 0 {
            println!("{} campaigns, {all:?}, {:.0} s", n + 1, started.elapsed().as_secs_f64());
        }
    }
    println!(
        "{} campaigns from seed {}: {} items, {} runs, {} killed ({} of them at random moments), {} uploads looked up; \
         0 lost, {} duplicates, {} of them unreported, 0 wrong submits, 0 ends in doubt",
        campaigns, seed, all.items, all.runs, all.kills, all.at_random, all.looked_up, all.duplicates, all.unreported
    );
}

/// How many campaigns, and the first seed: campaign N uses seed + N.
fn args() -> Result<(u64, u64, Day), lexopt::Error> {
    let (mut campaigns, mut seed, mut day) = (100, 1, Day::Punctual);
    let mut flags = lexopt::Parser::from_env();
    while let Some(flag) = flags.next()? {
        match flag {
            lexopt::Arg::Long("campaigns") => campaigns = flags.value()?.parse()?,
            lexopt::Arg::Long("seed") => seed = flags.value()?.parse()?,
            lexopt::Arg::Long("late") => day = Day::Late,
            other => return Err(other.unexpected()),
        }
    }
    Ok((campaigns, seed, day))
}
