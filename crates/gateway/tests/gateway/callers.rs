//! Accounts: several of them, rotated secrets, replaced while requests are under way.

use std::sync::Arc;

use sealpress_client::Options;
use sealpress_client::sign::Key;
use sealpress_emulator::Emulator;
use sealpress_gateway::veriff::{Account, Accounts};

use crate::common::{Stand, ask, media_path, specimen, upload_body, uri};

#[test]
fn each_key_has_its_own_host_and_secret() {
    let stand = Stand::new();
    let other = Arc::new(Emulator::builder().start_blocking().unwrap());
    let accounts = [&stand.emulator, &other].map(|at| Account::new(at.url(), at.api_key(), [at.secret().into()]));
    stand.door.replace(Accounts::new(&accounts, &Options::default()).unwrap());
    let body = upload_body("face", &uri("image/jpeg", &specimen("driving-licence.jpg")));
    for emulator in [&stand.emulator, &other] {
        let session = emulator.create_session(serde_json::json!({})).unwrap();
        let signature = Key::from_bytes(emulator.secret().as_bytes()).sign(body.as_bytes()).hex();
        let headers = [("X-AUTH-CLIENT", emulator.api_key()), ("X-HMAC-SIGNATURE", &*signature)];
        assert_eq!(ask(stand.address, "POST", &media_path(&session), &headers, body.as_bytes()).status, 200);
        assert_eq!(emulator.ledger().media().count(), 1);
        // The other's secret does not fit this key.
        let crossed = if Arc::ptr_eq(emulator, &other) { stand.emulator.secret() } else { other.secret() };
        let signature = Key::from_bytes(crossed.as_bytes()).sign(body.as_bytes()).hex();
        let headers = [("X-AUTH-CLIENT", emulator.api_key()), ("X-HMAC-SIGNATURE", &*signature)];
        assert_eq!(ask(stand.address, "POST", &media_path(&session), &headers, body.as_bytes()).status, 401);
    }
    // Whose an unknown key is cannot be told where there are two hosts: it goes to neither.
    let said = ask(
        stand.address,
        "GET",
        "/v1/sessions/x/media",
        &[("X-AUTH-CLIENT", "00000000-0000-4000-8000-000000000000")],
        b"",
    );
    assert_eq!((said.status, said.header("x-sealpress-error")), (401, Some("unknown-key")));
}

#[test]
fn a_rotated_secret_works_without_a_restart() {
    let (old, new) = ("the-old-secret", "the-new-secret");
    let emulator = Emulator::builder().secret(old).secret(new).start_blocking().unwrap();
    let emulator = Arc::new(emulator);
    let url = emulator.url().to_owned();
    let stand = Stand::before(emulator, &url, crate::common::press(), |_| {}, |_| {}, |b| b);
    let session = stand.session();
    let body = upload_body("face", &uri("image/jpeg", &specimen("driving-licence.jpg")));
    let send = |secret: &str| {
        let signature = Key::from_bytes(secret.as_bytes()).sign(body.as_bytes()).hex();
        let headers = [("X-AUTH-CLIENT", stand.emulator.api_key()), ("X-HMAC-SIGNATURE", &*signature)];
        ask(stand.address, "POST", &media_path(&session), &headers, body.as_bytes()).status
    };
    let replace = |secrets: &[&str]| {
        let account = Account::new(&url, stand.emulator.api_key(), secrets.iter().map(|&s| s.into()));
        stand.door.replace(stand.door.accounts().renewed(&[account]).unwrap());
    };
    replace(&[old]);
    assert_eq!((send(old), send(new)), (200, 401));
    replace(&[old, new]);
    assert_eq!((send(old), send(new)), (200, 200));
    replace(&[new]);
    assert_eq!((send(old), send(new)), (401, 200));
    // What goes wrong leaves the accounts that there were.
    assert!(stand.door.accounts().renewed(&[]).is_err());
    let empty = Account::new(&url, stand.emulator.api_key(), [String::new().into()]);
    assert!(stand.door.accounts().renewed(&[empty]).is_err());
    assert_eq!(send(new), 200);
}
