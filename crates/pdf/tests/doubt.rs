//! In doubt, keep: each kind of fault that made a reader see nothing where there is something. Every test
//! here fails when the doubt it names is taken away.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use sealpress_media::Fault;
use sealpress_pdf::{Damaged, Documents, ErrorKind, Warning};
use support::raw::{File, TEXT, stream};
use support::{kept, output_has, patient, trim};

#[test]
fn content_that_is_not_read_to_its_last_byte_is_doubt() {
    let faults = [
        ")",
        ">",
        "]",
        "}",
        "{",
        "<4!>",
        "<zz>",
        "1 2 3 re",
        "1 2 3 4 5 6 re",
        "1 m",
        "1 2 3 l",
        "1 2 c",
        "1 2 3 v",
        "1 y",
        "(a) h",
        "0 0 m ) l",
        "<</A",
        ">>",
        "1.2.3 w",
        "\u{b7}",
    ];
    for fault in faults {
        let content = format!("q Q 0 g {fault} {TEXT}");
        let file = File::of(&[TEXT, &content]).bytes();
        assert_eq!(kept(file), [1, 2], "behind {fault:?}");
    }
}

#[test]
fn a_page_without_any_surprise_is_still_empty() {
    for nothing in [
        "",
        "q Q",
        "q 1 0 0 1 72 72 cm /F 12 Tf Q",
        "1 g 0 0 595 842 re f",
        "BT /F 12 Tf ( ) Tj ET",
        "/Artifact BMC EMC",
        "BT /F 12 Tf 3 Tr (nobody sees this) Tj ET",
        "/Span <</ActualText(x)>> BDC EMC % a comment",
        // What would be plain if it were seen.
        "1 g BT /F 24 Tf 72 700 Td (An amount of 1,204.50 is due) Tj ET",
        "q 0 g Q 1 1 1 rg BT /F 24 Tf 72 700 Td (An amount of 1,204.50 is due) Tj ET",
        "BT /F 24 Tf 72 9000 Td (An amount of 1,204.50 is due) Tj ET",
        "BT /F 24 Tf 1 0 0 1 72 -700 Tm (An amount of 1,204.50 is due) Tj ET",
        "q 9 9 9 9 re W n BT /F 24 Tf 72 700 Td (An amount of 1,204.50 is due) Tj ET Q",
        "BT /F 24 Tf 72 700 Td (                              ) Tj ET",
        "0 0 0 0 re f 700 700 99 99 re f 0 0 m 9 9 l n",
    ] {
        assert_eq!(kept(File::of(&[TEXT, nothing]).bytes()), [1], "{nothing:?}");
    }
}

#[test]
fn objects_that_readers_do_not_read_are_found() {
    let file = File::of(&[TEXT, TEXT]);
    let length = format!("/Length {}", TEXT.len());
    for (what, object) in [
        ("a blank behind stream", format!("<<{length}>>\nstream \n{TEXT}\nendstream")),
        ("an integer beyond 64 bits", format!("<<{length}/X 99999999999999999999>>\nstream\n{TEXT}\nendstream")),
        ("a misspelt end", format!("<<{length}>>\nstream\n{TEXT}\nendstraem")),
        ("an end in capitals", format!("<<{length}>>\nstream\n{TEXT}\nENDSTREAM")),
        ("no end", format!("<<{length}>>\nstream\n{TEXT}\n")),
        ("a length beyond the file", format!("<</Length 99999999>>\nstream\n{TEXT}\nendstream")),
        ("a negative length", format!("<</Length -5>>\nstream\n{TEXT}\nendstream")),
        ("no length", format!("<<>>\nstream\n{TEXT}\nendstream")),
        ("a length that is not there", format!("<</Length 99 0 R>>\nstream\n{TEXT}\nendstream")),
    ] {
        let policy = patient().with_documents(Documents::PagesOnly);
        let trimmed = trim(file_with(&file, 31, &object), policy).unwrap();
        let report = trimmed.report();
        assert_eq!(report.kept, [1, 2], "{what}");
        let lost = report.warnings.iter().any(|warning| matches!(warning, Warning::ObjectLost { .. }));
        let there = output_has(&trimmed, b"1,204.50", 2);
        assert!(lost || there, "{what}: neither kept nor named: {report:?}");
    }
}

fn file_with(file: &File, number: u32, body: &str) -> Vec<u8> {
    File { objects: file.objects.clone(), trailer: file.trailer.clone() }.with(number, body).bytes()
}

#[test]
fn generations_that_disagree_lose_nothing() {
    let file = File::of(&[TEXT, TEXT]);
    for (from, to) in [("31 1\n", "31 1\n"), ("31 0 obj", "31 3 obj"), ("/Contents 31 0 R", "/Contents 31 4 R")] {
        let bytes = if from == to {
            let mut bytes = file.bytes();
            let at = memchr::memmem::rfind(&bytes, b"\n31 1\n").unwrap() + 6;
            bytes[at + 11..at + 16].copy_from_slice(b"00001");
            bytes
        } else {
            file.broken(from, to)
        };
        let trimmed = trim(bytes, patient()).unwrap();
        assert_eq!(trimmed.report().kept, [1, 2], "{to}");
        assert!(output_has(&trimmed, b"1,204.50", 2), "{to}: {:?}", trimmed.report());
    }
}

#[test]
fn content_that_is_not_there_is_not_nothing() {
    for contents in ["99 0 R", "3 0 R", "[30 0 R 99 0 R]", "1 0 R", "(text)"] {
        let page = format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents {contents}>>");
        let file = File::of(&[TEXT, "", TEXT]).with(30, stream("", b"")).with(11, page);
        let trimmed = trim(file.bytes(), patient().with_documents(Documents::PagesOnly)).unwrap();
        let report = trimmed.report();
        assert!(report.kept.contains(&2), "{contents}: {report:?}");
        let named = |w: &Warning| matches!(w, Warning::ObjectLost { page: Some(2), .. });
        assert!(report.warnings.iter().any(named), "{contents}: {report:?}");
    }
}

#[test]
fn a_lost_object_is_named_with_its_page() {
    // The picture of page 2 cannot be parsed at all.
    let page = "q 300 0 0 300 100 300 cm /I Do Q";
    let file = File::of(&[TEXT, page]).with(50, stream("/Subtype/Image/Width 2/Height 2", b"abcd"));
    let bytes = file.broken("50 0 obj\n<<", "50 0 obj\n]]");
    let trimmed = trim(bytes, patient()).unwrap();
    let report = trimmed.report();
    assert_eq!(report.kept, [1, 2]);
    // Both pages have it among their resources; the first one that needs it is named.
    let lost = Warning::ObjectLost { page: Some(2), object: Some(50) };
    let first = Warning::ObjectLost { page: Some(1), object: Some(50) };
    assert!(report.warnings.contains(&lost) || report.warnings.contains(&first), "{report:?}");
}

#[test]
fn what_is_not_understood_within_an_object_is_named() {
    let sized = |paper: &str, more: &str| {
        format!("<</Type/Page/Parent 2 0 R/MediaBox{paper}/Resources<</Font<</F 3 0 R>>>>/Contents 31 0 R{more}")
    };
    for (what, object, body) in [
        ("a side of the paper", 11, sized("[w 0 595 842]", ">>")),
        ("an object that ends too early", 11, sized("[0 0 595 842]", ">>/Rotate 90>>")),
        ("a key without its slash", 11, sized("[0 0 595 842]", "Rotate 90>>")),
        ("a reference of letters", 11, sized("[0 0 595 842]", "/UserUnit \u{1}4 0 R>>")),
        ("an object that never ends", 11, sized("[0 0 595 842]", "")),
        ("a font", 3, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding W>>".to_owned()),
        ("a node of the tree", 2, "<</Type/Pages/Count 2/Kids[10 0 R 11 0 R]>>/Rotate 90>>".to_owned()),
        ("the catalog", 1, "<</Type/Catalog/Pages 2 0 R>>/OCProperties<<>>>>".to_owned()),
    ] {
        let trimmed = trim(File::of(&[TEXT, TEXT]).with(object, body).bytes(), patient()).unwrap();
        let report = trimmed.report();
        assert_eq!(report.kept, [1, 2], "{what}: {report:?}");
        let named = |w: &Warning| {
            matches!(w, Warning::ObjectDamaged { object: Some(n), .. } if *n == object)
                || (object == 11 && *w == Warning::PageLost { page: 2 })
        };
        assert!(report.warnings.iter().any(named), "{what}: {report:?}");
    }
}

#[test]
fn a_font_that_is_something_else_is_named() {
    for other in ["1 0 R", "2 0 R", "10 0 R"] {
        let page = format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F {other}>>>>/Contents 31 0 R>>"
        );
        let policy = patient().with_documents(Documents::PagesOnly);
        let trimmed = trim(File::of(&[TEXT, TEXT]).with(11, page).bytes(), policy).unwrap();
        let report = trimmed.report();
        let named = |w: &Warning| matches!(w, Warning::ObjectLost { page: Some(2), .. });
        assert!(report.warnings.iter().any(named), "{other}: {report:?}");
    }
}

#[test]
fn content_under_a_misspelt_key_is_doubt() {
    for key in ["Contnets", "contents", "Annotss"] {
        let page = format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/{key} 31 0 R>>");
        let trimmed = trim(File::of(&[TEXT, TEXT]).with(11, page).bytes(), patient()).unwrap();
        assert_eq!(trimmed.report().kept, [1, 2], "{key}: {:?}", trimmed.report());
    }
}

#[test]
fn what_a_page_had_of_a_lost_tree_is_not_known() {
    // Beside the paper that readers assume, on the one that the tree had.
    let high = "BT /F 24 Tf 30 1100 Td (An amount of 1,204.50 is due) Tj ET";
    let page = "<</Type/Page/Parent 2 0 R/Resources<</Font<</F 3 0 R>>>>/Contents 30 0 R>>";
    let tree = "<<j<</Type/Pages/Count 1/Kids[10 0 R]/MediaBox[0 0 600 1200]>>";
    let file = File::of(&[high]).with(10, page).with(2, tree).bytes();
    let trimmed = trim(file, patient()).unwrap();
    let names: Vec<&str> = trimmed.report().warnings.iter().map(Warning::name).collect();
    assert!(names.contains(&"page-tree-lost") && names.contains(&"object-damaged"), "{:?}", trimmed.report());
    assert!(!names.contains(&"all-pages-empty"), "{:?}", trimmed.report());
}

#[test]
fn an_annotation_whose_kind_is_misspelt_is_content() {
    let form = stream("/Type/XObject/Subtype/Form/BBox[0 0 100 100]", b"0 0.4 0 rg 5 5 90 90 re f");
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Annots[60 0 R]>>";
    let annotation = "<</Type/Annot/Sutype/Square/Rect[100 100 200 200]/AP<</N 61 0 R>>>>";
    let file = File::of(&[TEXT, ""]).with(11, page).with(60, annotation).with(61, form);
    assert_eq!(kept(file.bytes()), [1, 2]);
}

#[test]
fn what_was_not_decrypted_is_never_sent() {
    let path = sealpress_testkit::corpus_root().join("pdf-trim/pypdf__resources__encryption__r3-empty-password.pdf");
    let Ok(whole) = std::fs::read(path) else { return sealpress_testkit::skip("no corpus") };
    assert!(trim(whole.clone(), patient()).is_ok());
    for (from, to) in [("/Size 16", "/Size 1\u{7f}"), ("87c4> /V 2", "8\u{1c}c4> /V 2"), ("/R 3 /U", "/R 3 /u")] {
        let at = memchr::memmem::rfind(&whole, from.as_bytes()).expect(from);
        let mut broken = whole.clone();
        broken.splice(at..at + from.len(), to.bytes());
        match trim(broken, patient()) {
            Err(e) => assert_eq!(e.kind(), ErrorKind::Encrypted, "{to:?}"),
            // Mended all the same.
            Ok(trimmed) => assert!(output_has(&trimmed, b"Tj", 1) || output_has(&trimmed, b"TJ", 1), "{to:?}"),
        }
    }
    // A word in the text is no encryption.
    let text = format!("{TEXT} % /Encrypt 5 0 R");
    let trimmed = trim(File::of(&[&text]).broken("/Count 1", "/Count 2"), patient()).unwrap();
    assert!(!trimmed.report().actions.iter().any(|action| action.name() == "decrypted"), "{:?}", trimmed.report());
}

#[test]
fn all_pages_of_the_document_are_counted() {
    let total = |file: &[u8]| {
        let trimmed = trim(file.to_vec(), patient()).unwrap();
        (trimmed.report().total_pages, trimmed.report().summary().source_pages)
    };
    assert_eq!(total(&File::of(&[TEXT; 3]).bytes()), (3, Some(3)));
    assert_eq!(total(&File::of(&[TEXT; 9]).bytes()), (9, Some(9)));
    assert_eq!(total(&File::of(&["", "", "", "", TEXT, TEXT]).bytes()), (6, Some(6)));
    // Broken: counted one by one, whatever the tree claims.
    let file = File::of(&[TEXT; 9]);
    assert_eq!(total(&file.broken("18 0 obj", "18 0 obX")), (9, Some(9)));
}

#[test]
fn forms_with_values_are_not_empty() {
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>/Contents 31 0 R/Annots[60 0 R]>>";
    let file = |field: &str, form: &str| {
        let field = format!("<</Type/Annot/Subtype/Widget/Rect[72 500 400 530]/F 4/P 11 0 R/AP<</N 61 0 R>>{field}>>");
        File::of(&[TEXT, "q Q"])
            .with_catalog("/AcroForm 62 0 R")
            .with(11, page)
            .with(60, field)
            .with(61, stream("/Subtype/Form/BBox[0 0 328 30]", b"/Tx BMC EMC"))
            .with(62, format!("<</Fields[60 0 R]/DA(/Helv 12 Tf 0 g){form}>>"))
            .bytes()
    };
    for (what, field, form) in [
        ("a text", "/FT/Tx/T(a)/V(Erika Musterfrau)", ""),
        ("a text in UTF-16", "/FT/Tx/T(a)/V<FEFF00450072>", ""),
        ("a choice", "/FT/Ch/T(a)/V[(one)]", ""),
        ("a box that is ticked", "/FT/Btn/T(a)/V/Yes", ""),
        ("rich text", "/FT/Tx/T(a)/RV(<p>text</p>)", ""),
        ("a form that asks for new appearances", "/FT/Tx/T(a)", "/NeedAppearances true"),
    ] {
        assert_eq!(kept(file(field, form)), [1, 2], "{what}");
    }
    for (what, field) in
        [("no value", "/FT/Tx/T(a)"), ("an empty text", "/FT/Tx/T(a)/V()"), ("a box", "/FT/Btn/T(a)/V/Off")]
    {
        assert_eq!(kept(file(field, "")), [1], "{what}");
    }
}

#[test]
fn a_file_that_breaks_off_is_refused_or_names_what_it_lost() {
    let whole = File::of(&[TEXT, TEXT, TEXT]).bytes();
    let objects: Vec<usize> = memchr::memmem::find_iter(&whole, b" 0 obj").collect();
    let mut refused = 0;
    for cut in objects.iter().flat_map(|at| [at - 2, at + 20]).filter(|cut| *cut > 200) {
        let cut = &whole[..cut];
        match trim(cut.to_vec(), patient()) {
            Err(e) => {
                refused += 1;
                assert!(matches!(e.kind(), ErrorKind::Truncated), "{} bytes: {e}", cut.len());
                assert_eq!(e.fault(), Fault::Input);
            }
            // Nothing that its pages need is missing.
            Ok(trimmed) => assert!(output_has(&trimmed, b"1,204.50", 3), "{} bytes: {:?}", cut.len(), trimmed.report()),
        }
        if let Ok(trimmed) = trim(cut.to_vec(), patient().with_damaged(Damaged::Accept)) {
            let report = trimmed.report();
            assert!(report.dropped.is_empty(), "{} bytes: {report:?}", cut.len());
            let all = report.kept == [1, 2, 3] && output_has(&trimmed, b"1,204.50", 3);
            assert!(all || report.warnings.contains(&Warning::Truncated), "{} bytes: {report:?}", cut.len());
        }
    }
    assert!(refused > 3, "only {refused} cuts were refused");
}

#[test]
fn no_page_is_an_error_and_never_a_blank_one() {
    for page in ["(text)", "null", "[1 2]", "<</Odd 1>>"] {
        let file = File::of(&[TEXT]).with(10, page).bytes();
        let error = trim(file, patient()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::NoPages | ErrorKind::Corrupt), "{page}: {error}");
    }
    // A page that is written as a stream is a page all the same.
    let page = "/Type/Page/Parent 2 0 R/MediaBox[0 0 130 130]/Contents 30 0 R/Resources<</Font<</F 3 0 R>>>>";
    let trimmed = trim(File::of(&[TEXT]).with(10, stream(page, b"")).bytes(), patient()).unwrap();
    assert!(output_has(&trimmed, b"1,204.50", 1), "{:?}", trimmed.report());
}

#[test]
fn a_page_that_cannot_be_read_keeps_its_number_and_is_named() {
    let file = File::of(&[TEXT, TEXT, TEXT]).with(11, "(no page)").bytes();
    let trimmed = trim(file, patient()).unwrap();
    assert_eq!(trimmed.report().kept, [1, 2, 3]);
    assert!(trimmed.report().warnings.contains(&Warning::PageLost { page: 2 }), "{:?}", trimmed.report());
}

#[test]
fn never_more_pages_than_promised() {
    let broken = ["", "", "", "", "", "", ""];
    let mut file = File::of(&broken);
    for n in 30..37 {
        file = file.with(n, stream("/Filter/FlateDecode", b"this is not deflated"));
    }
    let trimmed = trim(file.bytes(), patient()).unwrap();
    assert_eq!(trimmed.report().kept, [1, 2, 3, 4, 5]);
}

#[test]
fn paper_that_makes_no_sense_is_doubt() {
    for paper in ["[0 0 595 595 842]", "[0 0 595]", "[w 0 595 842]", "(none)"] {
        let page =
            format!("<</Type/Page/Parent 2 0 R/MediaBox{paper}/Resources<</Font<</F 3 0 R>>>>/Contents 31 0 R>>");
        let beside = "BT /F 24 Tf 72 9000 Td (beside the paper, or on it) Tj ET";
        assert_eq!(kept(File::of(&[TEXT, beside]).with(11, page).bytes()), [1, 2], "{paper}");
    }
    // Some readers then show the whole sheet.
    for part in ["[1000 1000 2000 2000]", "[0 0 0 0]"] {
        let page = format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/CropBox{part}/Resources<</Font<</F 3 0 R>>>>/Contents 31 0 R>>"
        );
        assert_eq!(kept(File::of(&[TEXT, TEXT]).with(11, page).bytes()), [1, 2], "{part}");
    }
}

/// What is no stream is no content in the output either, which readers would complain of.
#[test]
fn only_streams_are_content_of_what_is_written() {
    for contents in ["99 0 R", "[30 0 R null 99 0 R]", "[[31 0 R]]", "<<>>", "5", "[null]", "40 0 R", "[40 0 R]"] {
        let page = format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>/Contents {contents}>>"
        );
        let file = File::of(&[TEXT, TEXT]).with(11, page).with(40, "31 0 R").bytes();
        let trimmed = trim(file, patient().with_documents(Documents::PagesOnly)).unwrap();
        assert_eq!(trimmed.report().kept, [1, 2], "{contents}");
        let output = lopdf::Document::load_mem(trimmed.media().bytes()).unwrap();
        for id in output.get_pages().into_values() {
            let page = output.get_dictionary(id).unwrap();
            let streams = match page.get(b"Contents") {
                Ok(lopdf::Object::Array(parts)) => parts.clone(),
                Ok(single) => vec![single.clone()],
                Err(_) => continue,
            };
            let is_stream = |part: &lopdf::Object| {
                part.as_reference().is_ok_and(|id| output.get_object(id).is_ok_and(|o| o.as_stream().is_ok()))
            };
            assert!(streams.iter().all(is_stream), "{contents}: {streams:?}");
        }
    }
}

#[test]
fn numbers_of_any_length_are_read_and_can_be_read_back() {
    for number in [
        "99999999999999999999",
        "0.00000000000000000000000000000000000000000001175",
        "-0.0000000000000000000000000001",
        "184467440737095516160.5",
    ] {
        let state = format!("<</CA 1/X {number}>>");
        let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>/ExtGState<</G 70 0 R>>>>/Contents 30 0 R>>";
        let file = File::of(&[TEXT]).with(10, page).with(70, state).bytes();
        for documents in [Documents::AsIssued, Documents::PagesOnly] {
            let trimmed = trim(file.clone(), patient().with_documents(documents)).unwrap();
            assert_eq!(trimmed.report().kept, [1], "{number}");
        }
    }
}

#[test]
fn a_form_that_is_not_understood_is_named() {
    let widget = "<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V(1)/Rect[9 9 99 99]/P 10 0 R>>";
    for form in ["<</Fields[50 0 R > ]/NeedAppearances true>>", "<<(/Fields[50 0 R]/NeedAppearances true>>"] {
        let file = File::of(&[TEXT])
            .with(1, "<</Type/Catalog/Pages 2 0 R/AcroForm 51 0 R>>")
            .with(10, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>/Contents 30 0 R/Annots[50 0 R]>>")
            .with(50, widget)
            .with(51, form);
        let trimmed = trim(file.bytes(), patient()).unwrap();
        let named = trimmed.report().warnings.iter().any(|warning| {
            matches!(
                warning,
                Warning::ObjectLost { object: Some(51), .. } | Warning::ObjectDamaged { object: Some(51), .. }
            )
        });
        assert!(named, "{form}: {:?}", trimmed.report().warnings);
    }
}

#[test]
fn a_tree_that_is_a_page_is_no_tree() {
    let kids = "<</Type/Pages/Count 2/Kids[10 0 R 11 0 R]/MediaBox[0 0 300 800]/Resources<</Font<</F 3 0 R>>>>>>";
    let file = File::of(&[TEXT, TEXT])
        .with(1, "<</Type/Catalog/Pages 11 0 R>>")
        .with(2, kids)
        .with(10, "<</Type/Page/Parent 2 0 R/Contents 30 0 R>>")
        .with(11, "<</Type/Page/Parent 2 0 R/Contents 31 0 R>>");
    let trimmed = trim(file.bytes(), patient()).unwrap();
    assert_eq!(trimmed.report().kept, [1, 2]);
    assert!(trimmed.report().warnings.contains(&Warning::PageTreeLost), "{:?}", trimmed.report().warnings);
    // Paper and resources are those of the node that they call their parent.
    let output = lopdf::Document::load_mem(trimmed.media().bytes()).unwrap();
    for id in output.page_iter() {
        let page = output.get_dictionary(id).unwrap();
        assert_eq!(page.get(b"MediaBox").unwrap().as_array().unwrap()[2].as_i64().unwrap(), 300);
    }
}

#[test]
fn a_kid_that_cannot_be_read_is_a_page_however_many_the_tree_claims() {
    let page = |paper: &str| {
        format!("<</Type/Page/Parent 2 0 R/MediaBox[{paper}]/Resources<</Font<</F 3 0 R>>>>/Contents 31 0 R>>")
    };
    let tree = "<</Type/Pages/Count 2/Kids[10 0 R 11 0 R 12 0 R]>>";
    let file = |second: &str| File::of(&[TEXT, TEXT, TEXT]).with(2, tree).with(11, second).bytes();
    // One word of it makes no sense: the others are read.
    let trimmed = trim(file(&page("0 0 59w 842")), patient()).unwrap();
    assert_eq!(trimmed.report().kept, [1, 2, 3]);
    let damaged = Warning::ObjectDamaged { page: Some(2), object: Some(11) };
    assert!(trimmed.report().warnings.contains(&damaged), "{:?}", trimmed.report().warnings);
    // None of it does.
    let trimmed = trim(file("((("), patient()).unwrap();
    assert_eq!(trimmed.report().kept, [1, 2, 3]);
    assert!(trimmed.report().warnings.contains(&Warning::PageLost { page: 2 }), "{:?}", trimmed.report().warnings);
}
