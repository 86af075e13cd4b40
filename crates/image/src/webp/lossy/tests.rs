//! Whole pictures end where they end, and damaged ones do not; and both are to the sample what libwebp makes of them.

mod kernels;

use sealpress_testkit::{Damage, Rng, scene};

use super::super::{Container, codec};
use super::*;
use crate::pool::Pool;

/// A picture of this size, in part transparent.
fn pixels(width: u32, height: u32, alpha: bool) -> Vec<u8> {
    let rgb = scene(7, width, height).data;
    let opacity = |i: usize| if alpha { (i / 37) as u8 } else { 255 };
    rgb.as_chunks::<3>().0.iter().enumerate().flat_map(|(i, p)| [p[0], p[1], p[2], opacity(i)]).collect()
}

fn found(file: &[u8]) -> Ending {
    let Ok(container) = Container::read(file) else { return Ending::Amiss };
    if !container.lossless && !container.alpha {
        let at = file.windows(4).position(|w| w == b"VP8 ").unwrap() + 8;
        let of = |cpu| walk_on(cpu, &file[at..]);
        assert!(Cpu::all().into_iter().all(|cpu| of(cpu) == of(Cpu::Scalar)), "every CPU says the same");
    }
    container.walk(file, &mut Pool::default()).map_or(Ending::Amiss, |(_, ending)| ending)
}

/// The file cut to its `VP8 ` chunk, and the chunk's data.
fn picture(file: &[u8]) -> (&[u8], &[u8]) {
    let at = file.windows(4).position(|w| w == b"VP8 ").unwrap();
    (&file[at..], &file[at + 8..])
}

/// Decodes on every CPU and by libwebp, and gives how the data end. `file` is one chunk, and its header true.
fn compare(name: &str, file: &[u8], width: u32, height: u32) -> Ending {
    let ((w, h), data) = ((width as usize, height as usize), &file[8..]);
    let halved = || Plane::filled(w.div_ceil(2), h.div_ceil(2), 0);
    let mut theirs = [Plane::filled(w, h, 0), halved(), halved()];
    let made = codec::planes(file, width, height, &mut theirs, None);
    let ending = walk(data);
    if !is_coded(data) {
        return ending;
    }
    assert_eq!(made.is_err(), ending == Ending::Beyond, "{name}: {made:?}");
    for cpu in Cpu::all() {
        let mut ours = room(w, h, &mut Pool::default());
        // What an earlier picture left.
        ours.iter_mut().for_each(|plane| plane.data.fill(0xA5));
        assert_eq!(decode_on(cpu, data, &mut ours), ending, "{name}: {cpu:?}");
        for (i, (ours, theirs)) in ours.iter().zip(&theirs).enumerate().filter(|_| made.is_ok()) {
            let differs = (0..theirs.height).find(|y| ours.row(*y) != theirs.row(*y));
            assert_eq!(differs, None, "{name}: {cpu:?}, plane {i}");
        }
    }
    ending
}

/// Files of all settings and small sizes, with their sizes, as `VP8 ` chunks.
fn all_settings(count: u32) -> impl Iterator<Item = (String, Vec<u8>, u32, u32)> {
    let mut rng = Rng::new(11);
    (0..count).map(move |i| {
        let (width, height) = match i {
            0..40 => (1 + i, 1 + i * 7 % 40),
            _ => (1 + rng.below(70), 1 + rng.below(70)),
        };
        let mut of = |n: u32| rng.below(n) as i32;
        let (quality, shape) = (of(101), of(3));
        let mut rgba = pixels(width, height, false);
        match shape {
            // Noise has coefficients that scenes have not.
            0 => rgba
                .as_chunks_mut::<4>()
                .0
                .iter_mut()
                .for_each(|p| *p = [of(256) as u8, of(256) as u8, of(256) as u8, 255]),
            1 => rgba.as_chunks_mut::<4>().0.iter_mut().for_each(|p| p[0] ^= of(64) as u8),
            _ => {}
        }
        let mut settings = String::new();
        let file = codec::encoded(&rgba, width, |config| {
            config.quality = quality as f32;
            config.method = of(7);
            config.segments = 1 + of(4);
            config.sns_strength = of(101);
            config.filter_strength = of(101);
            config.filter_sharpness = of(8);
            config.filter_type = of(2);
            config.partitions = of(4);
            config.preprocessing = of(4);
            config.pass = 1 + of(3);
            settings = format!("number {i}, {width}×{height}: {config:?}");
        });
        (settings, picture(&file).0.to_vec(), width, height)
    })
}

#[test]
fn all_settings_give_libwebps_samples() {
    let mut filters = std::collections::HashSet::new();
    for (name, file, width, height) in all_settings(400) {
        assert_eq!(compare(&name, &file, width, height), Ending::Exact, "{name}");
        let (header, _, partitions) = Header::read(&file[8..]).unwrap();
        filters.insert((format!("{:?}", header.filter), partitions.len()));
    }
    assert_eq!(filters.len(), 12, "all filters with all numbers of partitions: {filters:?}");
}

#[test]
fn a_large_picture_gives_libwebps_samples() {
    for quality in [60.0, 85.0, 95.0] {
        let file = codec::encoded(&pixels(1001, 700, false), 1001, |config| config.quality = quality);
        assert_eq!(compare(&format!("quality {quality}"), picture(&file).0, 1001, 700), Ending::Exact);
    }
}

#[test]
fn damaged_pictures_give_libwebps_samples() {
    let mut rng = Rng::new(5);
    let mut endings = [0; 4];
    for (name, file, width, height) in all_settings(160) {
        for round in 0..24 {
            let mut damaged = file.clone();
            // Where the header is, behind the sides, and anywhere.
            let span = if round % 3 == 0 { 60 } else { file.len() };
            for _ in 0..1 + rng.below(4) {
                let at = 18 + rng.below((span.min(file.len()) - 18) as u32) as usize;
                damaged[at] = rng.below(256) as u8;
            }
            if round % 8 == 7 {
                damaged.truncate(20 + rng.below(file.len() as u32 - 20) as usize);
                let length = damaged.len() as u32 - 8;
                damaged[4..8].copy_from_slice(&length.to_le_bytes());
            }
            endings[compare(&name, &damaged, width, height) as usize] += 1;
        }
    }
    assert!(endings.into_iter().all(|n| n > 20), "every way to end: {endings:?}");
}

#[test]
fn a_picture_without_data_is_none() {
    // One macroblock without coefficients: nothing of the second partition is wanted, and nothing is there.
    let file = codec::encoded(&[255; 4 * 16 * 16], 16, |_| {});
    let (_, data) = picture(&file);
    let first = u32::from_le_bytes([data[0], data[1], data[2], 0]) >> 5;
    let cut = &data[..10 + first as usize];
    assert_eq!(walk(cut), Ending::Beyond);
    assert_eq!(
        compare("without data", &[b"VP8 ", &(cut.len() as u32).to_le_bytes()[..], cut].concat(), 16, 16),
        Ending::Beyond
    );
}

#[test]
fn planes_too_small_are_left_alone() {
    let file = codec::encoded(&pixels(40, 40, false), 40, |_| {});
    let mut planes = room(40, 16, &mut Pool::default());
    assert_eq!(decode(picture(&file).1, &mut planes), Ending::Beyond);
    assert!(planes.iter().all(|plane| plane.data.iter().all(|v| *v == 0)));
}

/// Pictures of every way of coding, by name; partitions, segments, filters and qualities change from one to the next.
fn specimens() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for i in 0..48 {
        let (width, height) = [(333, 250), (64, 64), (17, 31), (500, 16)][i % 4];
        let alpha = i % 5 == 4;
        let file = codec::encoded(&pixels(width, height, alpha), width, |config| {
            config.quality = [75.0, 10.0, 95.0, 0.0, 100.0, 40.0][i % 6];
            config.method = (i % 7) as i32;
            config.partitions = (i / 4 % 4) as i32;
            config.segments = 1 + (i / 3 % 4) as i32;
            config.filter_type = (i / 2 % 2) as i32;
            config.filter_strength = (i * 17 % 100) as i32;
            config.alpha_compression = (i / 5 % 2) as i32;
            config.pass = 1 + (i / 7 % 3) as i32;
        });
        all.push((format!("{width}×{height}, number {i}"), file));
    }
    all
}

#[test]
fn whole_pictures_end_where_they_end() {
    for (name, file) in specimens() {
        assert_eq!(found(&file), Ending::Exact, "{name}");
    }
}

#[test]
fn every_kind_of_damage_is_found() {
    let mut rng = Rng::new(3);
    let large = specimens().into_iter().filter(|(_, file)| file.len() > 2000);
    for (name, file) in large {
        // Behind the headers, in which some bits are but numbers.
        let start = file.windows(4).position(|w| w == b"VP8 ").unwrap() + 100;
        for damage in Damage::ALL {
            let damaged = damage.apply(&file, start, 256, &mut rng);
            // What a bit says of the very end is not always seen.
            let allowed = damaged == file || damaged.len() != file.len();
            assert!(allowed || found(&damaged) != Ending::Exact, "{name}: {damage:?}");
        }
    }
}

#[test]
fn data_too_many_or_too_few_are_found() {
    for (name, file) in specimens() {
        let at = file.windows(4).position(|w| w == b"VP8 ").unwrap() + 8;
        let data = &file[at..];
        assert_eq!(walk(&[data, &[0; 3]].concat()), Ending::Exact, "{name}: padding");
        assert_eq!(walk(&[data, &[9; 40]].concat()), Ending::Amiss, "{name}");
        assert_eq!(walk(&data[..data.len() / 2]), Ending::Beyond, "{name}");
        assert_eq!(walk(&data[..4]), Ending::Beyond, "{name}");
    }
}

#[test]
fn alpha_is_held_to_its_end() {
    for compression in [0, 1] {
        let file = codec::encoded(&pixels(90, 70, true), 90, |config| config.alpha_compression = compression);
        assert_eq!(found(&file), Ending::Exact);
        let at = file.windows(4).position(|w| w == b"ALPH").unwrap();
        let length = u32::from_le_bytes(file[at + 4..at + 8].try_into().unwrap());
        let with = |length: u32, body: &[u8]| {
            let rest = &file[at
                + 8
                + (u32::from_le_bytes(file[at + 4..at + 8].try_into().unwrap()) as usize).next_multiple_of(2)..];
            let mut out = [&file[..at + 4], &length.to_le_bytes(), body, &vec![0; body.len() % 2], rest].concat();
            let size = out.len() as u32 - 8;
            out[4..8].copy_from_slice(&size.to_le_bytes());
            out
        };
        let body = &file[at + 8..][..length as usize];
        assert_eq!(found(&with(length, body)), Ending::Exact);
        assert_eq!(found(&with(length + 6, &[body, &[5; 6]].concat())), Ending::Amiss);
        assert_ne!(found(&with(length - 6, &body[..body.len() - 6])), Ending::Exact);
    }
}
