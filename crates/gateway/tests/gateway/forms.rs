//! The forms of a file: multipart, raw, escaped and broken base64; `/prepare` and `/sign`.

use crate::common::{Stand, ask, media_path, specimen, upload_body, uri};

#[test]
fn multipart_and_raw_bodies_are_taken() {
    let stand = Stand::new();
    let session = stand.session();
    let photo = specimen("orientation-6.jpg");
    let mut body = b"--XX\r\nContent-Disposition: form-data; name=\"context\"\r\n\r\ndocument-back\r\n--XX\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n"
        .to_vec();
    body.extend(&photo);
    body.extend(b"\r\n--XX--\r\n");
    let said = stand.post(&media_path(&session), "multipart/form-data; boundary=XX", &body);
    assert_eq!(said.status, 200, "{said:?}");
    let raw = format!("{}?context=document-front", media_path(&session));
    let said = stand.post(&raw, "image/jpeg", &photo);
    assert_eq!(said.status, 200, "{said:?}");
    let ledger = stand.emulator.ledger();
    let contexts: Vec<_> = ledger.media().map(|m| (m.context.as_str(), m.mimetype.as_str())).collect();
    assert_eq!(contexts, [("document-back", "image/jpeg"), ("document-front", "image/jpeg")]);
    for (path, kind, body, code) in [
        (media_path(&session), "image/jpeg", &photo[..], "1402"),
        (media_path(&session), "multipart/form-data; boundary=YY", &body[..], "1403"),
        (media_path(&session), "multipart/form-data; boundary=XX", b"--XX--\r\n", "1400"),
        (raw, "image/jpeg", b"", "1400"),
    ] {
        let said = stand.post(&path, kind, body);
        assert_eq!((said.status, &said.json()["code"]), (400, &code.into()), "{said:?}");
    }
}

#[test]
fn base64_as_people_write_it() {
    let stand = Stand::new();
    let session = stand.session();
    let photo = specimen("driving-licence.jpg");
    let text = sealpress_base64::encode(&photo);
    let lines: String =
        text.as_bytes().chunks(76).map(|line| format!("{}\\r\\n", std::str::from_utf8(line).unwrap())).collect();
    let shapes = [
        text.clone(),
        format!("data:;base64,{text}"),
        format!("data:image/jpeg;charset=utf-8;base64,{text}"),
        format!("data:image/jpeg;filename=Jane Doe.jpg;base64,{}", text.trim_end_matches('=')),
        format!("data:image\\/jpeg;base64,{}", text.replace('/', "\\/")),
        lines,
    ];
    for shape in &shapes {
        let body = format!("{{\"image\":{{\"context\":\"face\",\"content\":\"{shape}\"}}}}");
        let said = stand.post(&media_path(&session), "application/json", body.as_bytes());
        assert_eq!(said.status, 200, "{} {:?}", &shape[..60], said);
    }
    let hashes: Vec<_> = stand.emulator.ledger().media().map(|m| m.sha256.clone()).collect();
    assert_eq!(hashes.len(), shapes.len());
    assert!(hashes.iter().all(|hash| *hash == hashes[0]), "every shape is the same file");
}

#[test]
fn prepare_gives_the_file_back_and_sends_nothing() {
    let stand = Stand::new();
    let photo = specimen("orientation-6.jpg");
    let body = upload_body("face", &uri("image/jpeg", &photo));
    let said = stand.post("/prepare", "application/json", body.as_bytes());
    assert_eq!(said.status, 200, "{said:?}");
    let told = said.json();
    assert!(
        told["report"]["actions"].as_array().unwrap().iter().any(|action| action["name"] == "oriented"),
        "{said:?}"
    );
    let ready = sealpress_base64::DataUri::decode(told["content"].as_str().unwrap(), 1 << 24).unwrap().bytes;
    // The file alone, for whoever asks for files.
    let headers = [("Accept", "image/*"), ("Content-Type", "image/jpeg")];
    let alone = stand.signed("POST", "/prepare?context=face", &headers, &photo);
    assert_eq!((alone.status, alone.header("content-type"), &alone.body), (200, Some("image/jpeg"), &ready));
    assert_eq!(ask(stand.address, "POST", "/prepare", &[], body.as_bytes()).status, 401, "not for strangers");
    assert_eq!(stand.emulator.requests("upload"), 0);
}

#[test]
fn what_sign_gives_can_be_sent_as_it_is() {
    let stand = Stand::new();
    let session = stand.session();
    let body = upload_body("face", &uri("image/jpeg", &specimen("orientation-6.jpg")));
    let signed = stand.post("/sign", "application/json", body.as_bytes());
    assert_eq!((signed.status, stand.emulator.requests("upload")), (200, 0), "{signed:?}");
    let signature = signed.header("x-hmac-signature").unwrap();
    let headers = [("X-AUTH-CLIENT", stand.emulator.api_key()), ("X-HMAC-SIGNATURE", signature)];
    let said = ask(stand.emulator.address(), "POST", &media_path(&session), &headers, &signed.body);
    assert_eq!(said.status, 200, "{said:?}");
}
