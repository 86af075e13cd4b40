//! The signature of an answer that comes in pieces, judged at its end.

use super::key::{Key, Running, Signature};
use crate::error::{Error, ErrorKind};

/// A signature over bytes that are still coming, by any of several secrets.
pub(crate) struct RunningVerifier {
    claimed: Option<Signature>,
    macs: Vec<Running>,
    operation: &'static str,
}

impl RunningVerifier {
    /// Starts over what a header claims; text that is no signature fits nothing.
    pub(crate) fn new<'a>(claimed: &str, keys: impl Iterator<Item = &'a Key>, operation: &'static str) -> Self {
        Self { claimed: Signature::from_hex(claimed), macs: keys.map(Key::start).collect(), operation }
    }

    pub(crate) fn update(&mut self, piece: &[u8]) {
        self.macs.iter_mut().for_each(|mac| mac.update(piece));
    }

    /// Every secret is tried, so that time does not tell which one fits.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let fits = |mac: Running| self.claimed.as_ref().is_some_and(|claimed| mac.verify(claimed));
        let fit = self.macs.into_iter().map(fits).fold(false, |a, b| a | b);
        if fit { Ok(()) } else { Err(Error::new(ErrorKind::ResponseSignature { missing: false }, self.operation)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_of_the_secrets_fits_and_nothing_else() {
        let keys = [b"the new one", b"the old one"].map(|secret| Key::from_bytes(secret));
        let judge = |claimed: &str, pieces: &[&[u8]]| {
            let mut verifier = RunningVerifier::new(claimed, keys.iter(), "test");
            pieces.iter().for_each(|piece| verifier.update(piece));
            verifier.finish()
        };
        for key in &keys {
            let hex = key.sign(b"a file in pieces").hex();
            assert!(judge(&hex, &[b"a file", b" in ", b"", b"pieces"]).is_ok());
            assert!(judge(&hex.to_uppercase(), &[b"a file in pieces"]).is_ok());
            assert!(judge(&hex, &[b"a file in piece"]).is_err() && judge(&hex, &[]).is_err());
        }
        let other = Key::from_bytes(b"another").sign(b"a file in pieces").hex();
        assert!(judge(&other, &[b"a file in pieces"]).is_err());
        assert!(judge("", &[b"a file in pieces"]).is_err() && judge("zz", &[]).is_err());
    }
}
