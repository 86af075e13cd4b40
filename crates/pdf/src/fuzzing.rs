//! What the fuzz targets call, so that plain tests can replay their seeds.

use std::time::Duration;

use sealpress_media::{Format, Media};

use crate::{Drawing, Policy, Probe, Trimmer};

/// Opens a file: any outcome is fine that is not a panic or a hang.
pub fn open(data: &[u8]) {
    let Ok(media) = Media::sniff(data.to_vec()) else { return };
    let _ = Probe::read(&media);
}

/// Trims a file; what comes out must trim again to the same number of pages or fewer.
///
/// # Panics
/// When the output of a trim cannot be trimmed.
pub fn trim(data: &[u8]) {
    let Ok(media) = Media::sniff(data.to_vec()) else { return };
    let mut policy = Policy::default().with_page_budget(Duration::from_millis(200));
    policy.max_inflated_bytes = 16 << 20;
    let Ok(once) = Trimmer::new(policy.clone()).trim(&media) else { return };
    let kept = once.report().kept.len();
    let twice = Trimmer::new(policy.keeping_empty_pages().with_max_pages(16)).trim(once.media());
    match twice {
        Ok(twice) => assert_eq!(twice.report().kept.len(), kept, "a page was lost"),
        Err(e) => panic!("the output of a trim cannot be read: {e}"),
    }
}

/// Reads a TIFF as pictures and as a document; what comes out of the second must be a PDF of as many pages.
///
/// # Panics
/// When the reader panics, or what is written of a scan cannot be read.
pub fn scan(data: &[u8]) {
    let Ok(media) = Media::sniff(data.to_vec()) else { return };
    if media.format() != Format::Tiff {
        return;
    }
    let mut policy = Policy::default().with_page_budget(Duration::from_millis(200));
    policy.max_pages = 2;
    if let Err(e) = Trimmer::new(policy.clone()).draw(&media, &Drawing::default()) {
        // Its reader is ours: a guard that had to catch it is a bug.
        assert_ne!(e.to_string(), "the file broke its reader");
    }
    let Ok(written) = Trimmer::new(policy).trim(&media) else { return };
    let pages = Probe::read(written.media()).map(|probe| probe.pages);
    assert!(matches!(pages, Ok(Some(pages)) if pages as usize == written.report().kept.len()), "{pages:?}");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    fn replay(target: &str, run: fn(&[u8])) {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
        let files: Vec<_> = std::fs::read_dir(seeds).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(!files.is_empty());
        for file in files {
            run(&std::fs::read(file).unwrap());
        }
    }

    #[test]
    fn seeds_of_open() {
        replay("pdf_open", super::open);
    }

    #[test]
    fn seeds_of_scan() {
        replay("tiff", super::scan);
    }

    #[test]
    fn seeds_of_trim() {
        replay("pdf_trim", super::trim);
    }
}
