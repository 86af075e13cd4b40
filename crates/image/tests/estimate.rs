//! `Normalizer::estimate` is a promise: what Rust allocates is counted by the allocator of this
//! binary; what the C codecs allocate is seen in the process's peak of resident memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use sealpress_image::{Normalizer, Policy, Probe};
use sealpress_media::Media;
use sealpress_testkit::{Jpeg, JpegFile, JpegSegment, Png, PngKind, Sampling, WebP, scene};

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[expect(unsafe_code, reason = "a global allocator cannot be written without; it only counts and forwards")]
// SAFETY: every call is forwarded unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(held, Ordering::Relaxed);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One measurement at a time.
static ONE: Mutex<()> = Mutex::new(());

#[test]
fn the_estimate_holds_for_every_kind() {
    let _one = ONE.lock();
    let picture = scene(1, 2200, 1700);
    let files = [
        ("baseline", Jpeg::new(&picture).encode()),
        ("baseline 4:4:4 turned", Jpeg::new(&picture).sampling(Sampling::S444).orientation(6).encode()),
        ("progressive", Jpeg::new(&picture).progressive().encode()),
        ("CMYK", Jpeg::new(&picture).cmyk().encode()),
        ("4:1:0", Jpeg::new(&picture).sampling(Sampling::S410).encode()),
        ("grey", Jpeg::new(&picture).gray().encode()),
        ("RGB PNG", Png::new(&picture).encode()),
        ("16-bit PNG", Png::new(&picture).kind(PngKind::Rgba16).encode()),
        ("palette PNG", Png::new(&picture).kind(PngKind::Palette8).encode()),
        ("WebP", WebP::new(&picture).encode()),
    ];
    for (name, file) in files {
        for policy in [
            Policy::default(),
            Policy::default().with_longer_side(500),
            Policy::default().with_longer_side(4000).without_pass_through(),
        ] {
            check(name, &file, policy);
        }
    }
}

#[test]
fn the_estimate_holds_for_what_passes_through() {
    let _one = ONE.lock();
    let picture = scene(2, 1600, 1200);
    let opaque = vec![255; 1600 * 1200];
    let mut padded = JpegFile::parse(&Jpeg::new(&picture).encode());
    for _ in 0..300 {
        padded = padded.before_scan(JpegSegment::new(0xED, &[7; 60_000]));
    }
    for (name, file) in [
        ("baseline", Jpeg::new(&picture).encode()),
        ("18 MB of application data", padded.write()),
        ("progressive", Jpeg::new(&picture).progressive().encode()),
        ("progressive 4:4:4", Jpeg::new(&picture).progressive().sampling(Sampling::S444).encode()),
        ("RGB PNG", Png::new(&picture).encode()),
        ("opaque RGBA PNG", Png::new(&picture).kind(PngKind::Rgba8).alpha(opaque).encode()),
        ("16-bit PNG", Png::new(&picture).kind(PngKind::Rgb16).encode()),
        ("palette PNG", Png::new(&picture).kind(PngKind::Palette8).encode()),
        ("WebP", WebP::new(&picture).encode()),
    ] {
        check(name, &file, Policy::default());
    }
}

#[test]
fn the_estimate_holds_for_real_media() {
    let _one = ONE.lock();
    let Some(corpus) = sealpress_testkit::corpus() else { return };
    for entry in corpus.entries.iter().filter(|e| !e.is_invalid && e.width.is_some_and(|w| w >= 1000)) {
        if matches!(entry.kind.as_str(), "jpeg" | "png" | "webp" | "heif") {
            check(&entry.path, &entry.bytes(), Policy::default().without_pass_through());
        }
    }
}

fn check(name: &str, file: &[u8], policy: Policy) {
    let media = Media::sniff(file.to_vec()).expect("a picture");
    let mut normalizer = Normalizer::new(policy);
    let Ok(probe) = Probe::read(&media) else { return };
    let estimate = normalizer.estimate(&probe);
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let resident = reset_resident();
    let result = normalizer.normalize(&media);
    let counted = (PEAK.load(Ordering::Relaxed) - before) as u64;
    let resident = resident.map(|r| peak_resident().saturating_sub(r));
    println!("{name}: estimated {estimate}, counted {counted}, resident {resident:?}");
    if result.is_ok() {
        assert!(counted <= estimate, "{name}: {counted} bytes counted, {estimate} estimated");
        // Resident memory comes in pages and includes what the C library keeps.
        let slack = 2 << 20;
        assert!(
            resident.is_none_or(|r| r <= estimate + slack),
            "{name}: {resident:?} bytes resident, {estimate} estimated"
        );
        // A bound that is far off would keep workers idle; what passes through was allowed to need a decode.
        let passed = result.is_ok_and(|done| done.report().actions.iter().any(|a| a.name() == "passed-through"));
        assert!(passed || estimate < counted * 12 + (16 << 20), "{name}: {estimate} estimated for {counted} counted");
    }
}

/// Starts a new peak; `None` where the kernel does not let us.
fn reset_resident() -> Option<u64> {
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    Some(field("VmRSS:"))
}

fn peak_resident() -> u64 {
    field("VmHWM:")
}

fn field(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or_default() * 1024
}
