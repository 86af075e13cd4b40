//! What the fuzz target calls, so that plain tests can replay its seeds.

use crate::{Format, Media};

/// Looks at a file. What is seen is one of the six formats, keeps every byte, and does not change with what
/// stands behind the bytes that tell.
///
/// # Panics
/// When it does.
pub fn sniff(data: &[u8]) {
    let Ok(media) = Media::sniff(data.to_vec()) else { return };
    assert_eq!(media.bytes().as_ref(), data);
    assert!(Format::ALL.contains(&media.format()));
    let longer = [data, &[0; 64]].concat();
    let again = Media::sniff(longer).map(|media| media.format());
    assert_eq!(again.ok(), Some(media.format()), "bytes behind it changed what the file is");
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_of_sniff() {
        let seeds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/media_sniff");
        let files: Vec<_> = std::fs::read_dir(seeds).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(files.len() >= 6, "{files:?}");
        for file in files {
            let data = std::fs::read(file).unwrap();
            // Cut anywhere, too.
            (0..=data.len()).for_each(|n| super::sniff(&data[..n]));
        }
    }
}
