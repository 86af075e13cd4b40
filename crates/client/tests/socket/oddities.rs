//! The contradictions of the documents, by their number in the contract, over a real socket where a
//! unit test does not say more. The README's table says where each is tested.

use sealpress_client::veriff::{Context, MediaId, NewSession, SessionId, SignaturePolicy, Status};
use sealpress_client::{Failure, Provider, transmit};

use super::common::{KEY, Raw, http, session, upload};

/// 1, 3, 4, 6, 7, 9, 25: a list with everything that the documents show at once.
#[tokio::test]
async fn a_list_as_the_documents_show_it() {
    let raw = Raw::always(
        200,
        r#"{"videos":[{"id":"v1","name":"selfid_video","context":"selfid_video","size":12345.0,"mimetype":"video/mp4",
             "duration":"14","timestamp":"null","url":"https://exmpleURL.com/v1/media/v1","sessionId":"s"}],
            "images":[{"id":"a1b2c3d4-e5f6-4g7h-8i9j-0k1l2m3n4o5p","name":"face","context":"face","timestamp":null,
             "size":"12345","mimetype":".jpg","url":"https://exampleURL.com/v1/media/x","extra":{"new":true}},
             {"id":"6cab5b0-c506-4e","name":"generic-document-front","context":"generic-document-front"},
             {"id":"3","context":"document-front-with-signature","mimetype":"image/jpg"},
             {"id":"4","context":"document-hologram"},{"id":"5","name":"registry-face"}],
            "nfcDocuments":[{"id":"n","size":512}],"status":"success","more":[1,2]}"#,
    )
    .await;
    let list = raw.client().list_media(&session()).await.unwrap();
    let contexts: Vec<Context> = list.images.iter().map(|i| i.context()).collect();
    let other = Context::Other("document-hologram".into());
    assert_eq!(
        contexts[..4],
        [Context::Face, Context::GenericDocumentFront, Context::DocumentFrontWithSignature, other]
    );
    assert_eq!(contexts[4], Context::RegistryFace);
    assert_eq!((list.images[0].size, list.videos[0].size), (Some(12345), Some(12345)));
    assert_eq!(list.images[0].mimetype.as_deref(), Some("image/jpeg"));
    assert_eq!(list.images[2].mimetype.as_deref(), Some("image/jpeg"));
    assert_eq!((list.videos[0].timestamp.as_deref(), list.videos[0].duration), (None, Some(14.0)));
    assert_eq!(list.nfc_documents[0].size, Some(512));
}

/// 10: any 2xx, and no body where no data is needed.
#[tokio::test]
async fn any_2xx_will_do() {
    for status in [200, 201, 202] {
        let raw = Raw::start(move |_, _| {
            http(status, &[], r#"{"status":"success","verification":{"id":"s"},"image":{"id":"m"}}"#)
        })
        .await;
        let client = raw.client();
        client.create_session(&NewSession::new()).await.unwrap();
        client.submit_session(&session()).await.unwrap();
        client.send(client.sign(&upload(&session())).unwrap()).await.unwrap();
    }
    let raw = Raw::always(204, "").await;
    let client = raw.client();
    client.delete_session(&session()).await.unwrap();
    let data = sealpress_client::veriff::CollectedData::new("p", "192.0.2.1".parse().unwrap(), "f");
    client.collect(&session(), &data).await.unwrap();
    // Where data is needed an empty success is a decode error, which leaves an upload in doubt.
    let error = client.send(client.sign(&upload(&session())).unwrap()).await.unwrap_err();
    assert_eq!((error.kind().as_str(), error.failure()), ("decode", Failure::InDoubt));
}

/// 11, 12: the status counts before the code; `status` and `code` of any type.
#[tokio::test]
async fn statuses_count_before_codes() {
    for (status, body, failure) in [
        (401, r#"{"status":"fail","code":"1101","message":"Mandatory X-AUTH-CLIENT header"}"#, Failure::AuthStop),
        (404, r#"{"status":"fail","code":"1101","message":"Resource not found"}"#, Failure::Permanent),
        (500, r#"{"status":"fail","code":"1101","message":"Something went wrong"}"#, Failure::InDoubt),
        (400, r#"{"status":400,"code":1305,"message":"Session is not in a completed status."}"#, Failure::Permanent),
    ] {
        let raw = Raw::start(move |_, _| http(status, &[("x-request-id", "r-1")], body)).await;
        let client = raw.client();
        let error = client.send(client.sign(&upload(&session())).unwrap()).await.unwrap_err();
        assert_eq!((error.http_status(), error.failure()), (Some(status), failure));
        assert!(matches!(error.code(), Some("1101" | "1305")));
        assert_eq!(error.api().unwrap().request_id.as_deref(), Some("r-1"));
    }
}

/// 14, 15, 16: what is signed differs by endpoint, and GETs sign the id in the path.
#[tokio::test]
async fn the_right_id_is_signed() {
    // SHA-256 HMACs of the contract's vectors.
    let id = "0b9d3a52-6f0f-4c1e-9a63-2f7c8d5e4a10";
    let signed = "e257493d4723e2a8c4ab3b5aad116699bd0edd050ee8f5c4b48749852d0b528d";
    let raw = Raw::always(200, r#"{"status":"success","verification":null,"person":{},"data":{}}"#).await;
    let client = raw.client();
    let (session, attempt) = (SessionId::new(id).unwrap(), id.parse().unwrap());
    client.list_media(&session).await.unwrap();
    client.attempts(&session).await.unwrap();
    client.decision(&session).await.unwrap();
    client.person(&session).await.unwrap();
    client.watchlist_screening(&session).await.unwrap();
    client.delete_session(&session).await.unwrap();
    client.attempt_media(&attempt).await.unwrap();
    client.download(&MediaId::new(id).unwrap()).await.unwrap().bytes().await.unwrap();
    let seen = raw.seen();
    let lines: Vec<String> = seen.iter().map(|s| s.line().replace(id, "{id}").replace(" HTTP/1.1", "")).collect();
    assert_eq!(
        lines,
        [
            "GET /v1/sessions/{id}/media",
            "GET /v1/sessions/{id}/attempts",
            "GET /v1/sessions/{id}/decision",
            "GET /v1/sessions/{id}/person",
            "GET /v1/sessions/{id}/watchlist-screening",
            "DELETE /v1/sessions/{id}",
            "GET /v1/attempts/{id}/media",
            "GET /v1/media/{id}",
        ]
    );
    for request in seen {
        assert_eq!(request.header("x-hmac-signature").as_deref(), Some(signed), "{}", request.line());
        assert_eq!(request.header("x-auth-client").as_deref(), Some(KEY));
        assert_eq!(request.header("accept-encoding").as_deref(), Some("identity"));
    }
}

/// 7: ids are opaque; the case is kept, and what is signed is what stands in the path.
#[tokio::test]
async fn ids_are_escaped_and_signed_as_escaped() {
    let raw = Raw::always(200, r#"{"images":null,"videos":{}}"#).await;
    let client = raw.client();
    client.list_media(&SessionId::new("0B9D3A52-6F0F-4C1E-9A63-2F7C8D5E4A10").unwrap()).await.unwrap();
    client.list_media(&SessionId::new("../x?y#z").unwrap()).await.unwrap();
    let seen = raw.seen();
    let upper = "af8ede5a29834a378e82011b7469fbc8ef71c4a86065d36746dbe0ca6b77afbe";
    assert_eq!(seen[0].header("x-hmac-signature").as_deref(), Some(upper));
    assert!(seen[1].line().starts_with("GET /v1/sessions/..%2Fx%3Fy%23z/media "), "{}", seen[1].line());
}

/// 23, and the rule about null: what is not said is not there.
#[tokio::test]
async fn nothing_is_null_and_no_timestamp_is_made_up() {
    let raw = Raw::always(200, r#"{"verification":{"id":"s"},"image":{"id":"m"}}"#).await;
    let client = raw.client();
    client.create_session(&NewSession::new()).await.unwrap();
    client.create_session(&NewSession::new().with_vendor_data("Zoë-7")).await.unwrap();
    client.submit_session(&session()).await.unwrap();
    client.send(client.sign(&upload(&session())).unwrap()).await.unwrap();
    client.send(client.sign(&upload(&session()).with_timestamp("2025-01-01T10:00:00Z")).unwrap()).await.unwrap();
    let seen = raw.seen();
    let bodies: Vec<&str> = seen.iter().map(|s| std::str::from_utf8(s.body()).unwrap()).collect();
    assert_eq!(bodies[0], r#"{"verification":{}}"#);
    assert_eq!(bodies[1], r#"{"verification":{"vendorData":"Zoë-7"}}"#);
    assert_eq!(bodies[2], r#"{"verification":{"status":"submitted"}}"#);
    assert!(bodies[3].starts_with(r#"{"image":{"context":"document-front","content":"data:image/jpeg;base64,"#));
    assert!(bodies[3].ends_with(r#""}}"#) && !bodies[3].contains("timestamp"));
    assert!(bodies[4].ends_with(r#"","timestamp":"2025-01-01T10:00:00Z"}}"#));
    // The three signatures of the contract for these three bodies.
    let signatures: Vec<String> = seen[..3].iter().map(|s| s.header("x-hmac-signature").unwrap()).collect();
    assert_eq!(
        signatures,
        [
            "c3d5b1d6d7866b22244c071f8b68e997973250ec8dfc5204ab729a4f9cf75e42",
            "fc178fdb9238edacfd75d7bcb4064bdb20c20dbec14fd02dfb706be6f378183a",
            "7001ca0098c19c13c72984be0a528225db9f4f3332d93d6994098feafed63150",
        ]
    );
}

/// Text is nobody's to rewrite: what is composed or decomposed, right-to-left or empty stays so, is
/// signed as it is sent, and comes back the same.
#[tokio::test]
async fn text_travels_unmodified() {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let raw = Raw::always(201, r#"{"verification":{"id":"s"}}"#).await;
    let emulator = sealpress_emulator::Emulator::start().await.unwrap();
    let real = super::common::veriff(&emulator);
    // Composed, decomposed, a ligature that NFKC would break up, a joined emoji, right-to-left, quotes.
    for text in
        ["Zo\u{eb}", "Zoe\u{308}", "\u{fb01}", "\u{1f469}\u{200d}\u{1f4bb}", "\u{5d0}\u{202e}a", "a\"\\/\n\u{7f}b"]
    {
        raw.client().create_session(&NewSession::new().with_vendor_data(text)).await.unwrap();
        let seen = raw.seen().pop().unwrap();
        let body: serde_json::Value = serde_json::from_slice(seen.body()).unwrap();
        assert_eq!(body["verification"]["vendorData"], text);
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(super::common::SECRET.as_bytes()).unwrap();
        mac.update(seen.body());
        let expected: String = mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(seen.header("x-hmac-signature"), Some(expected));
        let session = real.create_session(&NewSession::new().with_vendor_data(text)).await.unwrap();
        assert_eq!(session.vendor_data.as_deref(), Some(text));
    }
    emulator.shutdown().await;
}

/// 26: a 409 without a body. 27: a null code. 28: the host's two names.
#[tokio::test]
async fn small_oddities() {
    let raw = Raw::always(409, "").await;
    let client = raw.client();
    let error = client.send(client.sign(&upload(&session())).unwrap()).await.unwrap_err();
    assert!(error.is_conflict() && error.code().is_none());

    let raw = Raw::always(200, r#"{"verification":{"id":"s","status":"review","code":null,"reasonCode":"201"}}"#).await;
    let decision = raw.client().decision(&session()).await.unwrap().unwrap();
    assert_eq!((decision.status, decision.code), (Some(Status::Review), None));
    // Not decided: somebody looks at it, and the session will be approved, declined or sent back.
    assert!(Provider::decision(&raw.client(), &session()).await.unwrap().is_none());

    for (body, host) in [
        (r#"{"verification":{"id":"s","host":"https://a"}}"#, Some("https://a")),
        (r#"{"verification":{"id":"s","baseUrl":"https://b"}}"#, Some("https://b")),
        (r#"{"verification":{"id":"s","baseUrl":"https://b","host":"https://a"}}"#, Some("https://a")),
        (r#"{"verification":{"id":"s"}}"#, None),
    ] {
        let raw = Raw::start(move |_, _| http(201, &[], body)).await;
        let session = raw.client().create_session(&NewSession::new()).await.unwrap();
        assert_eq!(session.host(), host);
    }
}

/// 25, 30: media is fetched by id from the configured host, whatever an answer says, and its type
/// is the vendor's word only.
#[tokio::test]
async fn media_is_fetched_from_the_configured_host() {
    let raw = Raw::start(|number, _| match number {
        1 => http(200, &[], r#"{"images":[{"id":"m","url":"https://elsewhere.invalid/v1/media/m"}]}"#),
        _ => http(200, &[("content-type", "application/octet-stream")], "not even a picture"),
    })
    .await;
    let client = raw.client();
    let list = client.list_media(&session()).await.unwrap();
    let download = client.download(&list.images[0].id).await.unwrap();
    assert_eq!(download.mimetype(), Some("application/octet-stream"));
    assert_eq!(&download.bytes().await.unwrap()[..], b"not even a picture");
    assert!(raw.seen()[1].line().starts_with("GET /v1/media/m "));
}

/// 5: a size that makes no sense is nothing. An entry without an id is an error that names it: a
/// list that silently shrinks would let a pipeline send twice.
#[tokio::test]
async fn a_list_is_whole_or_an_error() {
    let raw = Raw::always(200, r#"{"images":[{"id":"a","size":-5},{"id":"b","size":1.5}]}"#).await;
    let list = raw.client().list_media(&session()).await.unwrap();
    assert!(list.images.iter().all(|i| i.size.is_none()));
    let raw = Raw::always(200, r#"{"images":[{"id":"a"},{"context":"face"}]}"#).await;
    let error = raw.client().list_media(&session()).await.unwrap_err();
    assert!(error.to_string().contains("images"), "{error}");
}

/// 24: names of headers in any spelling. The signature is the contract's vector for this body.
#[tokio::test]
async fn header_names_have_no_case() {
    let signature = "02a6d22b3eaec6b4db7e81c9a3cf3723cb1d1b16063c2e15e4c3a592ee3cbc9c";
    for name in ["x-hmac-signature", "X-HMAC-SIGNATURE", "X-Hmac-Signature"] {
        let raw = Raw::start(move |_, _| http(200, &[(name, signature)], r#"{"status":"success"}"#)).await;
        let client = raw.builder().signature_policy(SignaturePolicy::Required).build().unwrap();
        assert!(client.list_media(&session()).await.unwrap().images.is_empty(), "{name}");
    }
}

/// 18, 19: a JPEG that is cut off and a PNG of one pixel, as the documents' samples are: whether a
/// picture decodes is nobody's business here.
#[tokio::test]
async fn cut_and_tiny_pictures_travel_as_they_are() {
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0:~\x9bU";
    let emulator = sealpress_emulator::Emulator::start().await.unwrap();
    let client = super::common::veriff(&emulator);
    let session = client.create_session(&NewSession::new()).await.unwrap().id;
    for media in [super::common::jpeg(22), sealpress_media::Media::sniff(PNG).unwrap()] {
        let upload = sealpress_client::Upload::new(session.clone(), Context::Face, media.clone());
        let receipt = client.send(client.sign(&upload).unwrap()).await.unwrap();
        assert_eq!(
            (receipt.size, receipt.mimetype.as_deref()),
            (Some(media.len() as u64), Some(media.format().mime()))
        );
        assert_eq!(client.download(&receipt.media_id).await.unwrap().bytes().await.unwrap(), *media.bytes());
    }
    emulator.shutdown().await;
}

/// 37: how long a session lives is text, `1h` as well as `90d`; 38: ids and ends are opaque.
#[tokio::test]
async fn a_life_is_text() {
    let raw = Raw::start(|_, request| match request.line() {
        line if line.contains("/oidc/token") => http(200, &[], r#"{"access_token":"t"}"#),
        _ => http(201, &[], r#"{"session_id":"7:any/thing","expiration":"in 90 days, maybe","missing_images":[]}"#),
    })
    .await;
    let client = transmit::Client::builder(&raw.url, transmit::Credentials::new("id", "hush")).build().unwrap();
    for life in ["1h", "90d", "P90D"] {
        let mut request = transmit::SessionRequest::default();
        request.time_to_live = Some(life.to_owned());
        let session = client.create_session(&request).await.unwrap();
        assert_eq!(session.session_id.as_str(), "7:any/thing");
        assert_eq!(session.expiration.as_deref(), Some("in 90 days, maybe"));
        let sent: serde_json::Value = serde_json::from_slice(raw.seen().pop().unwrap().body()).unwrap();
        assert_eq!(sent, serde_json::json!({ "time_to_live": life }));
    }
}

/// 32 to 36: Transmit's own.
#[tokio::test]
async fn transmits_oddities() {
    let raw = Raw::start(|_, request| match request.line() {
        line if line.contains("/oidc/token") => http(200, &[], r#"{"access_token":"t","expires_in":"3600"}"#),
        line if line.starts_with("POST") && line.contains("/images") => {
            http(200, &[], r#"{"feedback":"ok","complete":"false","missing_images":["selfie","third_side"]}"#)
        }
        line if line.contains("/images/") => http(200, &[("content-type", "image/jpg")], "jpg"),
        line if line.contains("/images") => {
            http(200, &[], r#"{"session_images":[{"id":"i","type":"document_front","format":"jpg"}]}"#)
        }
        _ => http(
            200,
            &[],
            r#"{"session_id":"s","status":"complete","recommendation":"ALLOW","checks":{},
                "person":{"gender":"F","date_of_birth":"1990-01-01T00:00:00Z"},"document":{"country":"USA"}}"#,
        ),
    })
    .await;
    // The host with and without `/verify`.
    for url in [raw.url.clone(), format!("{}/verify/", raw.url)] {
        let client = transmit::Client::builder(url, transmit::Credentials::new("id", "hush")).build().unwrap();
        let body = client.sign(&upload(&session())).unwrap();
        let added = client.add_image(body).await.unwrap();
        assert_eq!((added.complete, added.missing_images.len()), (Some(false), 2));
        let images = client.images(&session()).await.unwrap();
        assert_eq!(images[0].image_type, Some(transmit::ImageType::DocumentFront));
        let image = client.image(&session(), &images[0].id, transmit::ImageEncoding::Raw).await.unwrap();
        assert_eq!(image.mimetype(), Some("image/jpeg"));
        let result = client.result(&session(), transmit::Detail::Detailed).await.unwrap();
        let transmit::VerificationResult::Complete(result) = result else { panic!("{result:?}") };
        assert_eq!(result.document.unwrap().0["country"], "USA");
    }
    let seen = raw.seen();
    let token = std::str::from_utf8(seen[0].body()).unwrap();
    let expected = "grant_type=client_credentials&client_id=id&client_secret=hush\
                    &resource=https%3A%2F%2Fverify.identity.security";
    assert_eq!(token, expected);
    let upload = seen.iter().find(|s| s.line().starts_with("POST /verify/api/v1/verification/")).unwrap();
    assert_eq!(upload.header("authorization").as_deref(), Some("Bearer t"));
    assert!(upload.header("x-hmac-signature").is_none());
    let body: serde_json::Value = serde_json::from_slice(upload.body()).unwrap();
    assert_eq!(body["image"]["image_type"], "document_front");
    assert!(!body["image"]["content"].as_str().unwrap().starts_with("data:"));
}
