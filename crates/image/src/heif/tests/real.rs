//! Files of real cameras, where the shared corpus is there, against other decoders.

use super::*;

/// What must come out: name, width and height before turning, orientation, chroma format, alpha.
const READ: [(&str, u32, u32, u8, u8, bool); 18] = [
    ("heic/exif-rs__exif.heic", 64, 64, 1, 0, false),
    ("heic/heic__anim.heic", 176, 128, 1, 1, false),
    ("heic/pillow-heif__LA_8__29x100.heif", 29, 100, 1, 0, true),
    ("heic/pillow-heif__L_10__29x100.heif", 29, 100, 1, 0, false),
    ("heic/pillow-heif__L_12__29x100.heif", 29, 100, 1, 0, false),
    ("heic/pillow-heif__L_xmp_latin1.heic", 16, 16, 1, 0, false),
    ("heic/pillow-heif__RGB_8_chroma444.heif", 29, 100, 1, 3, false),
    ("heic/pillow-heif__aspect_mismatch_thumbnail.heic", 128, 128, 1, 1, false),
    ("heic/pillow-heif__broken_thumbnail.heic", 128, 128, 1, 1, false),
    ("heic/pillow-heif__empty_icc.heic", 1025, 900, 1, 1, false),
    ("heic/pillow-heif__entity_groups.heic", 64, 64, 1, 1, false),
    ("heic/pillow-heif__invalid_metadata_type.heic", 16, 16, 1, 1, false),
    ("heic/pillow-heif__unsupported_depth_image.heic", 128, 128, 1, 1, false),
    ("heic/test-assets__IMG_2682.heic", 4032, 3024, 1, 1, false),
    ("hostile/renamed/heic.jpg", 128, 128, 1, 1, false),
    ("orientation/heic__exif.heic", 1346, 1346, 1, 1, false),
    ("orientation/heic__test_exif.heic", 640, 480, 6, 1, false),
    ("orientation/pillow-heif__arrow.heic", 4032, 3024, 6, 1, false),
];

/// What must be refused, and how.
const REFUSED: [(&str, ErrorKind); 6] = [
    ("heic/goheif__rotate.heic", ErrorKind::Truncated),
    ("heic/pillow-heif__200MP.heic", ErrorKind::TooLarge),
    ("hostile/nom-exif__compatible-brands.heic", ErrorKind::Corrupt),
    ("hostile/pillow-heif__corrupted.heic", ErrorKind::Corrupt),
    ("hostile/renamed/avif.heic", ErrorKind::UnsupportedFormat),
    ("orientation/lilliput__rotation-irot90.avif", ErrorKind::UnsupportedFormat),
];

#[test]
fn every_picture_decodes_and_both_decoders_agree() {
    let Some(dir) = corpus() else { return };
    if !native_available() {
        sealpress_testkit::skip("no libavcodec to compare with");
    }
    for (name, width, height, orientation, chroma, alpha) in READ {
        let file = std::fs::read(dir.join(name)).unwrap();
        let heif = Heif::read(&file, &LIMITS).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        let seen = (heif.dimensions().width(), heif.dimensions().height(), heif.orientation());
        assert_eq!(seen, (width, height, orientation), "{name}");
        assert_eq!((heif.picture.sps().chroma_format, heif.has_alpha()), (chroma, alpha), "{name}");
        let planes = heif.decode(&LIMITS, false).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        assert_eq!((planes.y.width, planes.y.height), (width as usize, height as usize), "{name}");
        assert_eq!(planes.alpha.is_some(), alpha, "{name}");
        if native_available() {
            let mut native = canvas::Decoders::new(&LIMITS, true).unwrap();
            native.forget_pure();
            let canvas = Canvas::decode(&heif.picture, heif.meta.as_ref(), &LIMITS, &mut native, canvas::Keep::Rounded);
            let other = canvas.unwrap_or_else(|e| panic!("{name}: {e:?}")).crop(heif.geometry.crop).into_planes().0;
            assert!(planes.y.data == other.y.data, "{name}: luma differs");
            let data = |p: &Planes| p.chroma.as_ref().map(|c| (c[0].data.clone(), c[1].data.clone()));
            assert!(data(&planes) == data(&other), "{name}: chroma differs");
        }
    }
}

#[test]
fn every_refusal_is_typed() {
    let Some(dir) = corpus() else { return };
    for (name, kind) in REFUSED {
        let file = std::fs::read(dir.join(name)).unwrap();
        let error = Heif::read(&file, &LIMITS).and_then(|h| h.decode(&LIMITS, false)).unwrap_err();
        assert_eq!(error.kind(), kind, "{name}: {error:?}");
    }
}

#[test]
fn metadata_of_a_phone() {
    let Some(dir) = corpus() else { return };
    let file = std::fs::read(dir.join("orientation/pillow-heif__arrow.heic")).unwrap();
    let heif = Heif::read(&file, &LIMITS).unwrap();
    assert_eq!(&heif.icc().unwrap()[36..40], b"acsp", "Display P3");
    assert!(matches!(&heif.exif().unwrap()[..4], b"MM\0*" | b"II*\0"));
    assert_eq!((heif.bit_depth(), heif.frames()), (8, 1));
    assert!(heif.memory() < 40_000_000, "{} bytes", heif.memory());
}

#[test]
fn a_smaller_limit_refuses_on_the_header() {
    let Some(dir) = corpus() else { return };
    let file = std::fs::read(dir.join("heic/test-assets__IMG_2682.heic")).unwrap();
    let pixels = Limits { max_pixels: 12_000_000, ..LIMITS };
    assert_eq!(Heif::read(&file, &pixels).err().unwrap().kind(), ErrorKind::TooLarge);
    let memory = Limits { max_memory: 18_000_000, ..LIMITS };
    let heif = Heif::read(&file, &memory).unwrap();
    assert_eq!(heif.decode(&memory, false).unwrap_err().kind(), ErrorKind::TooLarge);
}
