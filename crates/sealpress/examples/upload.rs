//! One file to Veriff, step by step, as in the README: `SEALPRESS_BASE_URL=… SEALPRESS_API_KEY=… SEALPRESS_SECRET=…
//! cargo run --example upload photo.jpg`.

use sealpress::{Context, Credentials, Fault, Isolated, Media, Policies, Press, veriff};

pub(crate) async fn upload(
    base_url: &str,
    api_key: &str,
    secret: &str,
    file: Vec<u8>,
) -> Result<(), Box<dyn std::error::Error>> {
    let veriff = veriff::Client::builder(base_url, Credentials::new(api_key, secret)).build()?;
    let media = match Media::sniff(file) {
        Ok(media) => media, // by content; the name of a file never matters
        Err(error) if error.fault() == Fault::Input => return Err(format!("please take another photo: {error}").into()),
        Err(error) => return Err(error.into()),
    };

    // Decoding takes milliseconds of CPU: not on the threads that wait.
    let press = Isolated::new(Policies::within(&veriff::limits()));
    let pressed = tokio::task::spawn_blocking(move || press.press(&media)).await??;
    for action in &pressed.summary.actions {
        println!("{}", action.text);
    }

    let session = veriff.create_session(&veriff::NewSession::new().with_vendor_data("customer-4411")).await?;
    let upload = veriff::Upload::new(session.id.clone(), Context::DocumentFront, pressed.media);
    let body = veriff.sign(&upload)?; // computes, never waits
    let receipt = veriff.send(body).await?; // waits, never computes
    println!("stored as {}", receipt.media_id);
    veriff.submit_session(&session.id).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [base_url, api_key, secret] = ["SEALPRESS_BASE_URL", "SEALPRESS_API_KEY", "SEALPRESS_SECRET"]
        .map(|name| std::env::var(name).unwrap_or_default());
    let file = std::fs::read(std::env::args().nth(1).ok_or("which file?")?)?;
    upload(&base_url, &api_key, &secret, file).await
}
