//! What conforms leaves as it was issued; whatever must be rewritten says what went.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::process::Command;

use sealpress_media::Media;
use sealpress_pdf::{Action, Documents, Error, ErrorKind, Policy, Removed, Signed, Trimmed, Trimmer, Warning};
use support::raw::{File, TEXT, stream};
use support::{corpus, patient};

fn trim(file: &[u8], policy: Policy) -> Result<Trimmed, Error> {
    Trimmer::new(policy).trim(&Media::sniff(file.to_vec()).unwrap())
}

fn removed(trimmed: &Trimmed) -> Vec<(Removed, u32)> {
    let of = |action: &Action| if let Action::Removed { what, count } = action { Some((*what, *count)) } else { None };
    trimmed.report().actions.iter().filter_map(of).collect()
}

/// A page with everything that is no reason to touch a file.
fn ordinary() -> File {
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>/Contents 30 0 R/Annots[60 0 R]>>";
    File::of(&[TEXT])
        .with_catalog("/Metadata 61 0 R/OpenAction[10 0 R/Fit]/Outlines 62 0 R/PageLabels<</Nums[0<</S/r>>]>>")
        .with(10, page)
        .with(60, "<</Type/Annot/Subtype/Link/Rect[1 1 9 9]/A<</S/URI/URI(https://issuer.example)>>>>")
        .with(61, stream("/Type/Metadata/Subtype/XML", b"<?xpacket begin='' id=''?><x/>"))
        .with(62, "<</Type/Outlines/Count 0>>")
        .with(63, "<</Title(Statement)/Author(An issuer)/CreationDate(D:20200101)>>")
        .with_trailer("/Info 63 0 R/ID[<00><01>]")
}

#[test]
fn what_conforms_leaves_byte_for_byte() {
    let file = ordinary().bytes();
    let trimmed = trim(&file, patient()).unwrap();
    assert!(trimmed.media().bytes()[..] == file[..], "{:?}", trimmed.report());
    assert_eq!(trimmed.report().actions, [Action::PassedThrough]);
    assert_eq!(trimmed.report().warnings, []);
    assert_eq!(trimmed.report().summary().actions[0].name, "passed-through");

    let trimmed = trim(&file, patient().with_documents(Documents::PagesOnly)).unwrap();
    let output = lopdf::Document::load_mem(trimmed.media().bytes()).unwrap();
    assert!(!output.trailer.has(b"Info"));
    for (what, count) in [
        (Removed::Information, 1),
        (Removed::Metadata, 1),
        (Removed::Outlines, 1),
        (Removed::Links, 1),
        (Removed::PageLabels, 1),
    ] {
        assert!(removed(&trimmed).contains(&(what, count)), "{what:?}: {:?}", trimmed.report().actions);
    }
}

#[test]
fn revisions_and_hybrid_tables_are_no_reason_to_touch_a_file() {
    let mut file = ordinary().bytes();
    let first = memchr::memmem::rfind(&file, b"startxref").unwrap();
    let offset: usize = std::str::from_utf8(&file[first + 10..]).unwrap().lines().next().unwrap().parse().unwrap();
    let at = file.len();
    file.extend_from_slice(b"63 0 obj\n<</Title(Changed)>>\nendobj\n");
    let table = file.len();
    let update = format!(
        "xref\n63 1\n{at:010} 00000 n \ntrailer\n<</Size 64/Root 1 0 R/Prev {offset}>>\nstartxref\n{table}\n%%EOF\n"
    );
    file.extend_from_slice(update.as_bytes());
    assert!(trim(&file, patient()).unwrap().media().bytes()[..] == file[..]);
    let trimmed = trim(&file, patient().with_documents(Documents::PagesOnly)).unwrap();
    assert!(removed(&trimmed).contains(&(Removed::Revisions, 1)), "{:?}", trimmed.report().actions);
}

/// A table and a stream beside it that say different things of one object: old readers follow the table.
#[test]
fn a_script_that_a_hidden_stream_calls_free_is_found() {
    let row = |kind: u8, offset: u16| [&[kind][..], &offset.to_be_bytes(), &[0]].concat();
    let hybrid = |number: u32, row: &[u8]| {
        let hidden = format!("/Type/XRef/W[1 2 1]/Index[{number} 1]/Size 91/Root 1 0 R");
        let file = ordinary()
            .with_catalog("/OpenAction 70 0 R")
            .with(70, "<</S/JavaScript/JS(app.alert\\(1\\))>>")
            .with(90, stream(&hidden, row))
            .with_trailer("/XRefStm 0000000000");
        let bytes = file.bytes();
        let at = memchr::memmem::find(&bytes, b"90 0 obj").unwrap();
        file.broken("/XRefStm 0000000000", &format!("/XRefStm {at:010}"))
    };
    for (number, row) in [(70, row(0, 0)), (70, row(1, 15)), (99, row(0, 0))] {
        let trimmed = trim(&hybrid(number, &row), patient()).unwrap();
        assert!(removed(&trimmed).contains(&(Removed::Scripts, 1)), "{:?}", trimmed.report());
    }
}

#[test]
fn what_acts_or_carries_goes_and_is_named() {
    let action = |action: &str| ordinary().with_catalog("/OpenAction 70 0 R").with(70, action);
    let script = stream("", b"app.alert(1)");
    for (what, count, file) in [
        (Removed::Scripts, 1, action("<</S/JavaScript/JS(app.alert\\(1\\))>>")),
        (Removed::Scripts, 2, action("<</S/JavaScript/JS(a)/Next<</S/JavaScript/JS(b)>>>>")),
        (Removed::Scripts, 1, action("<</S/JavaScript/JS 71 0 R>>").with(71, script)),
        // Names that are objects of their own.
        (Removed::Scripts, 1, action("<</S 71 0 R/JS(app.alert\\(1\\))>>").with(71, "/JavaScript")),
        (Removed::LaunchActions, 1, action("<</S 71 0 R/F(x.exe)>>").with(71, "/Launch")),
        (Removed::RichMedia, 1, ordinary().with(60, "<</Subtype 71 0 R/Rect[1 1 9 9]>>").with(71, "/RichMedia")),
        (Removed::LaunchActions, 1, action("<</S/Launch/F(x.exe)/K 0/P 10 0 R>>")),
        (Removed::RemoteActions, 1, action("<</S/Thread/F(x.pdf)/D 0>>")),
        (
            Removed::RemoteActions,
            1,
            ordinary().with(70, stream("/Subtype/Form/BBox[0 0 9 9]/Ref<</F(x.pdf)/Page 0>>", b"q Q")),
        ),
        (
            Removed::EmbeddedFiles,
            1,
            ordinary()
                .with_catalog("/Names<</EmbeddedFiles<</Names[(a)70 0 R]>>>>")
                .with(70, "<</Type/Filespec/F(a)/EF 72 0 R>>")
                .with(72, "<</F 71 0 R>>")
                .with(71, stream("", b"secret")),
        ),
        (Removed::XfaForms, 1, ordinary().with_catalog("/AcroForm<</XFA 71 0 R>>").with(71, stream("", b"<xdp/>"))),
        (Removed::LaunchActions, 1, action("<</S/Launch/F(x.exe)>>")),
        (Removed::SubmitActions, 1, action("<</S/SubmitForm/F(http://x)>>")),
        (Removed::ImportActions, 1, action("<</S/ImportData/F(x.fdf)>>")),
        (Removed::RemoteActions, 1, action("<</S/GoToR/F(x.pdf)/D[0/Fit]>>")),
        (Removed::RichMedia, 1, action("<</S/Rendition>>")),
        (Removed::RichMedia, 1, ordinary().with(60, "<</Subtype/RichMedia/Rect[1 1 9 9]>>")),
        (
            Removed::EmbeddedFiles,
            1,
            ordinary()
                .with_catalog("/Names<</EmbeddedFiles<</Names[(a)70 0 R]>>>>")
                .with(70, "<</Type/Filespec/F(a)/EF<</F 71 0 R>>>>")
                .with(71, stream("/Type/EmbeddedFile", b"secret")),
        ),
        (
            Removed::XfaForms,
            1,
            ordinary().with_catalog("/AcroForm<</Fields[]/XFA 71 0 R>>").with(71, stream("", b"<xdp/>")),
        ),
    ] {
        let file = file.bytes();
        let trimmed = trim(&file, patient()).unwrap();
        assert!(trimmed.report().actions.contains(&Action::Rewritten), "{what:?} left as it was");
        assert!(removed(&trimmed).contains(&(what, count)), "{what:?}: {:?}", trimmed.report().actions);
        let output = lopdf::Document::load_mem(trimmed.media().bytes()).unwrap();
        for object in output.objects.values() {
            let text = format!("{object:?}");
            for word in
                ["JavaScript", "Launch", "SubmitForm", "ImportData", "GoToR", "Rendition", "EmbeddedFile", "XFA"]
            {
                assert!(!text.contains(word), "{what:?}: {word} in {text}");
            }
        }
    }
}

#[test]
fn portfolios_and_xfa_forms_say_what_stays_behind() {
    let portfolio = ordinary()
        .with_catalog("/Collection<</View/D>>/Names<</EmbeddedFiles<</Names[(a)70 0 R]>>>>")
        .with(70, "<</Type/Filespec/F(a)/EF<</F 71 0 R>>>>")
        .with(71, stream("/Type/EmbeddedFile", b"the document"));
    let warnings = trim(&portfolio.bytes(), patient()).unwrap().report().warnings.clone();
    assert!(warnings.contains(&Warning::Portfolio { files: 1 }), "{warnings:?}");
    let xfa = ordinary().with_catalog("/AcroForm<</Fields[]/XFA[(template)71 0 R]>>").with(71, stream("", b"<xdp/>"));
    let warnings = trim(&xfa.bytes(), patient()).unwrap().report().warnings.clone();
    assert!(warnings.contains(&Warning::XfaForm), "{warnings:?}");
}

/// A signed statement of so many pages.
fn signed(pages: usize) -> File {
    let kids: String = (10..).take(pages).map(|n| format!("{n} 0 R ")).collect();
    let mut file = File::of(&vec![TEXT; pages])
        .with_catalog("/AcroForm<</Fields[60 0 R]/SigFlags 3>>")
        .with(2, format!("<</Type/Pages/Count {pages}/Kids[{kids}]>>"))
        .with(60, "<</FT/Sig/T(Approval)/Type/Annot/Subtype/Widget/Rect[0 0 0 0]/V 61 0 R/P 10 0 R>>")
        .with(61, "<</Type/Sig/Filter/Adobe.PPKLite/Name(A Person)/ByteRange[0 1 2 3]/Contents<00>>>");
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>/Contents 30 0 R/Annots[60 0 R]>>";
    file = file.with(10, page);
    file
}

#[test]
fn a_signature_is_lost_only_as_the_policy_says_and_never_in_silence() {
    let (short, long) = (signed(3).bytes(), signed(8).bytes());
    for policy in [Signed::Warn, Signed::Keep, Signed::Refuse] {
        let trimmed = trim(&short, patient().with_signed(policy)).unwrap();
        assert!(trimmed.media().bytes()[..] == short[..], "{policy:?}");
    }
    let trimmed = trim(&long, patient()).unwrap();
    assert_eq!(trimmed.report().kept, [1, 2, 3, 4, 5]);
    let lost = Warning::SignatureLost { signatures: 1, fields: vec!["Approval".to_owned()] };
    assert!(trimmed.report().warnings.contains(&lost), "{:?}", trimmed.report());
    assert!(removed(&trimmed).contains(&(Removed::Signatures, 1)));
    let said = format!("{:?}", trimmed.report().summary());
    assert!(said.contains("Approval") && !said.contains("A Person"), "{said}");

    let trimmed = trim(&long, patient().with_signed(Signed::Keep)).unwrap();
    assert!(trimmed.media().bytes()[..] == long[..]);
    assert!(trimmed.report().warnings.contains(&Warning::SignedKeptWhole { pages: 8 }));
    let refused = trim(&long, patient().with_signed(Signed::Refuse)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::SignatureLost);
    // Too large, or with a script in it, a signed file cannot be kept.
    let refused = trim(&long, patient().with_signed(Signed::Keep).with_max_bytes(1_000)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::SignatureLost);
    let script = signed(8).with_catalog("/AcroForm<</Fields[60 0 R]>>/OpenAction<</S/JavaScript/JS(x)>>").bytes();
    assert_eq!(trim(&script, patient().with_signed(Signed::Keep)).unwrap_err().kind(), ErrorKind::SignatureLost);
}

#[test]
fn authors_of_annotations_go_and_names_of_fields_stay() {
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>/Contents 30 0 R/Annots[60 0 R 61 0 R]>>";
    let file = File::of(&[TEXT])
        .with_catalog("/AcroForm<</Fields[61 0 R]>>")
        .with(10, page)
        .with(60, "<</Subtype/Square/Rect[1 1 99 99]/T(An Author)/Contents(a note)>>")
        .with(61, "<</Subtype/Widget/Rect[1 1 99 99]/FT/Tx/T(field)/V(value)>>")
        .bytes();
    let trimmed = trim(&file, patient().with_documents(Documents::PagesOnly)).unwrap();
    let output = lopdf::Document::load_mem(trimmed.media().bytes()).unwrap();
    let titles: Vec<Vec<u8>> = output
        .objects
        .values()
        .filter_map(|object| object.as_dict().ok()?.get(b"T").ok()?.as_str().ok().map(<[u8]>::to_vec))
        .collect();
    assert_eq!(titles, [b"field".to_vec()]);
    assert!(removed(&trimmed).contains(&(Removed::Authors, 1)));
}

/// What `pdfsig` says of a file: how many signatures are valid over the bytes they cover.
fn valid_signatures(path: &std::path::Path) -> Option<usize> {
    let answer = Command::new("pdfsig").arg("-nocert").arg(path).output().ok()?;
    let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
    Some(answer.matches("Signature Validation: Signature is Valid").count())
}

#[test]
fn signatures_of_the_corpus_are_valid_before_and_after() {
    if Command::new("pdfsig").arg("-v").output().is_err() {
        return sealpress_testkit::skip("pdfsig (poppler-utils) is not installed");
    }
    let cases = sealpress_testkit::corpus_root().join("../cases/pdf/signed-pkcs7.pdf");
    let Some(folder) = corpus("pdf-trim") else { return };
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.push(cases);
    let mut signed = 0;
    for path in files.into_iter().filter(|path| path.extension().is_some_and(|e| e == "pdf")) {
        let before = valid_signatures(&path).unwrap();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        if before == 0 {
            continue;
        }
        let out = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("signed.pdf");
        let trimmed = trim(&bytes, patient()).unwrap();
        std::fs::write(&out, trimmed.media().bytes()).unwrap();
        let after = valid_signatures(&out).unwrap();
        let warned = trimmed.report().warnings.iter().any(|w| matches!(w, Warning::SignatureLost { .. }));
        assert!(after == before || warned, "{}: {after} of {before} and no word", path.display());
        signed += usize::from(after == before);
    }
    assert!(signed > 0, "no signed file came out signed");
}
