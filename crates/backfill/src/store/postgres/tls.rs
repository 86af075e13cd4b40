//! TLS to PostgreSQL, with the crypto of the rest of the house.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};

use crate::error::{Error, ErrorKind, Result};

/// Encrypts, and believes a server only with a certificate for its name by an authority that this
/// machine or the operator trusts.
#[derive(Clone)]
pub(super) struct Tls(tokio_rustls::TlsConnector);

impl Tls {
    /// Trusts what the machine trusts, and the authorities in `file` (PEM) besides.
    ///
    /// # Errors
    /// `Config` for a file that cannot be read or has no certificate.
    pub(super) fn new(file: Option<&Path>) -> Result<Self> {
        let refuse = |e: String| Error::new(ErrorKind::Config, format!("`store_ca`: {e}"));
        let mut extra = Vec::new();
        if let Some(path) = file {
            let unreadable = |e| refuse(format!("{} cannot be read: {e}", path.display()));
            for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
                extra.push(certificate.map_err(unreadable)?);
            }
            if extra.is_empty() {
                return Err(refuse(format!("{} has no certificate", path.display())));
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let failed = |e: rustls::Error| refuse(format!("TLS cannot be set up: {e}"));
        let verifier = Verifier::new_with_extra_roots(extra, provider.clone()).map_err(failed)?;
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Self(tokio_rustls::TlsConnector::from(Arc::new(config))))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Tls {
    type Stream = Encrypted<S>;
    type TlsConnect = Handshake;
    type Error = rustls::pki_types::InvalidDnsNameError;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Handshake, Self::Error> {
        Ok(Handshake { connector: self.0.clone(), name: ServerName::try_from(domain)?.to_owned() })
    }
}

/// One connection about to be encrypted.
pub(super) struct Handshake {
    connector: tokio_rustls::TlsConnector,
    name: ServerName<'static>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Handshake {
    type Stream = Encrypted<S>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = std::io::Result<Encrypted<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move { self.connector.connect(self.name, stream).await.map(|inner| Encrypted(Box::new(inner))) })
    }
}

/// An encrypted connection.
pub(super) struct Encrypted<S>(Box<tokio_rustls::client::TlsStream<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Encrypted<S> {
    /// Passwords are not bound to the channel: the certificate has been judged.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
