//! A tiny rasteriser: anti-aliased shapes by their signed distance, strokes, gradients, and
//! text in a stroke font of our own. No libm: only operations whose result IEEE 754 fixes.

mod canvas;
mod font;
mod wave;

pub use canvas::{Canvas, Ink};
pub(crate) use wave::{sine, value_noise};
