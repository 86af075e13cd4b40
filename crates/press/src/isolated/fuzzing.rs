//! What the fuzz target calls, so that a plain test can replay its seeds.

use sealpress_media::{Format, Media};

use serde_json::Value;

use super::wire::{Answer, Ready};
use super::{Isolated, frame, host};
use crate::policies::Policies;

/// Most bytes of a body that are taken.
const MOST: usize = 64 * 1024;

/// Reads bytes as what a worker that was taken over may say instead of being ready, and instead of an answer. What is
/// understood may be sent, and its texts are words.
///
/// # Panics
/// When they are not.
pub fn frames(data: &[u8]) {
    if let Ok((Ready::Failed { why }, _)) = frame::read_words(&mut &data[..], 0) {
        are_words(why.into());
    }
    let Ok((answer, body)) = frame::read_words::<Answer>(&mut &data[..], MOST) else { return };
    are_words(serde_json::to_value(&answer).unwrap_or_default());
    let unchanged = matches!(answer, Answer::Unchanged { .. });
    let file = Media::known(Format::Jpeg, &b"\xFF\xD8\xFF what was given"[..]).expect("it is not empty");
    let length = if unchanged { file.len() } else { body.len() };
    let press = Isolated::new(Policies::default());
    let Ok(pressed) = host::pressed(&press.shared, &file, answer, body) else { return };
    let policies = &press.shared.policies;
    let files = || std::iter::once(&pressed.media).chain(&pressed.further);
    assert_eq!(files().map(Media::len).sum::<usize>(), length, "bytes of nobody");
    for media in files() {
        assert_eq!(media.format(), pressed.summary.output_format);
        assert!(policies.may_send(media.format()), "{:?}", media.format());
    }
}

fn are_words(value: Value) {
    let mut left = vec![value];
    while let Some(value) = left.pop() {
        match value {
            Value::String(text) => assert!(!text.contains(char::is_control), "{text:?}"),
            Value::Array(values) => left.extend(values),
            Value::Object(fields) => left.extend(fields.into_iter().map(|(_, value)| value)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_of_frames() {
        let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/worker_frames");
        let files: Vec<_> = std::fs::read_dir(seeds).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(!files.is_empty());
        for file in files {
            let data = std::fs::read(file).unwrap();
            (0..=data.len()).for_each(|n| super::frames(&data[..n]));
        }
    }
}
