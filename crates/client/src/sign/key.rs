//! HMAC-SHA256 over a shared secret: made once per credential, started from a copied state per message.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::hash::Hash;

/// A shared secret as HMAC-SHA256 sees it: the two blocks of the key are hashed once, here, and
/// every message starts from a copy of that state.
#[derive(Clone)]
pub struct Key {
    inner: Hash,
    outer: Hash,
}

/// 32 bytes of HMAC-SHA256. Prints as 64 lower-case hex digits through [`Signature::hex`] only.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature([u8; 32]);

impl Key {
    /// The secret is used as text, in UTF-8: a secret that looks like a UUID is not decoded.
    #[must_use]
    pub fn new(secret: &SecretString) -> Self {
        Self::from_bytes(secret.expose_secret().as_bytes())
    }

    /// A key of any length.
    #[must_use]
    pub fn from_bytes(secret: &[u8]) -> Self {
        Self::keyed(Hash::new(), secret)
    }

    /// RFC 2104: a key longer than a block is hashed, a shorter one filled up with zeros.
    fn keyed(fresh: Hash, secret: &[u8]) -> Self {
        let mut block = [0; 64];
        match block.get_mut(..secret.len()) {
            Some(front) => front.copy_from_slice(secret),
            None => {
                let mut hash = fresh.clone();
                hash.update(secret);
                block[..32].copy_from_slice(&hash.finish());
            }
        }
        let with_pad = |pad: u8| {
            let mut hash = fresh.clone();
            hash.update(&block.map(|byte| byte ^ pad));
            hash
        };
        Self { inner: with_pad(0x36), outer: with_pad(0x5c) }
    }

    /// Signs a message that lies in memory.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Signature {
        let mut running = self.start();
        running.update(message);
        running.finish()
    }

    /// Whether `signature` belongs to `message`; takes the same time whatever differs. Hex of
    /// either case is taken.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &str) -> bool {
        let Some(signature) = Signature::from_hex(signature) else { return false };
        let mut running = self.start();
        running.update(message);
        running.verify(&signature)
    }

    /// A running HMAC, keyed: for messages that come piece by piece.
    #[must_use]
    pub fn start(&self) -> Running {
        Running { inner: self.inner.clone(), outer: self.outer.clone() }
    }
}

/// An HMAC that is fed piece by piece.
#[derive(Clone)]
pub struct Running {
    inner: Hash,
    outer: Hash,
}

impl Running {
    /// The next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.inner.update(piece);
    }

    /// The base64 of `raw`; also into `out` where there is one, which has the length of the text.
    pub(super) fn update_base64(&mut self, raw: &[u8], out: Option<&mut [u8]>) {
        self.inner.update_base64(raw, out);
    }

    /// The signature of all pieces.
    #[must_use]
    pub fn finish(self) -> Signature {
        let Self { inner, mut outer } = self;
        outer.update(&inner.finish());
        Signature(outer.finish())
    }

    /// Whether this is the signature; takes the same time whatever differs.
    #[must_use]
    pub fn verify(self, claimed: &Signature) -> bool {
        self.finish().0.ct_eq(&claimed.0).into()
    }
}

impl Signature {
    /// 64 lower-case hex digits.
    #[must_use]
    pub fn hex(&self) -> String {
        hex(&self.0)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 hex digits of either case; nothing else is a signature.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let text = text.trim().as_bytes();
        let mut out = [0; 32];
        if text.len() != 64 {
            return None;
        }
        for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
            let digit = |c: u8| char::from(c).to_digit(16);
            *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
        }
        Some(Self(out))
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|d| char::from(DIGITS[usize::from(d)])).collect()
}

/// A keyed state is as good as the key.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Running(…)")
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(…)")
    }
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::Sha256;

    use super::*;

    /// Where blocks, padding and the rule for long keys change, for keys and messages.
    const EDGES: [usize; 18] = [0, 1, 31, 32, 33, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129, 183, 1000];

    #[test]
    fn keys_and_messages_of_edge_lengths_sign_as_the_crate_hmac_signs() {
        let noise: Vec<u8> = (0..1000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
        for secret in EDGES.map(|len| &noise[..len]) {
            let keys = [Key::from_bytes(secret), Key::keyed(Hash::new().without_fused_pass(), secret)];
            for message in EDGES.map(|len| &noise[1000 - len..]) {
                let mut oracle = Hmac::<Sha256>::new_from_slice(secret).unwrap();
                oracle.update(message);
                let expected: [u8; 32] = oracle.finalize().into_bytes().into();
                for key in &keys {
                    assert_eq!(*key.sign(message).as_bytes(), expected, "{} and {}", secret.len(), message.len());
                    assert!(key.verify(message, &hex(&expected)));
                    let mut wrong = expected;
                    wrong[31] ^= 1;
                    assert!(!key.verify(message, &hex(&wrong)));
                }
            }
        }
    }

    #[test]
    fn the_published_vector() {
        let key = Key::new(&SecretString::from("abcdef12-abcd-abcd-abcd-abcdef012345"));
        let signature = key.sign(b"aea9ba6d-1b47-47fc-a4fc-f72b6d3584a7");
        assert_eq!(signature.hex(), "895cb3fd31139d89aeb7b263682e15479ab57651e70591256ad2c14fde4950dd");
    }

    #[test]
    fn vectors_of_the_contract() {
        const VECTORS: [(&str, &str); 10] = [
            (r#"{"verification":{}}"#, "c3d5b1d6d7866b22244c071f8b68e997973250ec8dfc5204ab729a4f9cf75e42"),
            (
                r#"{"verification":{"status":"submitted"}}"#,
                "7001ca0098c19c13c72984be0a528225db9f4f3332d93d6994098feafed63150",
            ),
            (
                r#"{"image":{"context":"document-front","content":"data:image/png;base64,AAAA"}}"#,
                "e7dd1374274f671da58e26075ce099bee0342c57c66c8f0c7d6d954e56428230",
            ),
            (
                r#"{"image": {"context": "document-front", "content": "data:image/png;base64,AAAA"}}"#,
                "0749c2b9533fa71d4c4782d5ce8a989b14752feefa2c28e104a93e394ebe6e07",
            ),
            (
                r#"{"verification":{"vendorData":"Zoë-7"}}"#,
                "fc178fdb9238edacfd75d7bcb4064bdb20c20dbec14fd02dfb706be6f378183a",
            ),
            (
                "0b9d3a52-6f0f-4c1e-9a63-2f7c8d5e4a10",
                "e257493d4723e2a8c4ab3b5aad116699bd0edd050ee8f5c4b48749852d0b528d",
            ),
            (
                "0B9D3A52-6F0F-4C1E-9A63-2F7C8D5E4A10",
                "af8ede5a29834a378e82011b7469fbc8ef71c4a86065d36746dbe0ca6b77afbe",
            ),
            ("", "9853b15f8c50c5c6ba172ad8791409d4b44aee298cf20124214f2d1d3824482e"),
            (r#"{"status":"success"}"#, "02a6d22b3eaec6b4db7e81c9a3cf3723cb1d1b16063c2e15e4c3a592ee3cbc9c"),
            ("{\"status\":\"success\"}\n", "10bf08c8cfe5e0ef2eacadc918f24450a92ccedd00f774ef756415932f6e2e77"),
        ];
        let key = Key::new(&SecretString::from("sandbox-shared-secret-0001"));
        for (message, expected) in VECTORS {
            assert_eq!(key.sign(message.as_bytes()).hex(), expected, "{message:?}");
            assert!(key.verify(message.as_bytes(), expected));
            assert!(key.verify(message.as_bytes(), &expected.to_uppercase()));
            assert!(!key.verify(b"another message", expected));
        }
    }

    #[test]
    fn only_64_hex_digits_are_a_signature() {
        // The documents' own example has 52 characters and letters up to z.
        let sample = "a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6q7r8s9t0u1v2w3x4y5z6";
        for text in ["", sample, &"g".repeat(64), &"a".repeat(63), &"é".repeat(32)] {
            assert!(Signature::from_hex(text).is_none(), "{text}");
            assert!(!Key::from_bytes(b"k").verify(b"", text));
        }
    }
}
