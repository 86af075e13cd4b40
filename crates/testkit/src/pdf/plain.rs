//! Ordinary documents: a utility bill, a bank statement, long prints.

use super::{Content, Layout, PdfDocument};
use crate::Rng;
use crate::document::Person;

/// A one-page utility bill with vector graphics and text; all names are invented.
pub fn pdf_bill(seed: u64) -> Vec<u8> {
    let person = Person::new(seed);
    let mut rng = Rng::fork(seed, "pdf-bill");
    let mut page = Content::new()
        .colour(0.05, 0.35, 0.45)
        .rect(0.0, 762.0, 595.0, 80.0)
        .colour(1.0, 1.0, 1.0)
        .bold(40.0, 800.0, 26.0, "Northlake Water & Light")
        .text(40.0, 778.0, 11.0, "SPECIMEN BILL - not a real company, not a real person")
        .colour(0.1, 0.1, 0.1)
        .bold(40.0, 710.0, 12.0, &person.full_name())
        .text(40.0, 694.0, 11.0, &person.street)
        .text(40.0, 679.0, 11.0, &person.town)
        .text(360.0, 710.0, 10.0, &format!("Account  {:08}", rng.below(100_000_000)))
        .text(360.0, 695.0, 10.0, "Issued   2026-03-02")
        .text(360.0, 680.0, 10.0, "Due      2026-03-23")
        .colour(0.88, 0.93, 0.95)
        .rect(40.0, 620.0, 515.0, 24.0)
        .colour(0.1, 0.1, 0.1)
        .bold(48.0, 627.0, 10.0, "Service")
        .bold(300.0, 627.0, 10.0, "Used")
        .bold(400.0, 627.0, 10.0, "Price")
        .bold(490.0, 627.0, 10.0, "EUR");
    let mut sum = 0;
    for (row, (service, unit)) in
        [("Electricity, day", "kWh"), ("Electricity, night", "kWh"), ("Water", "m3"), ("Sewage", "m3")]
            .into_iter()
            .enumerate()
    {
        let (used, cents) = (rng.between(12, 240), rng.between(9, 31));
        let y = 600.0 - row as f32 * 22.0;
        sum += used * cents;
        page = page
            .text(48.0, y, 10.0, service)
            .text(300.0, y, 10.0, &format!("{used} {unit}"))
            .text(400.0, y, 10.0, &format!("0.{cents:02}"))
            .text(490.0, y, 10.0, &euros(used * cents))
            .line((40.0, y - 7.0), (555.0, y - 7.0), 0.4);
    }
    page = page.bold(400.0, 500.0, 12.0, "Total").bold(490.0, 500.0, 12.0, &euros(sum));
    for month in 0..12 {
        let height = rng.between(20, 110) as f32;
        page = page
            .colour(0.2, 0.55, 0.62)
            .rect(60.0 + month as f32 * 40.0, 300.0, 26.0, height)
            .colour(0.1, 0.1, 0.1)
            .text(66.0 + month as f32 * 40.0, 286.0, 8.0, &format!("{:02}", month + 1));
    }
    page = page.text(60.0, 430.0, 10.0, "Your use over the last twelve months").text(
        40.0,
        90.0,
        9.0,
        "Questions? Call 000 0000 between 9 and 17. Thank you for paying in time.",
    );
    let mut document = PdfDocument::new();
    document.page(page.bytes());
    document.finish(Layout::Table)
}

/// A bank statement of `pages` pages. The pages in `empty` (1-based) carry nothing that shows:
/// in turn no `/Contents` at all, an empty stream, and spaces only.
pub fn pdf_statement(seed: u64, pages: u32, empty: &[u32], layout: Layout) -> Vec<u8> {
    let mut document = PdfDocument::new();
    let mut blanks = 0;
    for page in 1..=pages {
        if !empty.contains(&page) {
            document.page(statement_page(seed, page, pages).bytes());
            continue;
        }
        match blanks % 3 {
            0 => document.page_with("/MediaBox [0 0 595 842] /Resources 6 0 R"),
            1 => document.page(b"q Q\n"),
            _ => document.page(Content::new().text(72.0, 700.0, 12.0, "   ").bytes()),
        };
        blanks += 1;
    }
    document.finish(layout)
}

/// `pages` short pages of text, each with content of its own: for cost measurements.
pub fn pdf_many_pages(pages: u32, layout: Layout) -> Vec<u8> {
    let mut document = PdfDocument::new();
    for page in 1..=pages {
        let mut content = Content::new().bold(72.0, 760.0, 18.0, &format!("Page {page} of {pages}"));
        for line in 0..20u32 {
            let words = format!("Line {line}: entry {} of the long print", page * 20 + line);
            content = content.text(72.0, 720.0 - line as f32 * 18.0, 11.0, &words);
        }
        document.page(content.bytes());
    }
    document.finish(layout)
}

/// One page of entries with page number and balance.
pub(super) fn statement_page(seed: u64, page: u32, pages: u32) -> Content {
    let person = Person::new(seed);
    let mut rng = Rng::fork(seed ^ u64::from(page) << 32, "statement");
    let mut content = Content::new()
        .colour(0.1, 0.15, 0.4)
        .bold(40.0, 790.0, 20.0, "Harbour Savings Bank")
        .text(40.0, 774.0, 9.0, "SPECIMEN STATEMENT - not a real bank")
        .colour(0.1, 0.1, 0.1)
        .text(430.0, 790.0, 9.0, &format!("Page {page} of {pages}"))
        .text(40.0, 740.0, 10.0, &person.full_name())
        .text(40.0, 727.0, 10.0, &person.street)
        .line((40.0, 700.0), (555.0, 700.0), 1.0);
    for row in 0..26 {
        let y = 680.0 - row as f32 * 22.0;
        let what = rng.pick(&["Groceries", "Salary", "Rent", "Tram ticket", "Bookshop", "Transfer"]);
        content = content
            .text(40.0, y, 10.0, &format!("2026-{:02}-{:02}", rng.between(1, 12), rng.between(1, 28)))
            .text(130.0, y, 10.0, what)
            .font_text("F3", 460.0, y, 10.0, &format!("{:>9}", euros(rng.between(100, 250_000))));
    }
    content
}

fn euros(cents: i32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
