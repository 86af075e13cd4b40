//! The same stream as a `std::io::Write` in front of another.

use std::io;
use std::vec::Vec;

use crate::Encoder;

/// Bytes encoded between two writes to the inner writer.
const STEP: usize = 3 * 4096;

/// Encodes whatever is written, and writes the text on. [`finish`](Self::finish) writes the last
/// group; dropping the writer does not, since it could not tell of a failure.
///
/// ```
/// use std::io::Write;
/// let mut writer = sealpress_base64::Writer::new(Vec::new());
/// writer.write_all(b"seal")?;
/// writer.write_all(b"press")?;
/// assert_eq!(writer.finish()?, sealpress_base64::encode(b"sealpress").into_bytes());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "without `finish` the last bytes are missing"]
pub struct Writer<W: io::Write> {
    inner: W,
    encoder: Encoder,
    /// Text that the inner writer has not taken yet, from `written` on.
    text: Vec<u8>,
    written: usize,
}

impl<W: io::Write> Writer<W> {
    /// Writes the text to `inner`.
    pub fn new(inner: W) -> Self {
        Self { inner, encoder: Encoder::new(), text: Vec::new(), written: 0 }
    }

    /// Writes the last group with its padding and gives the inner writer back, not flushed.
    ///
    /// # Errors
    /// Those of the inner writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.drain()?;
        core::mem::take(&mut self.encoder).finish(&mut self.text);
        self.drain()?;
        Ok(self.inner)
    }

    /// The inner writer, to look at.
    pub const fn get_ref(&self) -> &W {
        &self.inner
    }

    /// Hands over what is there. After an error the rest is still there, and nothing is sent twice.
    fn drain(&mut self) -> io::Result<()> {
        while self.written < self.text.len() {
            match self.inner.write(&self.text[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        self.text.clear();
        self.written = 0;
        Ok(())
    }
}

impl<W: io::Write> io::Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.drain()?;
        let piece = &bytes[..bytes.len().min(STEP)];
        self.encoder.push(piece, &mut self.text);
        Ok(piece.len())
    }

    /// Sends all complete groups; the one that has begun waits for its third byte.
    fn flush(&mut self) -> io::Result<()> {
        self.drain()?;
        self.inner.flush()
    }
}
