//! No decoders: what stands in for them without the feature `heif`. [`Heif::read`](super::Heif::read) refuses every
//! file then, so that none of this is ever asked.

use std::convert::Infallible;

use super::decoder::{Frame, HevcDecoder};
use super::hvcc::Config;
use crate::error::Error;
use crate::limits::Limits;

/// There is none.
pub(super) struct Native(Infallible);

/// Decodes nothing.
#[derive(Default)]
pub(super) struct Pure(());

impl Native {
    pub(super) const fn open(_: &Limits) -> Option<Result<Self, Error>> {
        None
    }
}

impl HevcDecoder for Native {
    fn decode(
        &mut self,
        _: &Config<'_>,
        _: &[&[u8]],
        _: &Limits,
        _: &mut dyn FnMut(&Frame<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self.0 {}
    }
}

impl HevcDecoder for Pure {
    fn decode(
        &mut self,
        _: &Config<'_>,
        _: &[&[u8]],
        _: &Limits,
        _: &mut dyn FnMut(&Frame<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        Err(Error::internal("no HEVC decoder"))
    }
}

pub(crate) const fn native_available() -> bool {
    false
}
