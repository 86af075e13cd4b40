//! Writes `testdata/` and its manifest anew: `cargo run -p sealpress-testkit --example make-testdata`.

use sealpress_testkit::{manifest_of, specimens, testdata_root};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = testdata_root();
    let mut made = Vec::new();
    for specimen in specimens() {
        let bytes = specimen.make();
        let file = root.join(specimen.path());
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&file, &bytes)?;
        println!("{:>9}  {}", bytes.len(), specimen.path());
        made.push((specimen, bytes));
    }
    let text = toml::to_string(&manifest_of(&made))?;
    let head = "# Written by `cargo run -p sealpress-testkit --example make-testdata`; README.md explains.\n\n";
    std::fs::write(root.join("manifest.toml"), format!("{head}{text}"))?;
    Ok(())
}
