//! Colour spaces that are all there. Of one whose palette is too short, or whose inks nobody can mix, every reader makes
//! colours of its own, white among them.

use crate::inflate;
use crate::object::{Dict, Object};
use crate::objects::{Entry, Objects};

/// Bytes of a palette: 256 colours of 32 inks.
const MAX_TABLE: u64 = 256 * 32;

/// Spaces upon spaces: a palette of inks that stand for a profile's.
const MAX_NESTED: u32 = 3;

/// What components of Lab have, whatever narrower range is said of them.
const LAB: (f64, f64) = (-255.0, 255.0);

/// What the samples of an image are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Space {
    pub(super) components: usize,
    /// The least and the largest value that a component may have.
    pub(super) range: (f64, f64),
}

impl Space {
    /// One component from 0 to 1.
    pub(super) const PLAIN: Self = Self { components: 1, range: (0.0, 1.0) };

    const fn of(components: usize) -> Self {
        Self { components, ..Self::PLAIN }
    }
}

/// The space of samples of so many bits, or `None` where it is none that is known and whole.
pub(super) fn space(objects: &Objects<'_>, space: &Object, resources: Option<&Dict>, bits: u32) -> Option<Space> {
    let mut space = objects.follow(space)?;
    // Names of the page's own choosing, though only content may use them.
    if let Some(name) = space.as_name()
        && let Some(named) = resources.and_then(|r| objects.dict(r, b"ColorSpace")).and_then(|s| objects.entry(s, name))
    {
        space = named;
    }
    of_entry(objects, space, bits, 0)
}

/// Whether a space of which colours are chosen is known and whole.
pub(super) fn is_whole(objects: &Objects<'_>, space: Entry<'_>) -> bool {
    of_entry(objects, space, 8, 0).is_some()
}

fn of_entry(objects: &Objects<'_>, space: Entry<'_>, bits: u32, nested: u32) -> Option<Space> {
    let parts = match space {
        Entry::Plain(Object::Name(name)) => {
            return match name.as_bytes() {
                b"DeviceGray" | b"CalGray" | b"G" => Some(Space::of(1)),
                b"DeviceRGB" | b"CalRGB" | b"RGB" => Some(Space::of(3)),
                b"DeviceCMYK" | b"CMYK" => Some(Space::of(4)),
                _ => None,
            };
        }
        Entry::Plain(Object::Array(parts)) if nested < MAX_NESTED => parts,
        _ => return None,
    };
    let inner = |at: usize| of_entry(objects, objects.follow(parts.get(at)?)?, bits, nested + 1);
    match objects.follow(parts.first()?)?.as_name()? {
        b"DeviceGray" | b"CalGray" => Some(Space::of(1)),
        b"DeviceRGB" | b"CalRGB" => Some(Space::of(3)),
        b"DeviceCMYK" => Some(Space::of(4)),
        b"Lab" => Some(Space { components: 3, range: LAB }),
        b"ICCBased" => {
            let profile = objects.follow(parts.get(1)?)?.dict()?;
            let n = objects.entry(profile, b"N")?.as_int()?;
            let components = usize::try_from(n).ok().filter(|n| (1..=4).contains(n))?;
            // Those of Lab say which ranges they have.
            let range = if profile.contains(b"Range") { LAB } else { Space::PLAIN.range };
            Some(Space { components, range })
        }
        b"Indexed" | b"I" => {
            let last = usize::try_from(objects.follow(parts.get(2)?)?.as_int()?).ok().filter(|last| *last < 256)?;
            let length = match objects.follow(parts.get(3)?)? {
                Entry::Plain(Object::String(table)) => table.len(),
                Entry::Stream(table) => inflate::undo(table, MAX_TABLE).ok()?.len(),
                Entry::Plain(_) => return None,
            };
            let whole = length >= (last + 1) * inner(1)?.components;
            whole.then(|| Space { components: 1, range: (0.0, f64::from((1u32 << bits.min(16)) - 1)) })
        }
        b"Separation" => {
            inner(2)?;
            objects.follow(parts.get(3)?)?.dict()?;
            Some(Space::of(1))
        }
        b"DeviceN" => {
            inner(2)?;
            objects.follow(parts.get(3)?)?.dict()?;
            Some(Space::of(objects.follow(parts.get(1)?)?.as_array()?.len()))
        }
        _ => None,
    }
}
