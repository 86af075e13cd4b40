//! Many kill-and-resume campaigns, each from a seed of its own:
//! `cargo run --release -p sealpress-backfill --example chaos -- --campaigns 100 [--seed N]`.

mod campaign;

use std::time::Instant;

use campaign::{CHILD, Dice, Launcher, Tally};
use clap::Parser;

#[derive(Parser)]
struct Args {
    /// How many
    #[arg(long, default_value_t = 100)]
    campaigns: u64,
    /// The first seed; campaign N uses seed + N
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() {
    if std::env::var_os(CHILD).is_some() {
        std::process::exit(campaign::child());
    }
    let args = Args::parse();
    let launcher = Launcher { program: std::env::current_exe().expect("this program's own path"), args: Vec::new() };
    let started = Instant::now();
    let mut all = Tally::default();
    for n in 0..args.campaigns {
        let seed = args.seed.wrapping_add(n);
        let one = campaign::campaign(Dice(seed).0, &launcher, None);
        all.runs += one.runs;
        all.kills += one.kills;
        all.at_random += one.at_random;
        all.items += one.items;
        all.duplicates += one.duplicates;
        all.looked_up += one.looked_up;
        all.retries += one.retries;
        if (n + 1) % 10 == 0 {
            println!("{} campaigns, {all:?}, {:.0} s", n + 1, started.elapsed().as_secs_f64());
        }
    }
    println!(
        "{} campaigns from seed {}: {} items, {} runs, {} killed ({} of them at random moments), {} uploads looked up; \
         0 lost, {} duplicates, 0 wrong submits",
        args.campaigns, args.seed, all.items, all.runs, all.kills, all.at_random, all.looked_up, all.duplicates
    );
}
