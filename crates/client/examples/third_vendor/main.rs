//! A vendor that this crate does not know, behind the same trait as the others, uploading to a
//! server in the same process:
//!
//! `cargo run -p sealpress-client --example third_vendor`

pub(crate) mod vendor;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use sealpress_client::{Context, NewSession, Options, Provider, Upload};
use sealpress_media::Media;

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let router = Router::new()
        .route("/v3/applicants", post(|| async { r#"{"id":"applicant-1"}"# }))
        .route(
            "/v3/documents",
            post(|body: Bytes| async move {
                println!("the vendor received {} bytes of multipart", body.len());
                r#"{"id":"document-1"}"#
            }),
        )
        .route("/v3/checks", post(|| async { "{}" }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });

    // From here on nothing knows which vendor it is.
    let provider: &dyn Provider = &vendor::Vendor::new(&url, "api-token".to_owned(), &Options::default())?;
    let session = provider.create(&NewSession::new()).await?.session;
    let media = Media::sniff(b"%PDF-1.7 stands for a document".to_vec())?;
    let body = provider.sign(&Upload::new(session.clone(), Context::DocumentFront, media))?;
    let receipt = provider.send(&body).await?;
    provider.finish(&session).await?;
    println!("{}: {} holds {}", provider.name(), session, receipt.media_id);
    Ok(())
}
