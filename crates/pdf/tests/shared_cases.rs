//! The cases that came out wrong once, each standing for a whole kind of fault. Skipped, with a printed
//! note, where the folder is not there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use sealpress_media::Media;
use sealpress_pdf::{Action, Documents, EmptyPassword, ErrorKind, Trimmed, Trimmer, Warning};
use support::patient;

#[test]
fn every_case_comes_out_right() {
    let folder = sealpress_testkit::corpus_root().join("../cases/pdf");
    if !folder.is_dir() {
        return sealpress_testkit::skip("no cases");
    }
    let mut wrong = Vec::new();
    let mut check = |name: &str, documents: Documents, sound: &dyn Fn(&Trimmed, &[u8]) -> bool| {
        let bytes = std::fs::read(folder.join(format!("{name}.pdf"))).unwrap();
        let policy = patient().with_documents(documents);
        match Trimmer::new(policy).trim(&Media::sniff(bytes.clone()).unwrap()) {
            Ok(trimmed) if sound(&trimmed, &bytes) => {}
            Ok(trimmed) => wrong.push(format!("{name}: {:?}", trimmed.report())),
            Err(e) if e.kind() == ErrorKind::Truncated && name.starts_with("41") => {}
            Err(e) => wrong.push(format!("{name}: {e}")),
        }
    };
    let warned = |trimmed: &Trimmed, name: &str| trimmed.report().warnings.iter().any(|w| w.name() == name);
    for documents in [Documents::AsIssued, Documents::PagesOnly] {
        for name in [
            "A-syntax-gt",
            "A-syntax-hex",
            "A-syntax-re3",
            "B-stream-space",
            "B-bigint-in-dict",
            "B-generation",
            "C-image-decode-empty",
            "32d-form-only-page2-empty-ap",
            "32j-form-page-three-fields-needap",
        ] {
            check(name, documents, &|trimmed, _| trimmed.report().kept == [1, 2]);
        }
        for name in ["D-tiny", "D-bigint", "black-band", "annots-only"] {
            check(name, documents, &|trimmed, _| {
                trimmed.report().dropped.is_empty() && !warned(trimmed, "all-pages-empty")
            });
        }
        check("B-fuzz162", documents, &|trimmed, _| warned(trimmed, "object-lost"));
        check("41-truncated-40", documents, &|_, _| false);
        check("35-portfolio", documents, &|trimmed, _| warned(trimmed, "portfolio"));
        check("36-xfa-please-wait", documents, &|trimmed, _| warned(trimmed, "xfa-form"));
        check("34g-empty-owner-user-set", documents, &|trimmed, _| {
            trimmed.report().actions.contains(&Action::Decrypted { empty: EmptyPassword::Owner })
        });
        check("Dialects__Dialect-DictIsStream", documents, &|trimmed, _| {
            memchr::memmem::find(trimmed.media().bytes(), b"Dict is Stream").is_some()
        });
        for name in ["63b-pdf-dct-mpo-second-picture-gps", "63d-pdf-dct-fill-bytes-exif-gps"] {
            check(name, documents, &|trimmed, bytes| {
                let out = &trimmed.media().bytes()[..];
                let clean = memchr::memmem::find(out, b"Exif").is_none()
                    && memchr::memmem::find_iter(out, b"\xFF\xD8\xFF").count() == 1;
                if documents == Documents::AsIssued { out == bytes } else { clean }
            });
        }
    }
    check("signed-pkcs7", Documents::AsIssued, &|trimmed, bytes| trimmed.media().bytes()[..] == *bytes);
    check("signed-pkcs7", Documents::PagesOnly, &|trimmed, _| {
        trimmed.report().warnings.iter().any(|w| matches!(w, Warning::SignatureLost { .. }))
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
