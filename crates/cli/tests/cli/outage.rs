//! Hosts that fail for longer than anybody retries.

use super::backfill::Batch;

/// Twenty-five sessions at once, three passes, a second of patience in each.
const RUN: [&str; 9] = ["run", "m.csv", "--patience", "1s", "--passes", "3", "--sessions", "25", "--json"];

fn failing(route: &str, effect: &str) -> Batch {
    Batch::new(25, &format!("[[fault]]\nroutes = ['{route}']\neffect = {effect}\n"), "")
}

#[test]
fn while_uploads_fail_and_listings_work_nobody_insists() {
    for effect in ["{ kind = 'status', status = 503 }", "{ kind = 'break', at = 'mid-body' }"] {
        let batch = failing("upload", effect);
        let end = batch.json(&RUN, 2);
        assert_eq!((&end["items"]["failed"], &end["items"]["total"]), (&0.into(), &50.into()), "{end}");
        assert!(end["stopped"].as_str().unwrap().contains("no item was marked failed"), "{end}");
        let sent = batch.requests("upload");
        assert!((3..=55).contains(&sent), "{sent} requests for 50 items: {effect}");
        assert_eq!(batch.arrived(), (0, 0, 0));
    }
}

#[test]
fn while_sessions_cannot_be_made_nobody_insists_and_nothing_is_lost() {
    let batch = failing("create-session", "{ kind = 'status', status = 503, retry_after = '0' }");
    let end = batch.json(&RUN, 2);
    assert_eq!(end["items"]["failed"], 0, "{end}");
    let asked = batch.requests("create-session");
    assert!((3..=28).contains(&asked), "{asked} requests for 25 sessions");
    // Better times.
    batch.emulator.recover();
    batch.run(&["run", "m.csv"], 0);
    assert_eq!(batch.arrived(), (50, 0, 25));
}
