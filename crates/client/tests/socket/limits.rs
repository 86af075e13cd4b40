//! What is judged before anything is sent.

use sealpress_client::veriff::{Context, Upload};
use sealpress_media::Media;

use super::common::{Raw, jpeg, session};

/// 2: and whatever else nobody would take. Nothing is signed, so nothing is sent.
#[tokio::test]
async fn contexts_are_judged_before_anything_is_signed() {
    let raw = Raw::always(200, r#"{"image":{"id":"m"}}"#).await;
    let client = raw.client();
    for name in ["selfie", "", "selfid_video", "face-cropped"] {
        let error = client.sign(&Upload::new(session(), Context::from(name), jpeg(1_000))).unwrap_err();
        assert_eq!((error.kind().as_str(), error.fault().as_str()), ("media", "caller"), "{name}");
    }
    assert!(client.sign(&Upload::new(session(), Context::from("document-hologram"), jpeg(1_000))).is_ok());
}

#[tokio::test]
async fn three_caps_for_three_kinds() {
    let raw = Raw::always(200, r#"{"image":{"id":"m"}}"#).await;
    let client = raw.client();
    let pdf = |len: usize| {
        let mut bytes = b"%PDF-1.7\n".to_vec();
        bytes.resize(len, b' ');
        Media::sniff(bytes).unwrap()
    };
    let sign = |media: Media| client.sign(&Upload::new(session(), Context::AddressFront, media));
    assert!(sign(jpeg(17_000_000)).is_ok());
    assert!(sign(pdf(20_000_000)).is_ok(), "a PDF may be longer in base64 than any picture");
    for media in [jpeg(17_000_001), pdf(20_000_001)] {
        let error = sign(media).unwrap_err();
        assert_eq!((error.kind().as_str(), error.fault().as_str()), ("media", "limit"), "{error}");
    }
    // PDFs travel in `image`, too.
    client.send(sign(pdf(1_000)).unwrap()).await.unwrap();
    let start = br#"{"image":{"context":"address-front","content":"data:application/pdf;base64,JVBERi"#;
    assert!(raw.seen()[0].body().starts_with(start));
}
