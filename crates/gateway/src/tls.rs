//! TLS in: a certificate chain and its key out of PEM files.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What callers are shown when they come by TLS.
#[derive(Clone)]
pub struct Tls {
    pub(crate) config: Arc<ServerConfig>,
}

impl Tls {
    /// Reads a chain, the server's own certificate first, and its key.
    ///
    /// # Errors
    /// Where a file cannot be read, holds none, or the two do not belong together.
    pub fn from_pem(certificates: &Path, key: &Path) -> io::Result<Self> {
        let bad = |path: &Path, e: &dyn fmt::Display| io::Error::other(format!("{}: {e}", path.display()));
        let chain = CertificateDer::pem_file_iter(certificates)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|e| bad(certificates, &e))?;
        let private = PrivateKeyDer::from_pem_file(key).map_err(|e| bad(key, &e))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
            .map_err(|e| bad(certificates, &e))?;
        Ok(Self { config: Arc::new(config) })
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(…)")
    }
}
