//! Colour spaces of images whose samples are their colours, wherever the space stands in the file.

use std::collections::HashMap;

use crate::object::{Dict, Object};
use crate::objects::{Entry, Objects};
use crate::write::Document;

/// What the samples of one image are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Space {
    /// Samples of a pixel.
    pub(super) channels: usize,
    /// Lightness and two axes of colour. A JPEG keeps them as if they were red, green and blue, with half of the last
    /// two, and what is little there is much here: they are resized and stay exact.
    pub(super) is_lab: bool,
}

/// The spaces of all images that have one of grey, RGB, CMYK or Lab, by the image's number.
pub(super) fn find(document: &Document) -> HashMap<u32, Space> {
    let objects = Objects::of(document);
    document.images().filter_map(|(number, dict)| Some((number, space(&objects, dict)?))).collect()
}

fn space(objects: &Objects<'_>, dict: &Dict) -> Option<Space> {
    let colours = |channels: usize| Some(Space { channels, is_lab: false });
    match objects.entry(dict, b"ColorSpace")? {
        Entry::Plain(Object::Name(name)) => match name.as_bytes() {
            b"DeviceGray" | b"CalGray" => colours(1),
            b"DeviceRGB" | b"CalRGB" => colours(3),
            b"DeviceCMYK" => colours(4),
            _ => None,
        },
        Entry::Plain(Object::Array(parts)) => match parts.first()?.as_name()? {
            b"CalGray" => colours(1),
            b"CalRGB" => colours(3),
            b"Lab" => Some(Space { channels: 3, is_lab: true }),
            b"ICCBased" => {
                let components = objects.entry(objects.follow(parts.get(1)?)?.dict()?, b"N")?.as_int()?;
                usize::try_from(components).ok().filter(|n| matches!(n, 1 | 3 | 4)).and_then(colours)
            }
            _ => None,
        },
        _ => None,
    }
}
