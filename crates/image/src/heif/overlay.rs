//! Overlay pictures (`iovl`, ISO/IEC 23008-12 § 6.6.2.2): pictures laid one over the other on a canvas. Composed
//! at full chroma, since a layer may begin between two chroma samples.

use super::Heif;
use super::boxes::Reader;
use super::meta::{Item, Meta};
use crate::error::Error;
use crate::flatten::components;
use crate::limits::Limits;
use crate::orient;
use crate::planes::{Matrix, Plane, Planes, Siting, Subsampling};

/// Layers of one picture. Real ones have a handful.
const MAX_LAYERS: usize = 64;

/// What an overlay is made of.
pub(super) struct Overlay<'a> {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Red, green, blue and opacity of the canvas, each of sixteen bits.
    fill: [u16; 4],
    /// From the bottom up.
    layers: Vec<Layer<'a>>,
}

struct Layer<'a> {
    x: i64,
    y: i64,
    heif: Heif<'a>,
}

impl<'a> Overlay<'a> {
    /// Reads the overlay and everything about its layers but their data.
    pub(super) fn read(meta: &Meta<'a>, item: Item, limits: &Limits) -> Result<Self, Error> {
        let data = meta.data(item.id)?;
        let mut r = Reader::new(&data);
        if r.u8()? != 0 {
            return Err(Error::unsupported_feature("a HEIF overlay of an unknown version"));
        }
        let wide = r.u8()? & 1 == 1;
        let fill = [r.u16()?, r.u16()?, r.u16()?, r.u16()?];
        let (width, height) = (r.id(wide)?, r.id(wide)?);
        limits.dimensions(width, height)?;
        let ids = meta.references(b"dimg", item.id, MAX_LAYERS)?;
        let mut layers = Vec::with_capacity(ids.len());
        let mut pixels = 0;
        for id in ids {
            // Two's complement of 16 or 32 bits.
            let mut offset = || Ok::<_, Error>(if wide { i64::from(r.i32()?) } else { i64::from(r.u16()? as i16) });
            let (x, y) = (offset()?, offset()?);
            let item = meta.item(id)?;
            if &item.kind == b"iovl" {
                return Err(Error::unsupported_feature("a HEIF overlay of overlays"));
            }
            let heif = Heif::item(meta, item, limits)?;
            pixels += heif.dimensions().pixels();
            if pixels > limits.max_pixels {
                return Err(Error::too_large("the layers of a HEIF overlay have more pixels than the limit"));
            }
            layers.push(Layer { x, y, heif });
        }
        Ok(Self { width, height, fill, layers })
    }

    /// The lowest layer, which says what kind of samples all have.
    pub(super) fn first(&self) -> Result<&Heif<'a>, Error> {
        self.layers.first().map(|layer| &layer.heif).ok_or_else(|| Error::corrupt("a HEIF overlay of nothing"))
    }

    /// Whether the canvas may show through.
    pub(super) fn has_alpha(&self) -> bool {
        self.fill[3] != u16::MAX
    }

    /// Bytes that [`compose`](Self::compose) holds at its peak.
    pub(super) fn memory(&self) -> u64 {
        let canvas = u64::from(self.width) * u64::from(self.height) * 4;
        // The decode's own, its planes at full chroma, and these turned.
        let layer = |layer: &Layer<'_>| layer.heif.memory() + layer.heif.dimensions().pixels() * 8;
        canvas + self.layers.iter().map(layer).max().unwrap_or(0)
    }

    /// Decodes the layers one after the other and lays them on the canvas.
    pub(super) fn compose(&self, meta: Option<&Meta<'_>>, limits: &Limits, native: bool) -> Result<Planes, Error> {
        let mut canvas: Option<Planes> = None;
        for layer in &self.layers {
            let planes = layer.heif.decode_with(meta, limits, native)?;
            let planes = upright(planes, layer.heif.orientation());
            let canvas = match &mut canvas {
                Some(canvas) => canvas,
                empty => empty.insert(self.canvas(&planes)),
            };
            if (canvas.matrix, canvas.range) != (planes.matrix, planes.range) {
                return Err(Error::unsupported_feature("a HEIF overlay of pictures whose colours differ in kind"));
            }
            lay(canvas, &planes, layer.x, layer.y);
        }
        canvas.ok_or_else(|| Error::corrupt("a HEIF overlay of nothing"))
    }

    /// The empty canvas, of the same kind as a layer.
    fn canvas(&self, like: &Planes) -> Planes {
        let [r, g, b, opacity] = self.fill.map(|v| (u32::from(v) * 255 / 65_535) as u8);
        let [y, cb, cr] = components([r, g, b], like.matrix, like.range);
        let plane = |value| Plane::filled(self.width as usize, self.height as usize, value);
        Planes {
            y: plane(y),
            chroma: Some([plane(cb), plane(cr)]),
            alpha: Some(plane(opacity)),
            subsampling: Subsampling::S444,
            siting: Siting::Centre,
            matrix: like.matrix,
            range: like.range,
        }
    }
}

/// A layer at full chroma, turned.
fn upright(planes: Planes, orientation: u8) -> Planes {
    let (width, height) = (planes.y.width, planes.y.height);
    let step = (usize::from(planes.subsampling.horizontal), usize::from(planes.subsampling.vertical));
    let turn = |plane: Plane| {
        if orientation == 1 {
            return plane;
        }
        let stride = if orient::transposes(orientation) { height } else { width };
        orient::upright(&plane, orientation, stride, vec![0; width * height])
    };
    let full = |plane: Plane| {
        let mut out = Plane::filled(width, height, 0);
        for y in 0..height {
            let from = plane.row((y / step.1).min(plane.height - 1));
            for (x, to) in out.row_mut(y).iter_mut().enumerate() {
                *to = from[(x / step.0).min(from.len() - 1)];
            }
        }
        out
    };
    // A grey layer has no colour; as G, B and R it is three times the same.
    let chroma = planes.chroma.map(|pair| pair.map(full)).unwrap_or_else(|| {
        let of =
            || if planes.matrix == Matrix::Identity { planes.y.clone() } else { Plane::filled(width, height, 128) };
        [of(), of()]
    });
    Planes {
        y: turn(planes.y),
        chroma: Some(chroma.map(turn)),
        alpha: planes.alpha.map(turn),
        subsampling: Subsampling::S444,
        ..planes
    }
}

/// Lays a picture over the canvas, whose alpha grows where it covers.
fn lay(canvas: &mut Planes, layer: &Planes, x: i64, y: i64) {
    let span = |at: i64, length: usize, whole: usize| {
        // Where the layer begins on the canvas, where in the layer that is, and how much of it is seen.
        let (to, from) = (at.max(0), (-at).max(0));
        let seen = (length as i64 - from).min(whole as i64 - to).max(0);
        (to as usize, from as usize, seen as usize)
    };
    let (to_x, from_x, width) = span(x, layer.y.width, canvas.y.width);
    let (to_y, from_y, height) = span(y, layer.y.height, canvas.y.height);
    let (Some([cb, cr]), Some([layer_cb, layer_cr]), Some(below)) =
        (&mut canvas.chroma, &layer.chroma, &mut canvas.alpha)
    else {
        return;
    };
    if width == 0 {
        return;
    }
    for row in 0..height {
        let opacities = layer.alpha.as_ref().map(|plane| &plane.row(from_y + row)[from_x..from_x + width]);
        let opacity = |i: usize| opacities.map_or(255, |row| u32::from(row[i]));
        let under: Vec<u8> = below.row(to_y + row)[to_x..to_x + width].to_vec();
        for (to, from) in [(&mut canvas.y, &layer.y), (&mut *cb, layer_cb), (&mut *cr, layer_cr)] {
            let from = &from.row(from_y + row)[from_x..from_x + width];
            let to = &mut to.row_mut(to_y + row)[to_x..to_x + width];
            for (i, (to, from)) in to.iter_mut().zip(from).enumerate() {
                let above = opacity(i) * 255;
                let through = u32::from(under[i]) * (255 - opacity(i));
                if let Some(mixed) = (u32::from(*from) * above + u32::from(*to) * through).checked_div(above + through)
                {
                    *to = mixed as u8;
                }
            }
        }
        for (i, below) in below.row_mut(to_y + row)[to_x..to_x + width].iter_mut().enumerate() {
            *below = (opacity(i) + (u32::from(*below) * (255 - opacity(i)) + 127) / 255).min(255) as u8;
        }
    }
}
