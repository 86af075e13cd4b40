//! Image sequences (`moov`, ISO/IEC 14496-12 § 8): the first picture of the first picture track,
//! where it stands on its own. Videos and their other frames are not read.

use super::boxes::{Reader, find};
use super::geometry::Geometry;
use super::hvcc::Config;
use super::meta::Property;
use super::picture::Picture;
use crate::error::Error;
use crate::limits::Limits;

/// Bytes of a visual sample entry in front of its boxes (14496-12 § 12.1.3).
const VISUAL_ENTRY: usize = 78;

/// Frames in front of the first one that stands on its own; more would be a video.
const MAX_SKIPPED: u32 = 256;

/// The first picture of a sequence.
pub(super) struct FirstFrame<'a> {
    pub(super) picture: Picture<'a>,
    pub(super) geometry: Geometry,
    /// Frames in the track.
    pub(super) frames: u32,
}

/// Looks through the tracks of `moov` for one of pictures.
pub(super) fn first_frame<'a>(file: &'a [u8], moov: &'a [u8], limits: &Limits) -> Result<FirstFrame<'a>, Error> {
    let mut r = Reader::new(moov);
    while let Some(b) = r.next_box()? {
        if &b.kind != b"trak" {
            continue;
        }
        let media = require(b.body, b"mdia")?;
        let mut handler = Reader::new(require(media, b"hdlr")?);
        handler.take(8)?;
        // `vide` in files of the brand `hevc` that video writers made; `auxv` is alpha or depth.
        if matches!(&handler.four_cc()?, b"pict" | b"vide") {
            return frame_of(file, b.body, media, limits);
        }
    }
    Err(Error::unsupported_feature("an image sequence without a picture track"))
}

fn frame_of<'a>(file: &'a [u8], track: &'a [u8], media: &'a [u8], limits: &Limits) -> Result<FirstFrame<'a>, Error> {
    let table = require(require(media, b"minf")?, b"stbl")?;
    let mut entries = Reader::new(require(table, b"stsd")?);
    entries.take(8)?;
    let entry = entries.next_box()?.ok_or_else(|| Error::corrupt("an image sequence without a description"))?;
    if !matches!(&entry.kind, b"hvc1" | b"hev1") {
        return Err(Error::unsupported_feature("an image sequence that is not HEVC"));
    }
    let mut boxes = Reader::new(entry.body);
    boxes.take(VISUAL_ENTRY)?;
    let inner = boxes.rest();
    let config = Config::read(require(inner, b"hvcC")?, limits)?;
    let mut properties = Vec::new();
    for kind in [b"colr", b"clap"] {
        if let Some(body) = find(inner, kind)? {
            properties.push(Property { kind: *kind, body, essential: false });
        }
    }
    let (data, frames) = sample(file, table)?;
    let picture = Picture::sample(config, data, properties);
    let mut geometry = picture.geometry()?;
    turn_by_matrix(&mut geometry, require(track, b"tkhd")?)?;
    Ok(FirstFrame { picture, geometry, frames })
}

/// The bytes of the first sample that stands on its own, and how many samples there are.
fn sample<'a>(file: &'a [u8], table: &'a [u8]) -> Result<(&'a [u8], u32), Error> {
    let skipped = match find(table, b"stss")? {
        None => 0,
        Some(body) => {
            let mut r = Reader::new(body);
            r.full()?;
            if r.u32()? == 0 {
                return Err(Error::unsupported_feature("an image sequence without a picture that stands on its own"));
            }
            r.u32()?.saturating_sub(1)
        }
    };
    let mut chunks = Reader::new(require(table, b"stsc")?);
    chunks.take(4)?;
    let in_first_chunk = if chunks.u32()? == 0 { 0 } else { (chunks.u32()?, chunks.u32()?).1 };
    let mut sizes = Reader::new(require(table, b"stsz")?);
    sizes.take(4)?;
    let (uniform, frames) = (sizes.u32()?, sizes.u32()?);
    if skipped >= in_first_chunk.min(MAX_SKIPPED) {
        return Err(Error::unsupported_feature("an image sequence that does not begin with a whole picture"));
    }
    let size = |r: &mut Reader<'_>| if uniform == 0 { r.u32() } else { Ok(uniform) };
    let mut offset = match find(table, b"stco")? {
        Some(body) => chunk(body, 4)?,
        None => chunk(require(table, b"co64")?, 8)?,
    };
    for _ in 0..skipped {
        offset = offset.saturating_add(u64::from(size(&mut sizes)?));
    }
    let length = size(&mut sizes)? as usize;
    let data = usize::try_from(offset)
        .ok()
        .and_then(|start| file.get(start..)?.get(..length))
        .ok_or_else(|| Error::truncated("an image sequence whose first picture ends after the file's end"))?;
    Ok((data, frames))
}

/// Where the first chunk begins.
fn chunk(body: &[u8], width: u8) -> Result<u64, Error> {
    let mut r = Reader::new(body);
    r.take(4)?;
    if r.u32()? == 0 {
        return Err(Error::corrupt("an image sequence without data"));
    }
    r.uint(width)
}

/// Quarter turns and mirrors of the track's matrix; any other matrix is left alone.
fn turn_by_matrix(geometry: &mut Geometry, header: &[u8]) -> Result<(), Error> {
    let mut r = Reader::new(header);
    let (version, _) = r.full()?;
    r.take(if version == 1 { 32 } else { 20 } + 16)?;
    let (a, b, _) = (r.i32()?, r.i32()?, r.i32()?);
    let (c, d) = (r.i32()?, r.i32()?);
    // A point (x, y) is shown at (a·x + c·y, b·x + d·y); y points down.
    match (a.signum(), b.signum(), c.signum(), d.signum()) {
        (0, 1, -1, 0) => geometry.turn(1),
        (-1, 0, 0, -1) => geometry.turn(2),
        (0, -1, 1, 0) => geometry.turn(3),
        (-1, 0, 0, 1) => geometry.mirror(true),
        (1, 0, 0, -1) => geometry.mirror(false),
        _ => {}
    }
    Ok(())
}

fn require<'a>(body: &'a [u8], kind: &[u8; 4]) -> Result<&'a [u8], Error> {
    find(body, kind)?.ok_or_else(|| Error::corrupt("an image sequence without one of its tables"))
}
