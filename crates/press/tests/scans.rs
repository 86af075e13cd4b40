//! Scans through the door: what becomes of a TIFF of one page, and of several.

#![cfg(all(feature = "image", feature = "pdf"))]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use sealpress_media::{Format, Limits, Media, RefusalKind};
use sealpress_press::{Error, InProcess, Isolated, Policies, Press, Pressed, Probe};
use sealpress_testkit::{Tiff, TiffPage};

/// A scan of so many pages with something on each.
fn scan(pages: usize) -> Media {
    let page = || TiffPage::bilevel(800, 1000, |x, y| y % 40 < 8 && y > 40 && x % 30 < 20 && x > 30);
    Media::sniff(Tiff::of(std::iter::repeat_with(page).take(pages)).bytes()).unwrap()
}

fn limits(formats: &[Format]) -> Limits {
    let mut limits = Limits::none();
    limits.formats = formats.to_vec();
    (limits.image_bytes, limits.max_width, limits.max_height) = (10_000_000, 640, 640);
    (limits.pdf_bytes, limits.pdf_pages) = (20_000_000, 5);
    limits
}

/// What comes out in this process, which is what comes out of a worker.
fn press(policies: &Policies, media: &Media) -> Result<Pressed, Error> {
    let here = InProcess::new(policies.clone()).press(media);
    let apart = Isolated::new(policies.clone()).press(media);
    match (&here, &apart) {
        (Ok(here), Ok(apart)) => {
            assert_eq!(here.media.bytes(), apart.media.bytes());
            assert_eq!((here.further.len(), &here.summary), (apart.further.len(), &apart.summary));
        }
        (Err(here), Err(apart)) => assert_eq!(here.to_string(), apart.to_string()),
        other => panic!("{other:?}"),
    }
    here
}

#[test]
fn one_page_is_a_picture_within_the_box_whatever_the_vendor_takes() {
    for formats in [&[Format::Jpeg][..], &[Format::Jpeg, Format::Png, Format::Pdf]] {
        let pressed = press(&Policies::within(&limits(formats)), &scan(1)).unwrap();
        assert!(pressed.media.format().is_image() && formats.contains(&pressed.media.format()), "{pressed:?}");
        assert_eq!(pressed.summary.format, Format::Tiff);
        assert_eq!(pressed.summary.dimensions.map(|size| (size.width(), size.height())), Some((512, 640)));
        assert!(pressed.further.is_empty());
    }
}

#[test]
fn several_pages_are_a_document_where_the_vendor_takes_any() {
    let pressed = press(&Policies::within(&limits(&[Format::Jpeg, Format::Pdf])), &scan(7)).unwrap();
    assert_eq!(pressed.media.format(), Format::Pdf);
    assert_eq!(pressed.summary.pages, Some(vec![1, 2, 3, 4, 5]));
    assert_eq!((pressed.summary.format, pressed.summary.source_pages), (Format::Tiff, Some(7)));
    let refused = press(&Policies::within(&limits(&[Format::Jpeg])), &scan(2));
    assert!(matches!(&refused, Err(Error::Refused(r)) if r.kind() == RefusalKind::UnsupportedFormat), "{refused:?}");
}

#[test]
fn pages_leave_as_pictures_where_that_is_asked_for() {
    let policies = Policies::within(&limits(&[Format::Jpeg])).with_pages_as_pictures();
    let pressed = press(&policies, &scan(3)).unwrap();
    assert_eq!(pressed.further.len(), 2);
    assert!(pressed.further.iter().chain([&pressed.media]).all(|page| page.format() == Format::Jpeg));
}

#[test]
fn a_plan_says_what_becomes_of_it_and_what_that_holds() {
    let press = InProcess::new(Policies::within(&limits(&[Format::Jpeg, Format::Pdf])));
    for (pages, name) in [(1, "pages-drawn"), (2, "written-as-pdf")] {
        let plan = press.plan(&scan(pages)).unwrap();
        assert!(plan.actions.iter().any(|note| note.name == name), "{plan:?}");
        assert!(matches!(plan.probe, Probe::Document { pages: Some(n), .. } if n as usize == pages), "{plan:?}");
        assert_eq!(plan.memory, press.estimate(&scan(pages)).unwrap());
    }
}
