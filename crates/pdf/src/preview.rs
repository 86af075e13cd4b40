//! One page as a picture.

use bytes::Bytes;

use crate::clock::Deadline;
use crate::copy;
use crate::error::{Error, ErrorKind};
use crate::failure::Failure;
use crate::pages::Pages;
use crate::policy::Policy;
use crate::render;
use crate::report::Reader;
use crate::source::{READERS, Source};
use crate::write::write;

/// With the first reader that finds the page.
pub(crate) fn preview(bytes: &Bytes, number: u32, side: u16, policy: &Policy) -> Result<Vec<u8>, Error> {
    let mut failed = Error::new(ErrorKind::Corrupt, "no reader makes sense of the file");
    for &reader in READERS {
        match preview_with(reader, bytes, number, side, policy) {
            Ok(png) => return Ok(png),
            Err(Failure::Leave(_)) => {}
            Err(Failure::Error(e)) if e.may_be_read_otherwise() => failed = e,
            Err(Failure::Error(e)) => return Err(e),
        }
    }
    Err(failed)
}

fn preview_with(reader: Reader, bytes: &Bytes, number: u32, side: u16, policy: &Policy) -> Result<Vec<u8>, Failure> {
    let deadline = Deadline::after(policy.read_budget);
    let source = Source::open(reader, bytes, policy)?;
    let mut pages = Pages::new(&source, deadline)?;
    for _ in 1..number.max(1) {
        pages.next()?;
    }
    let Some(page) = pages.next()? else {
        return Err(Error::new(ErrorKind::NoPages, "the file has no page of this number").into());
    };
    let document = Bytes::from(write(&copy::copy(&source, &[page], policy, deadline)?.document));
    let picture = render::first_page(&document, side)
        .ok_or_else(|| Error::new(ErrorKind::Corrupt, "the page cannot be drawn"))?;
    render::png(&picture)
        .map_err(|e| Error::because(ErrorKind::Internal, "the picture of the page cannot be written", e).into())
}
