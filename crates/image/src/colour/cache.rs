//! What profiles were found to mean, for the whole process: cameras have few, and a profile's tables
//! take longer to make than a picture takes to convert. An entry is found by all bytes of the
//! profile, so that a picture gets what its own profile says and nothing else.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::Colour;

/// Profiles that are kept: those last asked for.
const MOST: usize = 32;
/// Larger ones, which only printers' profiles are, are read each time.
const LONGEST: usize = 64 << 10;

struct Entry {
    icc: Box<[u8]>,
    components: u8,
    colour: Colour,
}

static KNOWN: Mutex<VecDeque<Entry>> = Mutex::new(VecDeque::new());

/// What is known of a profile, or what `find` says of it.
pub(super) fn resolved(icc: &[u8], components: u8, find: impl FnOnce() -> Colour) -> Colour {
    if icc.len() > LONGEST {
        return find();
    }
    // An entry is only ever whole: a panic elsewhere leaves nothing half done here.
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    {
        let mut known = known();
        let found = known.iter().position(|e| e.components == components && *e.icc == *icc);
        if let Some(entry) = found.and_then(|i| known.remove(i)) {
            let colour = entry.colour.clone();
            known.push_front(entry);
            return colour;
        }
    }
    // Not under the lock: the others need not wait.
    let colour = find();
    let mut known = known();
    known.push_front(Entry { icc: icc.into(), components, colour: colour.clone() });
    known.truncate(MOST);
    colour
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_read_once_and_never_taken_for_another() {
        let mut reads = 0;
        let mut ask = |icc: &[u8], components: u8| {
            resolved(icc, components, || {
                reads += 1;
                if icc[0] == 1 { Colour::Broken } else { Colour::Srgb }
            })
        };
        for _ in 0..3 {
            assert!(matches!(ask(b"\x01 of the cache's test", 3), Colour::Broken));
            assert!(matches!(ask(b"\x02 of the cache's test", 3), Colour::Srgb));
        }
        ask(b"\x01 of the cache's test", 1);
        let large = vec![1; LONGEST + 1];
        ask(&large, 3);
        ask(&large, 3);
        assert_eq!(reads, 5, "two profiles, one for other components, and a large one twice");
    }
}
