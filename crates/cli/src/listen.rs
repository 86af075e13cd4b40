//! Where a server of the program listens, as its `--listen` says it.

use std::net::{SocketAddr, ToSocketAddrs as _};

use tokio::net::TcpListener;

use crate::outcome::Failure;

/// `ADDR:PORT`; without an address, any of this machine.
#[derive(Clone, Debug)]
pub(crate) struct Listen(String);

impl From<String> for Listen {
    fn from(said: String) -> Self {
        Self(said)
    }
}

impl Listen {
    /// The first address that it means.
    pub(crate) fn address(&self) -> Result<SocketAddr, Failure> {
        let first = self.target().to_socket_addrs().and_then(|mut all| {
            all.next().ok_or_else(|| std::io::Error::new(std::io::ErrorKind::NotFound, "it names no address"))
        });
        first.map_err(|e| self.refused(&e))
    }

    pub(crate) async fn bind(&self) -> Result<TcpListener, Failure> {
        TcpListener::bind(self.target()).await.map_err(|e| self.refused(&e))
    }

    fn target(&self) -> String {
        if self.0.starts_with(':') { format!("0.0.0.0{}", self.0) } else { self.0.clone() }
    }

    fn refused(&self, error: &std::io::Error) -> Failure {
        Failure::config(format!("{} cannot be listened on: {error}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_left_out() {
        let address = |said: &str| Listen::from(said.to_owned()).address().unwrap().to_string();
        assert_eq!(address(":8089"), "0.0.0.0:8089");
        assert_eq!(address("127.0.0.1:0"), "127.0.0.1:0");
        assert_eq!(address("[::1]:8089"), "[::1]:8089");
        let refused = Listen::from("8089".to_owned()).address().unwrap_err();
        assert!(refused.to_string().starts_with("8089 cannot be listened on"), "{refused}");
    }
}
