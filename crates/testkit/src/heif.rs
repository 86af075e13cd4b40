//! Box surgery on HEIC specimens: transformations that cameras write and encoders do not.

/// A transformation property, applied by every reader in the order in which they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeifTransform {
    /// `irot`: this many quarter turns against the clock.
    Rotate(u8),
    /// `imir` with axis 0 (top and bottom change places) or 1 (left and right do).
    Mirror(u8),
}

/// Adds properties to the only item of a HEIC without grids. `None` when the file is not of the
/// simple shape that the specimens have: one item, one `ipma` entry, `iloc` of version 0 with a
/// base offset.
pub fn heif_with_transforms(heic: &[u8], transforms: &[HeifTransform]) -> Option<Vec<u8>> {
    let meta = child(heic, 0, heic.len(), b"meta")?;
    let inside = meta.0 + 12;
    let iloc = child(heic, inside, meta.1, b"iloc")?;
    let iprp = child(heic, inside, meta.1, b"iprp")?;
    let ipco = child(heic, iprp.0 + 8, iprp.1, b"ipco")?;
    let ipma = child(heic, iprp.0 + 8, iprp.1, b"ipma")?;
    // Version, sizes (4, 4, 4) and the count of items, then item, data reference, base offset.
    if heic.get(iloc.0 + 8..iloc.0 + 16)? != [0, 0, 0, 0, 0x44, 0x40, 0, 1] {
        return None;
    }
    // Version, flags, one entry for item 1.
    if heic.get(ipma.0 + 8..ipma.0 + 18)? != [0, 0, 0, 0, 0, 0, 0, 1, 0, 1] {
        return None;
    }
    let present = count(heic, ipco.0 + 8, ipco.1);
    let mut boxes = Vec::new();
    let mut links = Vec::new();
    for (index, transform) in transforms.iter().enumerate() {
        let (name, value) = match transform {
            HeifTransform::Rotate(turns) => (b"irot", turns & 3),
            HeifTransform::Mirror(axis) => (b"imir", axis & 1),
        };
        boxes.extend_from_slice(&[0, 0, 0, 9]);
        boxes.extend_from_slice(name);
        boxes.push(value);
        // Transformations are essential properties.
        links.push(0x80 | u8::try_from(present + index + 1).ok()?);
    }
    let grown = u32::try_from(boxes.len() + links.len()).ok()?;
    let mut out = heic[..ipco.1].to_vec();
    out.extend_from_slice(&boxes);
    out.extend_from_slice(&heic[ipco.1..ipma.1]);
    out.extend_from_slice(&links);
    out.extend_from_slice(&heic[ipma.1..]);
    let ipma_at = ipma.0 + boxes.len();
    out[ipma_at + 18] += u8::try_from(links.len()).ok()?;
    add(&mut out, meta.0, grown)?;
    add(&mut out, iprp.0, grown)?;
    add(&mut out, ipco.0, u32::try_from(boxes.len()).ok()?)?;
    add(&mut out, ipma_at, u32::try_from(links.len()).ok()?)?;
    add(&mut out, iloc.0 + 20, grown)?;
    Some(out)
}

/// Start and end of the first box with this name among those in `from..to`.
fn child(data: &[u8], from: usize, to: usize, name: &[u8; 4]) -> Option<(usize, usize)> {
    boxes(data, from, to).find(|place| data.get(place.0 + 4..place.0 + 8) == Some(name))
}

fn count(data: &[u8], from: usize, to: usize) -> usize {
    boxes(data, from, to).count()
}

fn boxes(data: &[u8], from: usize, to: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut at = from;
    std::iter::from_fn(move || {
        let size = data.get(at..at + 4).filter(|_| at < to)?;
        let size = u32::from_be_bytes(size.try_into().ok()?) as usize;
        let place = (at, at.checked_add(size).filter(|end| size >= 8 && *end <= to)?);
        at = place.1;
        Some(place)
    })
}

fn add(data: &mut [u8], at: usize, amount: u32) -> Option<()> {
    let field = data.get_mut(at..at + 4)?;
    let old = u32::from_be_bytes(field.try_into().ok()?);
    field.copy_from_slice(&old.checked_add(amount)?.to_be_bytes());
    Some(())
}
