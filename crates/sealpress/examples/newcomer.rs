//! The shortest way to a safe press, for a newcomer: a file of a stranger's in, a file that the vendor accepts
//! out. It is decoded in a locked-down process, and nothing in `main` knows of it.

use std::error::Error;
use std::path::Path;

use sealpress::{Isolated, Media, Policies, Press, veriff};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    press(files[0].as_ref(), files[1].as_ref())?.iter().for_each(|done| println!("{done}"));
    Ok(())
}

/// Says what was done.
pub(crate) fn press(from: &Path, to: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let press = Isolated::new(Policies::within(&veriff::limits()));
    let pressed = press.press(&Media::sniff(std::fs::read(from)?)?)?;
    std::fs::write(to, pressed.media.bytes())?;
    Ok(pressed.summary.actions.into_iter().map(|note| note.text).collect())
}
