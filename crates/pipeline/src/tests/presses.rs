//! Presses that fail, panic, go away or give more than one file.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::{Frame, Preparer};

/// Needs as much as it was told, and panics on tag 13.
struct Heavy(u64);

impl Press for Heavy {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(Self(self.0))
    }
    fn estimate(&self, _: &Media) -> Result<u64, press::Error> {
        Ok(self.0)
    }
    fn plan(&self, media: &Media) -> Result<Plan, press::Error> {
        Unchanged.plan(media)
    }
}

impl Worker for Heavy {
    fn press(&mut self, media: &Media) -> Result<Pressed, press::Error> {
        assert_ne!(media.bytes()[11], 13, "scripted");
        Unchanged.press(media)
    }
}

#[tokio::test]
async fn a_panic_costs_one_job_and_the_budget_holds() {
    let vendor = Vendor::new(|_| Step::Fine);
    let mut small = options();
    small.memory = 64 << 20;
    let pipeline = Builder::over(Arc::new(vendor.clone()), Arc::new(Heavy(40 << 20))).options(small).build().unwrap();
    let outcomes = all(&pipeline, (0..40).map(|n| job("s", n)).collect()).await;
    let failed: Vec<_> = outcomes.iter().filter(|o| o.result.is_err()).collect();
    assert_eq!((failed.len(), failed[0].item.tag), (1, 13));
    assert_eq!(failed[0].result.as_ref().unwrap_err().kind(), ErrorKind::Internal);
    let snapshot = pipeline.metrics();
    assert!(snapshot.memory_peak <= snapshot.memory_total, "{snapshot:?}");
    assert_eq!((snapshot.memory_used, vendor.records()), (0, 39));
}

/// There until its first file, then gone.
struct Gone;

impl Press for Gone {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(Self)
    }
    fn estimate(&self, _: &Media) -> Result<u64, press::Error> {
        Ok(0)
    }
    fn plan(&self, media: &Media) -> Result<Plan, press::Error> {
        Unchanged.plan(media)
    }
}

impl Worker for Gone {
    fn press(&mut self, _: &Media) -> Result<Pressed, press::Error> {
        Err(press::Error::unavailable("scripted"))
    }
}

#[tokio::test]
async fn a_press_that_goes_away_stops_the_run_and_blames_no_file() {
    let vendor = Vendor::new(|_| Step::Fine);
    let pipeline = Builder::over(Arc::new(vendor.clone()), Arc::new(Gone)).options(options()).build().unwrap();
    for outcome in all(&pipeline, (0..10).map(|n| job("s", n)).collect()).await {
        let error = outcome.result.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::NoPress | ErrorKind::Stopped), "{error:?}");
        assert!(error.is_retryable());
    }
    assert_eq!(pipeline.stopped().unwrap().kind(), ErrorKind::NoPress);
    assert_eq!(vendor.records(), 0);
}

#[tokio::test]
async fn bad_files_fail_alone_with_their_reason() {
    let vendor = Vendor::new(|_| Step::Fine);
    let pipeline = pipeline(&vendor);
    let jobs = vec![
        Job::new(&session("s"), "face", Vec::new()),
        Job::new(&session("s"), "face", b"GIF89a".to_vec()),
        Job::file(&session("s"), "face", "/nonexistent/file"),
        Job::file(&session("s"), "face", "/"),
        job("s", 1),
    ];
    let mut names = Vec::new();
    for outcome in all(&pipeline, jobs).await {
        names.push(outcome.result.map_or_else(|e| e.name(), |_| "confirmed"));
    }
    names.sort_unstable();
    assert_eq!(names, ["confirmed", "empty", "unreadable", "unreadable", "unsupported-format"]);
}

/// A press whose files come out as two.
#[derive(Clone, Copy)]
struct Doubling;

impl Press for Doubling {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(*self)
    }

    fn estimate(&self, _: &Media) -> Result<u64, press::Error> {
        Ok(0)
    }

    fn plan(&self, media: &Media) -> Result<Plan, press::Error> {
        Unchanged.plan(media)
    }
}

impl Worker for Doubling {
    fn press(&mut self, media: &Media) -> Result<Pressed, press::Error> {
        Ok(Unchanged.press(media)?.with_further(vec![media.clone()]))
    }
}

/// A press whose every file takes so much, and that counts them.
#[derive(Clone)]
struct Wide(u64, Arc<AtomicUsize>);

impl Press for Wide {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(self.clone())
    }

    fn estimate(&self, _: &Media) -> Result<u64, press::Error> {
        Ok(self.0)
    }

    fn plan(&self, media: &Media) -> Result<Plan, press::Error> {
        Unchanged.plan(media)
    }
}

impl Worker for Wide {
    fn press(&mut self, media: &Media) -> Result<Pressed, press::Error> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Unchanged.press(media)
    }
}

/// The best of a burst are kept and not pressed twice; where the next frame needs all the room there is, they are let
/// go instead of keeping it from ever getting its own.
#[tokio::test]
async fn the_best_of_a_burst_are_kept_while_there_is_room() {
    for (needs, kept) in [(0, true), (u64::MAX / 2, false)] {
        let pressed = Arc::new(AtomicUsize::new(0));
        let preparer = Preparer::new(Wide(needs, Arc::clone(&pressed)), &options()).unwrap();
        let photo = |n: usize| {
            let preparer = preparer.clone();
            async move { preparer.bytes([&b"\xFF\xD8\xFF\xE0"[..], &[n as u8; 2000]].concat()).await }
        };
        // Two bursts side by side, which could wait for each other for ever.
        let burst = || preparer.best(4, 2, photo);
        let both = async { tokio::join!(burst(), burst()) };
        let (one, other) = tokio::time::timeout(Duration::from_secs(60), both).await.expect("each waits for the other");
        for frames in [one, other] {
            let [Frame::Best(a), Frame::Best(b), Frame::Rest(_), Frame::Rest(_)] = &frames[..] else {
                panic!("{frames:?}")
            };
            assert_eq!((a.is_some(), b.is_some()), (kept, kept), "{needs}");
        }
        assert_eq!(pressed.load(Ordering::SeqCst), 8, "each frame once");
        assert_eq!(preparer.budget().used(), 0);
    }
}

/// Pieces have the share of their file between them, and nothing of it is left when they are gone.
#[tokio::test(start_paused = true)]
async fn pieces_share_the_room_of_their_file() {
    let preparer = Preparer::new(Doubling, &options()).unwrap();
    let prepared = preparer.bytes([&b"\xFF\xD8\xFF\xE0"[..], &[7; 100_000]].concat()).await.unwrap();
    let whole = preparer.budget().used();
    let mut pieces = preparer.pieces(prepared).await.unwrap();
    assert_eq!((pieces.len(), preparer.budget().used()), (2, whole));
    pieces.pop();
    let left = preparer.budget().used();
    assert!(left < whole && left * 3 > whole, "{left} of {whole}");
    pieces.clear();
    assert_eq!(preparer.budget().used(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_leaves_as_several_files_is_not_sent_in_part() {
    let vendor = Vendor::new(|_| Step::Fine);
    let pipeline = Builder::over(Arc::new(vendor.clone()), Arc::new(Doubling)).options(options()).build().unwrap();
    let error = pipeline.process(job("a", 1)).await.result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Press);
    assert!(error.to_string().contains("2 files"), "{error}");
    assert!(vendor.truth.lock().unwrap().records.is_empty());
}
