//! Credentials, and the signatures of requests and answers: which headers, which policy.

use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::error::{Error, ErrorKind};
use crate::sign::{Key, RunningVerifier, Signature};

pub(crate) const AUTH_CLIENT: HeaderName = HeaderName::from_static("x-auth-client");
pub(crate) const HMAC_SIGNATURE: HeaderName = HeaderName::from_static("x-hmac-signature");
const VRF_HMAC_SIGNATURE: HeaderName = HeaderName::from_static("vrf-hmac-signature");
pub(crate) const LEGACY_SIGNATURE: HeaderName = HeaderName::from_static("x-signature");

/// API key and shared secret of one integration. Prints neither.
#[derive(Clone, Debug)]
pub struct Credentials {
    api_key: SecretString,
    secret: SecretString,
    former: Vec<SecretString>,
}

/// What is demanded of the signatures of answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignaturePolicy {
    /// They are not looked at.
    Off,
    /// A signature that is there has to be right.
    #[default]
    IfPresent,
    /// There has to be one, and it has to be right. Excepted are 401 answers, which Veriff does not
    /// sign, and answers above 401 that are not JSON: those come from a proxy.
    Required,
}

impl Credentials {
    /// As the customer portal shows them. The secret is used as text.
    pub fn new(api_key: impl Into<SecretString>, secret: impl Into<SecretString>) -> Self {
        Self { api_key: api_key.into(), secret: secret.into(), former: Vec::new() }
    }

    /// Accepts answers and webhooks that are signed with this secret too: while a secret is being
    /// rotated, both are in use.
    #[must_use]
    pub fn with_former_secret(mut self, secret: impl Into<SecretString>) -> Self {
        self.former.push(secret.into());
        self
    }

    pub(super) fn check(&self) -> Result<Auth, Error> {
        let refuse = |reason: &'static str| Error::config("configure", reason);
        let key = self.api_key.expose_secret();
        if !looks_like_uuid(key) {
            return Err(refuse("the API key is not a UUID"));
        }
        if self.secret.expose_secret().is_empty() || self.former.iter().any(|s| s.expose_secret().is_empty()) {
            return Err(refuse("the shared secret is empty"));
        }
        let mut api_key = HeaderValue::from_str(key).map_err(|_| refuse("the API key cannot stand in a header"))?;
        api_key.set_sensitive(true);
        let secrets = || std::iter::once(&self.secret).chain(&self.former);
        let verifiers = secrets().map(Verifier::new).collect();
        Ok(Auth { api_key, key: Key::new(&self.secret), secret: self.secret.clone(), verifiers })
    }
}

/// Credentials in the form in which every request needs them.
#[derive(Debug)]
pub(super) struct Auth {
    api_key: HeaderValue,
    key: Key,
    secret: SecretString,
    verifiers: Vec<Verifier>,
}

impl Auth {
    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    /// The headers of a request whose message is signed like this.
    pub(super) fn headers(&self, signature: Option<&Signature>) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(6);
        headers.insert(AUTH_CLIENT, self.api_key.clone());
        if let Some(signature) = signature {
            headers.insert(HMAC_SIGNATURE, sensitive(&signature.hex()));
        }
        headers
    }

    /// The legacy signature of a message, for integrations that still ask for it.
    pub(super) fn legacy(&self, message: &[u8]) -> HeaderValue {
        sensitive(&crate::sign::hex(&legacy(&self.secret, message)))
    }

    /// Judges an answer by its raw bytes, before anything is parsed.
    pub(super) fn verify(
        &self,
        policy: SignaturePolicy,
        headers: &HeaderMap,
        body: &[u8],
        excepted: bool,
        operation: &'static str,
    ) -> Result<(), Error> {
        if policy == SignaturePolicy::Off {
            return Ok(());
        }
        match verify(&self.verifiers, headers, body) {
            Some(true) => Ok(()),
            Some(false) => Err(Error::new(ErrorKind::ResponseSignature { missing: false }, operation)),
            None if policy == SignaturePolicy::Required && !excepted => {
                Err(Error::new(ErrorKind::ResponseSignature { missing: true }, operation))
            }
            None => Ok(()),
        }
    }
}

impl Auth {
    /// Judges an answer that comes in pieces.
    pub(super) fn running(
        &self,
        policy: SignaturePolicy,
        headers: &HeaderMap,
        operation: &'static str,
    ) -> Result<Option<RunningVerifier>, Error> {
        if policy == SignaturePolicy::Off {
            return Ok(None);
        }
        let claimed = [HMAC_SIGNATURE, VRF_HMAC_SIGNATURE].iter().find_map(|name| headers.get(name));
        match claimed {
            Some(value) => {
                let keys = self.verifiers.iter().map(|v| &v.key);
                Ok(Some(RunningVerifier::new(value.to_str().unwrap_or_default(), keys, operation)))
            }
            None if policy == SignaturePolicy::Required => {
                Err(Error::new(ErrorKind::ResponseSignature { missing: true }, operation))
            }
            None => Ok(None),
        }
    }
}

/// One secret, ready to verify.
#[derive(Debug)]
pub(super) struct Verifier {
    key: Key,
    secret: SecretString,
}

impl Verifier {
    pub(super) fn new(secret: &SecretString) -> Self {
        Self { key: Key::new(secret), secret: secret.clone() }
    }

    fn legacy(&self, message: &[u8], signature: &str) -> bool {
        let expected = legacy(&self.secret, message);
        Signature::from_hex(signature).is_some_and(|s| bool::from(s.as_bytes().ct_eq(&expected)))
    }
}

/// Whether the first signature header that is there fits any of the secrets; `None` where there is
/// none. `x-hmac-signature` counts before `vrf-hmac-signature`, and both before `x-signature`.
pub(super) fn verify(verifiers: &[Verifier], headers: &HeaderMap, body: &[u8]) -> Option<bool> {
    for name in [HMAC_SIGNATURE, VRF_HMAC_SIGNATURE] {
        if let Some(value) = headers.get(name) {
            let value = value.to_str().unwrap_or_default();
            return Some(any_fits(verifiers, |v| v.key.verify(body, value)));
        }
    }
    let value = headers.get(LEGACY_SIGNATURE)?.to_str().unwrap_or_default();
    Some(any_fits(verifiers, |v| v.legacy(body, value)))
}

/// All secrets are tried, so that time does not tell which one fits.
fn any_fits(verifiers: &[Verifier], fits: impl Fn(&Verifier) -> bool) -> bool {
    verifiers.iter().map(fits).fold(false, |a, b| a | b)
}

fn legacy(secret: &SecretString, message: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(message).chain_update(secret.expose_secret()).finalize().into()
}

fn sensitive(hex: &str) -> HeaderValue {
    let mut value = HeaderValue::from_str(hex).unwrap_or_else(|_| unreachable!("hex digits can stand in a header"));
    value.set_sensitive(true);
    value
}

/// Whether a text has the form of an API key, 8-4-4-4-12 hex digits: what code 1802 demands.
#[must_use]
pub fn looks_like_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|g| g.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|g| g.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "11111111-2222-4333-8444-555555555555";
    const SECRET: &str = "sandbox-shared-secret-0001";

    fn judge(policy: SignaturePolicy, header: Option<(&'static str, String)>, excepted: bool) -> Result<(), Error> {
        let auth = Credentials::new(KEY, "the-new-one").with_former_secret(SECRET).check().unwrap();
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            headers.insert(name, value.parse().unwrap());
        }
        auth.verify(policy, &headers, br#"{"status":"success"}"#, excepted, "test")
    }

    #[test]
    fn the_legacy_vector() {
        let message = br#"{"verification":{"status":"submitted"}}"#;
        let hex = crate::sign::hex(&legacy(&SECRET.into(), message));
        assert_eq!(hex, "05f5ff2c029452ec1121885b88ae33700f78c5a1c6cad08baa0da2ba0cfd422c");
        assert!(Verifier::new(&SECRET.into()).legacy(message, &hex));
        assert!(!Verifier::new(&"another".into()).legacy(message, &hex));
    }

    #[test]
    fn policies() {
        use SignaturePolicy::{IfPresent, Off, Required};
        let good = "02a6d22b3eaec6b4db7e81c9a3cf3723cb1d1b16063c2e15e4c3a592ee3cbc9c".to_owned();
        for name in ["x-hmac-signature", "vrf-hmac-signature"] {
            assert!(judge(Required, Some((name, good.clone())), false).is_ok());
            assert!(judge(Required, Some((name, good.to_uppercase())), false).is_ok());
            assert!(judge(IfPresent, Some((name, "0".repeat(64))), false).is_err());
            assert!(judge(IfPresent, Some((name, "junk".into())), true).is_err());
            assert!(judge(Off, Some((name, "junk".into())), false).is_ok());
        }
        assert!(judge(IfPresent, None, false).is_ok());
        assert!(judge(Required, None, false).is_err());
        assert!(judge(Required, None, true).is_ok());
    }

    #[test]
    fn credentials_are_judged_early_and_do_not_print() {
        for (key, secret) in [("not-a-uuid", "s"), (KEY, ""), ("", "s"), (&KEY.replace('1', "g"), "s")] {
            assert_eq!(Credentials::new(key, secret).check().unwrap_err().kind().as_str(), "config");
        }
        let credentials = Credentials::new(KEY, SECRET);
        let text = format!("{credentials:?} {:?}", credentials.check().unwrap());
        assert!(!text.contains("1111") && !text.contains("sandbox"), "{text}");
    }
}
