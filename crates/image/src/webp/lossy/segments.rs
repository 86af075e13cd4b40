//! What differs from segment to segment (RFC 6386 § 9.3).

use super::bools::Bools;

/// What segments change.
pub(super) struct Segments {
    /// Whether their numbers stand for themselves or are added to the picture's.
    pub(super) absolute: bool,
    pub(super) quantizers: [i32; 4],
    pub(super) levels: [i32; 4],
}

impl Segments {
    /// Of segment `i`, by what the picture has.
    pub(super) fn of(segments: Option<&Self>, picture: i32, own: impl Fn(&Self) -> i32) -> i32 {
        match segments {
            None => picture,
            Some(segments) if segments.absolute => own(segments),
            Some(segments) => picture + own(segments),
        }
    }
}

/// What they change, and the chances of a macroblock's segment where each names one.
pub(super) fn read(bools: &mut Bools<'_>) -> (Option<Segments>, Option<[u8; 3]>) {
    if !bools.flag() {
        return (None, None);
    }
    let (has_map, has_data) = (bools.flag(), bools.flag());
    let mut segments = Segments { absolute: true, quantizers: [0; 4], levels: [0; 4] };
    if has_data {
        segments.absolute = bools.flag();
        segments.quantizers = std::array::from_fn(|_| bools.optional(7).unwrap_or(0));
        segments.levels = std::array::from_fn(|_| bools.optional(6).unwrap_or(0));
    }
    let map = has_map.then(|| std::array::from_fn(|_| if bools.flag() { bools.number(8) as u8 } else { 255 }));
    (Some(segments), map)
}
