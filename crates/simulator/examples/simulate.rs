//! Tells histories by their seeds: `cargo xtask simulate`.

use std::process::ExitCode;
use std::time::Instant;

use sealpress_pipeline::planted::{self, Bug};
use sealpress_simulator::{Case, Size, Told, What, shrink};

const HELP: &str = "\
  --seeds N       how many histories, 300 unless told
  --from N        the first seed, 0 unless told
  --seed N        one history
  --trace         with --seed: all of it, in the order of simulated time
  --until STEP    with --trace: up to this line
  --shrink        cut down to what its violation needs, and told
  --keep FILE     with --shrink: its tape, to be told again by the suite
  --backfill      of the backfill's engine; without it, of the pipeline on its own
  --hundred       a hundred items each
  --plant BUG     with a bug in it: how long until it is found? ALL for all of them, one after another
";

struct Flags {
    seeds: std::ops::Range<u64>,
    is_one: bool,
    trace: bool,
    until: usize,
    shrink: bool,
    keep: Option<std::path::PathBuf>,
    size: Size,
    what: What,
    plant: Option<String>,
}

fn main() -> Result<ExitCode, lexopt::Error> {
    let flags = flags()?;
    match flags.plant.as_deref() {
        Some("ALL") => return Ok(all_bugs(&flags)),
        Some(name) => {
            let bug = Bug::ALL.iter().find(|bug| bug.as_str() == name);
            planted::plant(Some(*bug.ok_or_else(|| format!("no such bug: {name}"))?));
        }
        None => {}
    }
    Ok(campaign(&flags))
}

fn flags() -> Result<Flags, lexopt::Error> {
    use lexopt::ValueExt as _;
    let (mut seeds, mut from, mut one) = (300u64, 0u64, None);
    let mut flags = Flags {
        seeds: 0..0,
        is_one: false,
        trace: false,
        until: usize::MAX,
        shrink: false,
        keep: None,
        size: Size::Drawn,
        what: What::Pipeline,
        plant: None,
    };
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            lexopt::Arg::Long("seeds") => seeds = args.value()?.parse()?,
            lexopt::Arg::Long("from") => from = args.value()?.parse()?,
            lexopt::Arg::Long("seed") => one = Some(args.value()?.parse()?),
            lexopt::Arg::Long("until") => flags.until = args.value()?.parse()?,
            lexopt::Arg::Long("plant") => flags.plant = Some(args.value()?.string()?),
            lexopt::Arg::Long("trace") => flags.trace = true,
            lexopt::Arg::Long("shrink") => flags.shrink = true,
            lexopt::Arg::Long("keep") => flags.keep = Some(args.value()?.into()),
            lexopt::Arg::Long("backfill") => flags.what = What::Backfill,
            lexopt::Arg::Long("hundred") => flags.size = Size::Hundred,
            lexopt::Arg::Long("help") => {
                print!("{HELP}");
                std::process::exit(0);
            }
            other => return Err(other.unexpected()),
        }
    }
    flags.is_one = one.is_some();
    flags.seeds = one.map_or(from..from.saturating_add(seeds), |seed| seed..seed + 1);
    Ok(flags)
}

fn campaign(flags: &Flags) -> ExitCode {
    let start = Instant::now();
    let (mut n, mut bad, mut hours, mut posts, mut events) = (0u64, 0u64, 0.0, 0, 0);
    for seed in flags.seeds.clone() {
        let case = Case::seed(flags.what, seed).with_size(flags.size);
        let case = if flags.trace { case.with_lines() } else { case };
        let mut told = case.clone().tell();
        n += 1;
        hours += told.took.as_secs_f64() / 3600.0;
        posts += told.posts;
        events += told.events;
        if told.violation.is_some() {
            bad += 1;
            if flags.shrink {
                told = shrink(&case.clone().with_lines(), told);
                println!("seed {seed}, cut down to {} items:", told.items);
                if let Some(path) = &flags.keep
                    && let Err(e) = keep(path, flags, &told)
                {
                    println!("{}: {e}", path.display());
                    return ExitCode::FAILURE;
                }
            }
        }
        told.lines.iter().take(flags.until).for_each(|line| println!("{line}"));
        say(seed, &told, flags.is_one);
    }
    let took = start.elapsed();
    println!(
        "{n} seeds, {bad} with a violation; {hours:.0} simulated hours, {posts} uploads, {events} events in {took:.1?}"
    );
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A tape as the suite reads it: what is simulated and which bug it shows, then the numbers.
fn keep(path: &std::path::Path, flags: &Flags, told: &Told) -> std::io::Result<()> {
    let numbers: Vec<String> = told.tape.iter().map(|number| format!("{number:x}")).collect();
    let bug = flags.plant.as_deref().unwrap_or("none");
    std::fs::write(path, format!("{:?} {bug}\n{}\n", flags.what, numbers.join(" ")))
}

fn say(seed: u64, told: &Told, always: bool) {
    let hash = told.hash;
    match &told.violation {
        Some(what) => println!("seed {seed}: {what} ({} events, trace hash {hash:016x})", told.events),
        None if always => println!("seed {seed}: nothing wrong ({} events, trace hash {hash:016x})", told.events),
        None => {}
    }
}

/// The table of the README: for each bug the first seed that shows it.
fn all_bugs(flags: &Flags) -> ExitCode {
    let mut unseen = 0;
    for bug in Bug::ALL {
        planted::plant(Some(*bug));
        let first =
            |what| flags.seeds.clone().find_map(|seed| Some((what, seed, Case::seed(what, seed).tell().violation?)));
        match first(What::Pipeline).or_else(|| first(What::Backfill)) {
            Some((what, seed, said)) => println!("| `{}` | {what:?} | {seed} | {said} |", bug.as_str()),
            None => {
                unseen += 1;
                println!("| `{}` | | not within {} seeds | |", bug.as_str(), flags.seeds.end - flags.seeds.start);
            }
        }
    }
    planted::plant(None);
    if unseen == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
