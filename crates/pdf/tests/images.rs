//! Pictures of pages: what makes no sense of them is doubt, and what they carry beside the picture goes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use sealpress_pdf::Documents;
use support::raw::{File, TEXT, stream};
use support::{kept, output_has, patient, trim};

#[test]
fn images_that_make_no_sense_are_not_nothing() {
    let grey = |entries: &str, bytes: usize| {
        stream(&format!("/Type/XObject/Subtype/Image/Width 20/Height 20{entries}"), &vec![40; bytes])
    };
    for (what, image) in [
        ("an empty range", grey("/BitsPerComponent 8/ColorSpace/DeviceGray/Decode[]", 400)),
        ("a short range", grey("/BitsPerComponent 8/ColorSpace/DeviceRGB/Decode[0 1]", 1200)),
        ("an empty mask", grey("/BitsPerComponent 8/ColorSpace/DeviceGray/Mask[]", 400)),
        ("a mask of one number", grey("/BitsPerComponent 8/ColorSpace/DeviceGray/Mask[1]", 400)),
        ("a mask that is not there", grey("/BitsPerComponent 8/ColorSpace/DeviceGray/SMask 98 0 R", 400)),
        ("no colours", grey("/BitsPerComponent 8", 400)),
        ("unknown colours", grey("/BitsPerComponent 8/ColorSpace/Odd", 400)),
        ("a depth of 3", grey("/BitsPerComponent 3/ColorSpace/DeviceGray", 400)),
        ("no width", stream("/Subtype/Image/Height 20/BitsPerComponent 8/ColorSpace/DeviceGray", &[40; 400])),
        ("an unknown filter", grey("/BitsPerComponent 8/ColorSpace/DeviceGray/Filter/Odd", 400)),
        ("an unknown kind", stream("/Subtype/PS", b"showpage")),
    ] {
        let file = File::of(&[TEXT, "q 300 0 0 300 100 300 cm /I Do Q"]).with(50, image);
        assert_eq!(kept(file.bytes()), [1, 2], "{what}");
    }
    // Half of a white image: what is missing may be anything.
    let half = stream("/Subtype/Image/Width 20/Height 20/BitsPerComponent 8/ColorSpace/DeviceGray", &[255; 200]);
    assert_eq!(kept(File::of(&[TEXT, "q 500 0 0 800 9 9 cm /I Do Q"]).with(50, half).bytes()), [1, 2]);
    let whole = stream("/Subtype/Image/Width 20/Height 20/BitsPerComponent 8/ColorSpace/DeviceGray", &[255; 400]);
    assert_eq!(kept(File::of(&[TEXT, "q 500 0 0 800 9 9 cm /I Do Q"]).with(50, whole).bytes()), [1]);
}

/// Images within content are looked at like others, and doubt where they make no sense.
#[test]
fn images_within_content_are_not_nothing() {
    let grey = |entries: &str, level: &str, samples: usize| {
        let data = level.repeat(samples);
        format!("q 300 0 0 300 100 300 cm BI /W 20/H 20/BPC 8/F/AHx{entries} ID {data}> EI Q")
    };
    for (what, content) in [
        ("grey", grey("/CS/G", "28", 400)),
        ("a palette", grey("/CS[/I/RGB 1<ffffff204060>]", "01", 400)),
        ("half of a white one", grey("/CS/G", "ff", 200)),
        ("an empty range", grey("/CS/G/D[]", "28", 400)),
        ("unknown colours", grey("/CS/Odd", "28", 400)),
        ("a second filter that nobody knows", grey("/CS/G", "28", 400).replace("/F/AHx", "/F[/AHx/Odd]")),
        ("no end", grey("/CS/G", "28", 400).replace("> EI Q", "")),
        ("a mask", "q 300 0 0 300 100 300 cm BI /W 8/H 1/IM true/F/AHx ID 0f> EI Q".to_owned()),
    ] {
        assert_eq!(kept(File::of(&[TEXT, &content]).bytes()), [1, 2], "{what}");
    }
}

/// White to our interpreter, and black to others, or the other way round.
#[test]
fn colours_that_every_reader_makes_its_own_way_are_doubt() {
    let white =
        |entries: &str| stream(&format!("/Subtype/Image/Width 20/Height 20/BitsPerComponent 8{entries}"), &[255; 400]);
    let ink = "<</FunctionType 2/Domain[0 1]/C0[0 0 0 0]/C1[0 0 0 0]/N 1>>";
    let kept_of = |image: Vec<u8>| {
        let file = File::of(&[TEXT, "q 500 0 0 800 9 9 cm /I Do Q"]).with(50, image).with(51, ink);
        kept(file.bytes())
    };
    for odd in [
        "/ColorSpace/DeviceGray/Decode[0 99999999999999999999]",
        "/ColorSpace/DeviceGray/Decode[-7 1]",
        "/ColorSpace[/Indexed/DeviceGray 255<00>]",
        "/ColorSpace[/Indexed/DeviceRGB 1<FFFFFFFF>]",
        "/ColorSpace[/Indexed/DeviceGray -1<FF>]",
        "/ColorSpace[/Indexed/Odd 0<FF>]",
        "/ColorSpace[/Separation/Black/DeviceCMYK 99 0 R]",
        "/ColorSpace[/Separation/Black/Odd 51 0 R]",
    ] {
        assert_eq!(kept_of(white(odd)), [1, 2], "{odd}");
    }
    let palette = "FF".repeat(256);
    for whole in [
        format!("/ColorSpace[/Indexed/DeviceGray 255<{palette}>]"),
        "/ColorSpace[/Separation/Black/DeviceCMYK 51 0 R]".to_owned(),
        "/ColorSpace/DeviceGray/Decode[0 1]".to_owned(),
    ] {
        assert_eq!(kept_of(white(&whole)), [1], "{whole}");
    }
}

#[test]
fn pictures_lose_what_they_carry_however_they_are_wrapped() {
    let jpeg = |between: &[u8]| {
        let scan = [0x55; 200];
        [b"\xFF\xD8", between, b"\xFF\xDA\x00\x02", &scan, b"\xFF\xD9"].concat()
    };
    let exif = jpeg(b"\xFF\xE1\x00\x13Exif\0\0SECRETPLACE");
    let picture = |filter: &str, data: &[u8]| {
        let dict =
            format!("/Subtype/Image/Width 1/Height 1/BitsPerComponent 8/ColorSpace/DeviceGray/Name/SECRETNAME{filter}");
        File::of(&["q 9 0 0 9 9 9 cm /I Do Q"])
            .with(50, stream(&dict, data))
            .with(51, "/DCTDecode")
            .with(52, "[51 0 R]")
    };
    let inside = |dict: &str, data: &[u8]| {
        let content = [format!("q BI /W 1 /H 1 /BPC 8 /CS /G {dict} ID ").as_bytes(), data, b"\nEI Q"].concat();
        File::of(&[""]).with(30, stream("", &content))
    };
    let digits = exif.iter().map(|b| format!("{b:02x}")).collect::<String>() + ">";
    for (what, file) in [
        ("a filter that stands elsewhere", picture("/Filter 51 0 R", &exif)),
        ("a list of such filters", picture("/Filter[51 0 R]", &exif)),
        ("a list that stands elsewhere", picture("/Filter 52 0 R", &exif)),
        ("no encryption", picture("/Filter[/Crypt/DCTDecode]/DecodeParms[<</Name/Identity>>null]", &exif)),
        ("a picture in content", inside("/F /DCT", &exif)),
        ("the same in digits", inside("/F [/AHx /DCT]", digits.as_bytes())),
    ] {
        let trimmed = trim(file.bytes(), patient().with_documents(Documents::PagesOnly)).unwrap();
        for secret in [&b"SECRET"[..], b"534543524554", b"SECRETNAME"] {
            assert!(!output_has(&trimmed, secret, 1), "{what}");
            assert!(memchr::memmem::find(trimmed.media().bytes(), secret).is_none(), "{what}");
        }
    }
}
