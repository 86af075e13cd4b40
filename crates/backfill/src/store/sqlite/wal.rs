//! A look at the write-ahead log before SQLite opens it.
//!
//! SQLite ends its replay silently at the first frame whose checksum is wrong. That is right for a
//! torn tail: such frames were never acknowledged. It is wrong for a frame that was damaged later,
//! for then acknowledged commits behind it would vanish without a word. The two can be told apart:
//! a commit is only begun when the one before it is synced, so that at most one commit can stand
//! behind a torn frame. Two commits behind a bad frame mean damage.
//!
//! Layout (SQLite's file format, section 4): a header of 32 bytes (magic, version, page size,
//! checkpoint number, two salts, checksum), then frames of 24 bytes (page, size of the database
//! after a commit or 0, two salts, checksum) and one page each. Checksums continue from frame to
//! frame, so that each can be checked from the one before it.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

/// What the log looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No log, or every frame is good.
    Sound,
    /// The tail was not written to its end; SQLite cuts it.
    Torn,
    /// A bad frame stands before commits that had been acknowledged.
    Damaged,
}

pub(super) fn inspect(path: &Path) -> std::io::Result<Found> {
    let mut file = match File::open(path) {
        Ok(file) => BufReader::with_capacity(1 << 20, file),
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Found::Sound),
        Err(e) => return Err(e),
    };
    if file.get_ref().metadata()?.len() == 0 {
        return Ok(Found::Sound);
    }
    let mut header = [0; 32];
    if !fill(&mut file, &mut header)? {
        return Ok(Found::Torn);
    }
    let magic = be(&header, 0);
    if magic & !1 != 0x377f_0682 {
        return Ok(Found::Torn);
    }
    let big_endian = magic & 1 == 1;
    let page = match be(&header, 8) as usize {
        1 => 65_536,
        n @ 512..=65_536 if n.is_power_of_two() => n,
        _ => return Ok(Found::Torn),
    };
    let mut sum = checksum([0, 0], &header[..24], big_endian);
    if sum != [be(&header, 24), be(&header, 28)] {
        return Ok(Found::Torn);
    }
    let mut frame = vec![0; 24 + page];
    let (mut bad, mut commits_behind) = (false, 0);
    while fill(&mut file, &mut frame)? {
        if frame[8..16] != header[16..24] {
            // Left over from before the last checkpoint: the log ends here.
            break;
        }
        let stored = [be(&frame, 16), be(&frame, 20)];
        let right = checksum(checksum(sum, &frame[..8], big_endian), &frame[24..], big_endian) == stored;
        if !right {
            bad = true;
        } else if bad && be(&frame, 4) != 0 {
            commits_behind += 1;
        }
        sum = stored;
    }
    Ok(match (bad, commits_behind) {
        (false, _) => Found::Sound,
        (true, 0 | 1) => Found::Torn,
        (true, _) => Found::Damaged,
    })
}

/// Fills the buffer, or says that the file ended before.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e),
    }
}

fn be(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn checksum(mut sum: [u32; 2], bytes: &[u8], big_endian: bool) -> [u32; 2] {
    for pair in bytes.chunks_exact(8) {
        let word = |at: usize| {
            let b = [pair[at], pair[at + 1], pair[at + 2], pair[at + 3]];
            if big_endian { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) }
        };
        sum[0] = sum[0].wrapping_add(word(0)).wrapping_add(sum[1]);
        sum[1] = sum[1].wrapping_add(word(4)).wrapping_add(sum[0]);
    }
    sum
}
