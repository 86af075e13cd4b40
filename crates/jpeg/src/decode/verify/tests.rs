//! Files that are cut, damaged, padded or unusual in a known way, and what is said of each.

use sealpress_testkit::{Jpeg, JpegFile, Rgb, Rng, Sampling, scene};

use super::*;
use crate::plane::{Fresh, Scale};

const LIMITS: Limits = Limits { max_scans: 500, max_pixels: 80_000_000 };

fn verify(jpeg: &[u8]) -> Verdict {
    Decoder::new().verify(jpeg, LIMITS)
}

/// One file of each kind of coding, by name.
fn kinds() -> Vec<(&'static str, Vec<u8>)> {
    let picture = scene(3, 150, 90);
    let maker = || Jpeg::new(&picture).sampling(Sampling::S420);
    vec![
        ("baseline", maker().encode()),
        ("restarts", maker().restart(3).encode()),
        ("several scans", maker().optimized().encode()),
        ("4:1:1", Jpeg::new(&picture).sampling(Sampling::S411).encode()),
        ("grey", Jpeg::new(&picture).gray().encode()),
        ("CMYK", Jpeg::new(&picture).cmyk().encode()),
        ("progressive", maker().progressive().encode()),
        ("progressive with restarts", maker().progressive().restart(2).encode()),
        ("progressive CMYK", Jpeg::new(&picture).ycck().progressive().encode()),
    ]
}

/// Where the first segment of this marker stands.
fn segment(jpeg: &[u8], marker: u8) -> Range<usize> {
    let mut at = 2;
    loop {
        let found = super::super::segments::Segment::find(jpeg, at).unwrap();
        if found.marker == marker {
            return found.start..found.end;
        }
        at = found.end;
    }
}

#[test]
fn whole_files_are_whole_and_their_pieces_are_all_of_them() {
    for (name, jpeg) in kinds() {
        let verdict = verify(&jpeg);
        assert_eq!(verdict.result, Ok(()), "{name}");
        assert_eq!((verdict.end, verdict.end_marker, verdict.stray), (jpeg.len(), true, 0), "{name}");
        assert_eq!(verdict.dimensions, [150, 90], "{name}");
        let mut joined = vec![0xFF, 0xD8];
        verdict.pieces.iter().for_each(|p| joined.extend(&jpeg[p.range.clone()]));
        joined.extend([0xFF, 0xD9]);
        assert!(joined == jpeg, "{name}: the pieces are the file");
    }
}

#[test]
fn luma_on_the_way_is_that_of_a_decode() {
    for (name, jpeg) in kinds() {
        for cpu in crate::cpu::Cpu::all() {
            let mut decoder = Decoder::on(cpu);
            let (verdict, luma) = decoder.verify_with_luma(&jpeg, LIMITS, &mut Fresh);
            assert_eq!(verdict, verify(&jpeg), "{name}: the verdict is the same");
            // What is no luma but one of four inks is not looked at by anybody; planes are not given of those.
            if let Ok(planes) = decoder.planes(&jpeg, Scale::Full, LIMITS, &mut Fresh) {
                let luma = luma.unwrap_or_else(|| panic!("{name}: no luma"));
                assert_eq!((luma.width, luma.height), (150, 90), "{name}");
                assert!((0..90).all(|y| luma.row(y) == planes[0].row(y)), "{name}, {cpu:?}");
            }
            let (verdict, luma) = decoder.verify_with_luma(&jpeg[..jpeg.len() / 2], LIMITS, &mut Fresh);
            assert!(verdict.result.is_err() && luma.is_none(), "{name}: half a file has none");
        }
    }
}

#[test]
fn a_file_cut_anywhere_is_truncated_or_lacks_only_its_end() {
    for (name, jpeg) in kinds() {
        let mut decoder = Decoder::new();
        for len in (0..jpeg.len() - 2).step_by(7).chain(jpeg.len() - 40..jpeg.len() - 2) {
            let verdict = decoder.verify(&jpeg[..len], LIMITS);
            // The padding of the last byte may be all that is lost.
            let only_the_end = len + 3 >= jpeg.len() && verdict.result.is_ok() && !verdict.end_marker;
            assert!(verdict.result == Err(Error::Truncated) || only_the_end, "{name}, {len}: {verdict:?}");
        }
        let without_end = verify(&jpeg[..jpeg.len() - 2]);
        assert_eq!((without_end.result, without_end.end_marker), (Ok(()), false), "{name}");
        assert_eq!(without_end.end, jpeg.len() - 2, "{name}");
    }
}

#[test]
fn what_is_lost_in_the_middle_is_noticed() {
    for (name, jpeg) in kinds() {
        let data = segment(&jpeg, SOS).end;
        let mut cut = jpeg[..data + (jpeg.len() - data) / 3].to_vec();
        cut.extend([0xFF, 0xD9]);
        assert!(verify(&cut).result.is_err(), "{name}: an end marker does not make it whole");
        let none = [&jpeg[..data], &[0xFF, 0xD9]].concat();
        assert!(verify(&none).result.is_err(), "{name}: no data at all");
    }
}

/// What follows a flipped bit that still makes sense is too bright or too dark as a whole.
#[test]
fn blocks_brighter_than_any_can_be_are_damage() {
    for (name, jpeg) in kinds() {
        let mut bright = jpeg.clone();
        // The first step of the first table: marker, length, the table's number.
        bright[segment(&jpeg, 0xDB).start + 5] = 255;
        let expected = Error::Corrupt("blocks brighter or darker than any can be");
        assert_eq!(verify(&bright).result, Err(expected), "{name}");
        let planes = Decoder::new().planes(&bright, Scale::Half, LIMITS, &mut Fresh);
        assert!(planes.is_err(), "{name}");
    }
}

/// The last bits of a scan, or before a restart marker, are ones or, with a few encoders, zeros.
#[test]
fn what_fills_the_last_byte_is_looked_at() {
    let picture = Rgb::new(8, 8, vec![128; 192]);
    let jpeg = Jpeg::new(&picture).gray().restart(1).encode();
    let data = segment(&jpeg, SOS).end;
    // A grey block: no difference and an end, six bits by the standard's tables, then two of padding.
    assert_eq!(jpeg[data..], [0b0010_1011, 0xFF, 0xD9]);
    for (padding, is_sound) in [(0b11, true), (0b00, true), (0b01, false), (0b10, false)] {
        let mut other = jpeg.clone();
        other[data] = 0b0010_1000 | padding;
        let verdict = verify(&other);
        let odd = usize::from(!is_sound);
        assert_eq!((verdict.result, verdict.stretches, verdict.odd_padding), (Ok(()), 1, odd), "{padding:02b}");
        let planes = Decoder::new().planes(&other, Scale::Full, LIMITS, &mut Fresh);
        assert_eq!(planes.is_ok(), is_sound, "{padding:02b}");
    }
}

/// A run of blocks without more coefficients ends with the last of them.
#[test]
fn a_run_of_blocks_behind_the_last_is_damage() {
    // A band whose only symbol says that two (or, by the bit behind it, three) blocks have no more.
    let script = |blocks: u8, data: u8| {
        let frame = [&[0xFF, 0xC2, 0, 11, 8, 0, 8, 0, 8 * blocks, 1, 1, 0x11, 0][..]].concat();
        let steps = [&[0xFF, 0xDB, 0, 67, 0][..], &[1; 64]].concat();
        let code = |class: u8, symbol: u8| [&[0xFF, 0xC4, 0, 20, class][..], &[1], &[0; 15], &[symbol]].concat();
        let scan = |first: u8, last: u8, data: u8| [0xFF, 0xDA, 0, 8, 1, 1, 0, first, last, 0, data];
        let dc = scan(0, 0, 0xFF >> blocks);
        [&[0xFF, 0xD8][..], &frame, &steps, &code(0, 0), &dc, &code(0x10, 0x10), &scan(1, 63, data), &[0xFF, 0xD9]]
            .concat()
    };
    assert_eq!(verify(&script(2, 0b0011_1111)).result, Ok(()));
    assert_eq!(verify(&script(3, 0b0111_1111)).result, Ok(()));
    let expected = Error::Corrupt("a run of blocks that goes on behind the last");
    assert_eq!(verify(&script(2, 0b0111_1111)).result, Err(expected));
    let planes = Decoder::new().planes(&script(2, 0b0111_1111), Scale::Full, LIMITS, &mut Fresh);
    assert_eq!(planes, Err(expected));
}

#[test]
fn trailers_and_padding_are_told_apart() {
    let (_, jpeg) = kinds().swap_remove(0);
    let body = &jpeg[..jpeg.len() - 2];
    let padded = [body, &[0; 5], &[0xFF, 0xFF, 0xD9]].concat();
    let verdict = verify(&padded);
    assert_eq!((verdict.result, verdict.end, verdict.stray), (Ok(()), padded.len(), 5));
    for (name, trailer) in [
        ("text", &b"SEFT and some more, \xFF\xC4 too"[..]),
        ("another picture", &jpeg),
        ("a long gap before an end marker", &[&[7; 9000][..], &[0xFF, 0xD9]].concat()),
        ("a frame", &jpeg[segment(&jpeg, 0xC0)]),
    ] {
        let with = [body, trailer].concat();
        let verdict = verify(&with);
        assert_eq!((verdict.result, verdict.end, verdict.end_marker), (Ok(()), body.len(), false), "{name}");
        let behind_the_end = [&jpeg[..], trailer].concat();
        let verdict = verify(&behind_the_end);
        assert_eq!((verdict.result, verdict.end, verdict.end_marker), (Ok(()), jpeg.len(), true), "{name}");
    }
}

#[test]
fn missing_tables_are_named() {
    let without = |jpeg: &[u8], marker: u8| {
        let mut jpeg = jpeg.to_vec();
        while verify(&jpeg).pieces.iter().any(|p| p.marker == marker) {
            let range = segment(&jpeg, marker);
            jpeg.drain(range);
        }
        verify(&jpeg).result
    };
    let kinds = kinds();
    assert_eq!(without(&kinds[6].1, 0xC4), Err(Error::Unsupported("a Huffman table that the file lacks")));
    assert_eq!(without(&kinds[0].1, 0xDB), Err(Error::Corrupt("a quantizer that the file lacks")));
    // Of sequential scans the standard's are meant, as far as the file was written by them.
    assert_eq!(without(&kinds[0].1, 0xC4), Ok(()));
    let own = Jpeg::new(&scene(5, 160, 120)).optimized().encode();
    assert_eq!(verify(&own).result, Ok(()));
    assert!(without(&own, 0xC4).is_err(), "the picture's own tables are missing");
}

#[test]
fn a_progressive_picture_without_its_later_scans_is_incomplete() {
    let (_, jpeg) = kinds().swap_remove(6);
    let pieces = verify(&jpeg).pieces;
    let scans: Vec<&Piece> = pieces.iter().filter(|p| p.marker == SOS).collect();
    assert!(scans.len() > 2);
    for scan in &scans[..scans.len() - 1] {
        let some = [&jpeg[..scan.range.end], &[0xFF, 0xD9]].concat();
        assert!(matches!(verify(&some).result, Err(Error::Incomplete(_))), "up to {scan:?}");
        assert_eq!(verify(&jpeg[..scan.range.end]).result, Err(Error::Truncated), "up to {scan:?}");
    }
    let few = Limits { max_scans: 2, ..LIMITS };
    assert_eq!(Decoder::new().verify(&jpeg, few).result, Err(Error::Limit("scans")));
}

#[test]
fn the_number_of_lines_may_stand_behind_the_scan() {
    for (name, jpeg) in kinds().into_iter().filter(|(name, _)| !name.starts_with("progressive")) {
        let first_scan = verify(&jpeg).pieces.iter().find(|p| p.marker == SOS).map(|p| p.range.end).unwrap();
        let lines = segment(&jpeg, 0xC0).start + 5;
        for nominal in [0_u16, 0xFFFF, 1000] {
            let mut other = [&jpeg[..first_scan], &[0xFF, DNL, 0, 4, 0, 90], &jpeg[first_scan..]].concat();
            other[lines..lines + 2].copy_from_slice(&nominal.to_be_bytes());
            let verdict = verify(&other);
            assert_eq!((verdict.result, verdict.dimensions), (Ok(()), [150, 90]), "{name}, {nominal}");
            let mut decoder = Decoder::new();
            assert_eq!(
                decoder.planes(&other, Scale::Half, LIMITS, &mut Fresh),
                decoder.planes(&jpeg, Scale::Half, LIMITS, &mut Fresh),
                "{name}, {nominal}"
            );
        }
    }
}

#[test]
fn a_number_of_lines_before_the_scans_means_nothing() {
    let (_, jpeg) = kinds().swap_remove(0);
    for body in [&[0, 7][..], &[0; 14]] {
        let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
        let other = [&jpeg[..2], &[0xFF, DNL], &length, body, &jpeg[2..]].concat();
        let (alone, verdict) = (verify(&jpeg), verify(&other));
        assert_eq!((verdict.result, verdict.dimensions), (alone.result, alone.dimensions));
    }
}

#[test]
fn a_wrong_restart_marker_is_noticed() {
    let (_, jpeg) = kinds().swap_remove(1);
    let data = segment(&jpeg, SOS).end;
    let marker = data + jpeg[data..].windows(2).position(|w| w == [0xFF, 0xD1]).unwrap();
    let mut wrong = jpeg.clone();
    wrong[marker + 1] = 0xD2;
    assert_eq!(verify(&wrong).result, Err(Error::Corrupt("restart markers out of order")));
    let more = [&jpeg[..marker], &[1, 2, 3], &jpeg[marker..]].concat();
    assert_eq!(verify(&more).result, Err(Error::Corrupt("bytes before a restart marker")));
}

#[test]
fn nothing_of_one_picture_reaches_the_next() {
    // Whole files, cut ones and damaged ones, each alone and then in shuffled order by one decoder.
    let mut rng = Rng::new(11);
    let mut files: Vec<Vec<u8>> = Vec::new();
    for (_, jpeg) in kinds() {
        for kind in 0..10 {
            let mut file = jpeg.clone();
            if kind > 0 {
                let from = if kind % 2 == 0 { segment(&jpeg, SOS).end } else { 2 };
                for _ in 0..1 + rng.below(3) {
                    let at = from + rng.below((jpeg.len() - from) as u32) as usize;
                    file[at] = rng.below(256) as u8;
                }
            }
            if kind == 9 {
                file.truncate(jpeg.len() * 2 / 3);
            }
            files.push(file);
        }
    }
    let alone: Vec<_> = files
        .iter()
        .map(|f| (Decoder::new().planes(f, Scale::Half, LIMITS, &mut Fresh), Decoder::new().verify(f, LIMITS)))
        .collect();
    assert!(alone.iter().filter(|(planes, _)| planes.is_ok()).count() > 5);
    assert!(alone.iter().filter(|(planes, _)| planes.is_err()).count() > 20);
    let mut decoder = Decoder::new();
    for round in 0..4 {
        for _ in 0..files.len() {
            let i = rng.below(files.len() as u32) as usize;
            let (planes, verdict) = &alone[i];
            let again = decoder.planes(&files[i], Scale::Half, LIMITS, &mut Fresh);
            assert_eq!(again.as_ref().err(), planes.as_ref().err(), "file {i}, round {round}");
            for (again, alone) in again.iter().flatten().zip(planes.iter().flatten()) {
                assert!((0..alone.height).all(|y| again.row(y) == alone.row(y)), "file {i}, round {round}");
            }
            assert_eq!(&decoder.verify(&files[i], LIMITS), verdict, "file {i}, round {round}");
        }
    }
}

/// A grey file of 128 × 64 samples whose data are zeros, with the standard's codes.
fn of_zeros(progressive: bool) -> Vec<u8> {
    let picture = scene(3, 128, 64);
    let maker = Jpeg::new(&picture).gray();
    let mut file = JpegFile::parse(&if progressive { maker.progressive() } else { maker }.encode());
    if progressive {
        // The first coefficients come as they are.
        *file.data(1) = vec![0; file.data(1).len().max(2_000)];
    } else {
        // No difference; then sixty-three times minus one without a zero between.
        *file.data(0) = vec![0; 128 * (2 + 63 * 3) / 8];
    }
    file.write()
}

#[test]
fn zeros_in_the_place_of_data_are_damage_where_they_mean_anything() {
    let verdict = verify(&of_zeros(false));
    assert_eq!(verdict.result, Err(Error::Corrupt("zeros in the place of data")));
    assert!(verify(&of_zeros(true)).result.is_err());
    // By a flat picture's own codes, they mean blocks like the one before.
    let flat = Rgb::new(640, 512, vec![128; 640 * 512 * 3]);
    let jpeg = Jpeg::new(&flat).gray().optimized().encode();
    assert!(jpeg.windows(256).any(|w| w == [0; 256]), "zeros are data here");
    assert_eq!(verify(&jpeg).result, Ok(()));
    let padded = |zeros: usize| {
        let mut file = JpegFile::parse(&Jpeg::new(&scene(3, 128, 64)).encode());
        file.data(0).extend(vec![0; zeros]);
        verify(&file.write())
    };
    assert_eq!(padded(600).result, Ok(()), "padding stands behind what was read");
}
