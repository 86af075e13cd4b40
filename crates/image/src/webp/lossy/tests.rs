//! Whole pictures end where they end, and damaged ones do not.

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
    container.ending(file, &mut Pool::default()).unwrap_or(Ending::Amiss)
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
