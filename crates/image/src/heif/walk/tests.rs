//! Whole pictures end where they end, and damaged ones do not.

use sealpress_testkit::{Damage, Rng, testdata_root};

use super::super::tests::maker::{HVCC, SLICE, bytes};
use super::*;
use crate::heif::Heif;
use crate::limits::Limits;

const LIMITS: Limits = Limits { max_pixels: 80_000_000, max_memory: 1 << 30, max_scans: 500 };

/// What is found of the data of one picture, each unit behind its length.
fn found(config: &Config<'_>, data: &[u8]) -> Option<Ending> {
    let units = config.units(data, &LIMITS).ok()?;
    let found = ending(config, &units);
    for cpu in Cpu::all() {
        assert_eq!(ending_on(cpu, config, &units), found, "{cpu:?}");
    }
    found
}

/// Configuration and data of the only coded picture of each specimen. They were made by x265, whose rows are coded apart.
fn specimens() -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let mut all = vec![(String::from("made here"), bytes(HVCC), bytes(SLICE))];
    for name in ["id-back.heic", "selfie.heic"] {
        let file = std::fs::read(testdata_root().join("heic").join(name)).expect("a specimen");
        let heif = Heif::read(&file, &LIMITS).expect("a specimen");
        let tile = &heif.picture.tiles[0];
        let data = heif.picture.data(heif.meta.as_ref(), tile).expect("a specimen").expect("coded data");
        all.push((name.to_owned(), heif.picture.config(tile).raw.to_vec(), data.into_owned()));
    }
    all
}

#[test]
fn whole_pictures_end_where_they_end() {
    for (name, config, data) in specimens() {
        let config = Config::read(&config, &LIMITS).unwrap();
        assert_eq!(found(&config, &data), Some(Ending::Exact), "{name}");
    }
}

#[test]
fn pictures_of_other_encoders_and_kinds_end_where_they_end() {
    let Some(dir) = crate::heif::tests::corpus() else { return };
    let mut seen = 0;
    for folder in ["heic", "orientation", "photos"] {
        for entry in std::fs::read_dir(dir.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let file = std::fs::read(&path).unwrap();
            let Ok(heif) = Heif::read(&file, &LIMITS) else { continue };
            for tile in &heif.picture.tiles {
                // One file of the corpus is cut.
                let Ok(Some(data)) = heif.picture.data(heif.meta.as_ref(), tile) else { continue };
                let name = path.display();
                assert_eq!(found(heif.picture.config(tile), &data), Some(Ending::Exact), "{name}");
                seen += 1;
            }
        }
    }
    assert!(seen > 150, "{seen} coded pictures");
}

#[test]
fn every_kind_of_damage_is_found() {
    let mut rng = Rng::new(5);
    for (name, config, data) in specimens().split_off(1) {
        let config = Config::read(&config, &LIMITS).unwrap();
        for damage in Damage::ALL {
            for block in [512, 4096] {
                let damaged = damage.apply(&data, 64, block, &mut rng);
                let ending = found(&config, &damaged);
                assert!(damaged == data || ending != Some(Ending::Exact), "{name}: {damage:?} of {block}");
            }
        }
        for share in 1..8 {
            let mut cut = data.clone();
            cut[data.len() * share / 8..].fill(0);
            assert_ne!(found(&config, &cut), Some(Ending::Exact), "{name}: {share} eighths");
        }
    }
}

#[test]
fn hardly_any_wrong_bit_goes_unnoticed() {
    let config = bytes(HVCC);
    let config = Config::read(&config, &LIMITS).unwrap();
    let data = bytes(SLICE);
    // Behind the length, the unit's header and the slice's.
    let bits = 9 * 8..data.len() * 8;
    let count = bits.len();
    let unnoticed = bits.filter(|bit| {
        let mut wrong = data.clone();
        wrong[bit / 8] ^= 128 >> (bit % 8);
        found(&config, &wrong) == Some(Ending::Exact)
    });
    // Where the range is a power of two, a wrong bit that nobody foretells leaves no trace.
    let unnoticed = unnoticed.count();
    assert!(unnoticed * 20 < count, "{unnoticed} of {count}");
}

#[test]
fn missing_slices_and_units_are_found() {
    let config = bytes(HVCC);
    let config = Config::read(&config, &LIMITS).unwrap();
    let data = bytes(SLICE);
    let unit = &data[4..];
    assert_eq!(ending(&config, &[unit]), Some(Ending::Exact));
    // Zeros may follow a slice, anything else may not.
    assert_eq!(ending(&config, &[&[unit, &[0, 0, 3]].concat()]), Some(Ending::Exact));
    assert_eq!(ending(&config, &[&[unit, &[7]].concat()]), Some(Ending::Amiss));
    assert_eq!(ending(&config, &[]), None, "no slice is no picture");
}
