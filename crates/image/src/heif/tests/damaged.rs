//! Containers that are cut, contradict themselves or lead nowhere: refused, each with its kind.

use proptest::prelude::*;

use super::maker::File;
use super::*;

/// Small limits, so that a lie which passes costs little.
const SMALL: Limits = Limits { max_pixels: 1 << 20, max_memory: 1 << 26, max_scans: 10 };

/// Small files of the corpus, or one made here.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![File::single(&[]).write()];
    if let Some(dir) = corpus() {
        for name in [
            "exif-rs__exif.heic",
            "pillow-heif__LA_8__29x100.heif",
            "pillow-heif__L_12__29x100.heif",
            "heic__anim.heic",
            "pillow-heif__RGB_8_chroma444.heif",
        ] {
            seeds.push(std::fs::read(dir.join("heic").join(name)).unwrap());
        }
    }
    seeds
}

fn try_both(file: &[u8]) {
    for native in [false, true] {
        if let Ok(heif) = Heif::read(file, &SMALL) {
            let _ = heif.exif();
            if let Ok(planes) = heif.decode(&SMALL, native) {
                assert!(samples(&planes).iter().all(|s| !s.is_empty()));
                assert_eq!(planes.dimensions().unwrap(), heif.dimensions());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn changed_bytes_never_panic(seed in 0usize..6, changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let seeds = seeds();
        let mut file = seeds[seed % seeds.len()].clone();
        for (at, value) in changes {
            // Most of the structure is in front.
            let reach = file.len().min(1200);
            file[at.index(reach)] = value;
        }
        try_both(&file);
    }

    #[test]
    fn cut_files_never_panic(seed in 0usize..6, at in any::<prop::sample::Index>()) {
        let seeds = seeds();
        let file = &seeds[seed % seeds.len()];
        try_both(&file[..at.index(file.len())]);
    }
}
