//! Signatures, hashes and random ids: made with other people's crates, so that a mistake in ours shows.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind};

/// HMAC-SHA256 of `message` under the text of `secret`, lower-case hex.
pub(crate) fn hmac_hex(secret: &str, message: &[u8]) -> String {
    hex(&mac(secret, message).finalize().into_bytes())
}

/// HMAC-SHA256 under any key.
pub(crate) fn hmac_bytes(key: &[u8], message: &[u8]) -> [u8; 32] {
    keyed(key, message).finalize().into_bytes().into()
}

/// Whether `signature` (64 hex digits of either case) is the HMAC of `message`; constant time.
pub(crate) fn hmac_matches(secret: &str, message: &[u8], signature: &[u8; 32]) -> bool {
    mac(secret, message).verify_slice(signature).is_ok()
}

/// The retired scheme: SHA-256 of the message followed by the secret.
pub(crate) fn legacy(secret: &str, message: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(message);
    hasher.update(secret.as_bytes());
    hasher.finalize().into()
}

/// The secret before the message: a mistake that is made.
pub(crate) fn legacy_reversed(secret: &str, message: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(secret).chain_update(message).finalize().into()
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256 of a medium, lower-case hex.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&sha256(bytes))
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut s, b| {
        let _ = write!(s, "{b:02x}");
        s
    })
}

/// 64 hex digits to 32 bytes.
pub(crate) fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut out = [0; 32];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(out)
}

/// A random version 4 UUID.
pub(crate) fn uuid() -> Result<String, Error> {
    let mut b = [0u8; 16];
    getrandom::fill(&mut b).map_err(|e| Error::new(ErrorKind::Internal, format!("no random numbers: {e}")))?;
    b[6] = b[6] & 0x0f | 0x40;
    b[8] = b[8] & 0x3f | 0x80;
    let h = hex(&b);
    Ok(format!("{}-{}-{}-{}-{}", &h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..]))
}

/// `8-4-4-4-12` hex digits of either case; the version nibble is not judged.
pub(crate) fn is_uuid(text: &str) -> bool {
    let b = text.as_bytes();
    b.len() == 36
        && b.iter().enumerate().all(|(i, c)| match i {
            8 | 13 | 18 | 23 => *c == b'-',
            _ => c.is_ascii_hexdigit(),
        })
}

fn mac(secret: &str, message: &[u8]) -> Hmac<Sha256> {
    keyed(secret.as_bytes(), message)
}

fn keyed(key: &[u8], message: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of any length: an empty fallback key can never be reached.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default()));
    mac.update(message);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_vectors() {
        assert_eq!(
            hmac_hex("abcdef12-abcd-abcd-abcd-abcdef012345", b"aea9ba6d-1b47-47fc-a4fc-f72b6d3584a7"),
            "895cb3fd31139d89aeb7b263682e15479ab57651e70591256ad2c14fde4950dd"
        );
        let secret = "sandbox-shared-secret-0001";
        assert_eq!(
            hmac_hex(secret, "{\"verification\":{\"vendorData\":\"Zoë-7\"}}".as_bytes()),
            "fc178fdb9238edacfd75d7bcb4064bdb20c20dbec14fd02dfb706be6f378183a"
        );
        assert_eq!(hmac_hex(secret, b""), "9853b15f8c50c5c6ba172ad8791409d4b44aee298cf20124214f2d1d3824482e");
        assert_eq!(
            hex(&legacy(secret, b"{\"verification\":{\"status\":\"submitted\"}}")),
            "05f5ff2c029452ec1121885b88ae33700f78c5a1c6cad08baa0da2ba0cfd422c"
        );
    }

    #[test]
    fn either_case_is_accepted_and_nothing_else() {
        let hex = hmac_hex("k", b"m");
        let raw = unhex(&hex.to_uppercase()).unwrap();
        assert!(hmac_matches("k", b"m", &raw));
        assert!(!hmac_matches("k", b"n", &raw));
        assert!(unhex(&hex[1..]).is_none() && unhex(&hex.replace('0', "g").replace('1', "z")).is_none());
    }

    #[test]
    fn random_ids_are_uuids_of_version_four() {
        let id = uuid().unwrap();
        assert!(is_uuid(&id), "{id}");
        assert_eq!(id.as_bytes()[14], b'4');
        assert_ne!(id, uuid().unwrap());
        assert!(!is_uuid("a1b2c3d4-e5f6-4g7h-8i9j-0k1l2m3n4o5p"));
    }
}
