//! `sealpress prepare` over every real file there is: each gives a valid output or a typed error
//! that fits what is known about it, and nothing panics, aborts, hangs or eats the machine.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sealpress_testkit::{Kept, corpus};
use serde_json::Value;

/// One GiB, in kB as the kernel counts.
const MOST_MEMORY: u64 = 1 << 20;
const FAULTS: [&str; 5] = ["input", "limit", "caller", "remote", "internal"];

#[test]
fn every_file_of_the_corpus_ends_well() {
    let Some(corpus) = corpus() else { return };
    let mut files: Vec<PathBuf> = corpus.entries.iter().map(|e| e.file.clone()).collect();
    files.extend(corpus.pdf_trim.iter().map(|e| e.file.clone()));
    let out = tempfile::tempdir().unwrap();
    let run = prepare(&files, out.path());

    assert_eq!(run.exit, Some(3), "bad files are among them:\n{}", run.stderr);
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    assert!(run.most_kib < MOST_MEMORY, "a process held {} MiB", run.most_kib >> 10);
    println!("{} files, {} MiB at most, slowest {:.0} ms", files.len(), run.most_kib >> 10, run.slowest());
    let late = run.lines.iter().filter(|l| l["error"]["kind"] == "timeout");
    late.for_each(|l| println!("ran out of time: {}", l["input"]));
    assert_eq!(run.lines.len(), files.len(), "one line per file:\n{}", run.stderr);

    let mut outputs = HashSet::new();
    let mut wrong = Vec::new();
    for (at, (file, line)) in files.iter().zip(&run.lines).enumerate() {
        assert_eq!(line["input"], *file.to_string_lossy(), "in the order of the inputs");
        if let Some(output) = line["output"].as_str() {
            assert!(outputs.insert(output.to_lowercase()), "two inputs went to {output}");
        }
        let told = match corpus.entries.get(at) {
            Some(entry) => judge(line, out.path()).and_then(|()| {
                let kind = line["error"]["kind"].as_str();
                // Of a broken file nobody demands which of its faults is named, or whether what is
                // left of it will do. And without optimisation a decoder may run out of its time.
                let slow = cfg!(debug_assertions) && kind == Some("timeout");
                if entry.is_invalid || slow || entry.expected.allows(kind) {
                    return Ok(());
                }
                Err(format!("{:?} does not fit {:?}", kind.unwrap_or("ok"), entry.expected))
            }),
            None => {
                judge(line, out.path()).and_then(|()| pages(line, &corpus.pdf_trim[at - corpus.entries.len()].expected))
            }
        };
        if let Err(why) = told {
            wrong.push(format!("{}: {why}\n    {line}", file.strip_prefix(&corpus.root).unwrap_or(file).display()));
        }
    }
    assert!(wrong.is_empty(), "{} of {} files:\n{}", wrong.len(), files.len(), wrong.join("\n"));
    let written = fs::read_dir(out.path()).unwrap().count();
    assert_eq!(written, outputs.len(), "nothing else is left in the folder");
}

struct Run {
    lines: Vec<Value>,
    stderr: String,
    exit: Option<i32>,
    most_kib: u64,
}

impl Run {
    fn slowest(&self) -> f64 {
        self.lines.iter().filter_map(|l| l["ms"].as_f64()).fold(0.0, f64::max)
    }
}

fn prepare(files: &[PathBuf], out: &Path) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sealpress"))
        .args(["prepare", "--json", "--jobs", "2", "--out"])
        .arg(out)
        .args(files)
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let most = Arc::new(AtomicU64::new(0));
    let over = Arc::new(AtomicBool::new(false));
    let watch = std::thread::spawn({
        let (most, over, pid) = (Arc::clone(&most), Arc::clone(&over), child.id());
        move || {
            while !over.load(Ordering::Relaxed) {
                most.fetch_max(largest_process(pid), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    });
    let mut errors = child.stderr.take().unwrap();
    let stderr = std::thread::spawn(move || {
        let mut text = String::new();
        errors.read_to_string(&mut text).unwrap();
        text
    });
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let lines = stdout.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    let exit = child.wait().unwrap().code();
    over.store(true, Ordering::Relaxed);
    watch.join().unwrap();
    Run { lines, stderr: stderr.join().unwrap(), exit, most_kib: most.load(Ordering::Relaxed) }
}

/// Peak memory in KiB of the largest among a process and its children.
fn largest_process(pid: u32) -> u64 {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let mut ids: Vec<String> = children.split_whitespace().map(str::to_owned).collect();
    // Children that a thread started are listed under that thread.
    for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let of_thread = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        ids.extend(of_thread.split_whitespace().map(str::to_owned));
    }
    ids.push(pid.to_string());
    let peak = |id: &String| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
    };
    ids.iter().map(peak).max().unwrap_or(0)
}

/// Whether a line is what was promised, and its output what it says.
fn judge(line: &Value, folder: &Path) -> Result<(), String> {
    if line["ok"] == false {
        let error = &line["error"];
        let typed = error["kind"].is_string() && error["message"].is_string();
        let fault = error["fault"].as_str().is_some_and(|f| FAULTS.contains(&f) && f != "internal");
        return if typed && fault { Ok(()) } else { Err("not a typed error".into()) };
    }
    if line["ms"].as_f64().is_none_or(|ms| ms > 10_000.0) {
        return Err("slower than 10 s".into());
    }
    if !(line["actions"].is_array() && line["warnings"].is_array() && line["format"].is_string()) {
        return Err("keys are missing".into());
    }
    let output = PathBuf::from(line["output"].as_str().ok_or("no output")?);
    if output.parent() != Some(folder) {
        return Err("the output left its folder".into());
    }
    let bytes = fs::read(&output).map_err(|e| e.to_string())?;
    if line["bytes"] != bytes.len() as u64 {
        return Err("the size is not the file's".into());
    }
    match line["output_format"].as_str() {
        Some("pdf") => document(line, &bytes),
        Some("jpeg") => picture(line, &bytes, jpeg(&bytes)?, image::ImageFormat::Jpeg),
        Some("png") => picture(line, &bytes, png(&bytes)?, image::ImageFormat::Png),
        Some("webp") => webp(line, &bytes),
        other => Err(format!("unexpected output format {other:?}")),
    }
}

/// Two decoders that are not ours open it and see the promised size.
fn picture(line: &Value, bytes: &[u8], seen: (u32, u32), format: image::ImageFormat) -> Result<(), String> {
    let decoded = image::load_from_memory_with_format(bytes, format).map_err(|e| e.to_string())?;
    let said = (line["width"].as_u64(), line["height"].as_u64());
    for (w, h) in [seen, (decoded.width(), decoded.height())] {
        if said != (Some(w.into()), Some(h.into())) {
            return Err(format!("says {said:?}, is {w}×{h}"));
        }
    }
    if seen.0.max(seen.1) > 1920 || bytes.len() > 17_000_000 {
        return Err(format!("{}×{} in {} bytes is too large", seen.0, seen.1, bytes.len()));
    }
    Ok(())
}

fn jpeg(bytes: &[u8]) -> Result<(u32, u32), String> {
    let mut decoder = zune_jpeg::JpegDecoder::new(std::io::Cursor::new(bytes));
    decoder.decode().map_err(|e| format!("zune-jpeg: {e:?}"))?;
    let (w, h) = decoder.dimensions().ok_or("no dimensions")?;
    Ok((u32::try_from(w).unwrap(), u32::try_from(h).unwrap()))
}

fn png(bytes: &[u8]) -> Result<(u32, u32), String> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().map_err(|e| format!("png: {e}"))?;
    let mut pixels = vec![0; reader.output_buffer_size().ok_or("too large")?];
    let frame = reader.next_frame(&mut pixels).map_err(|e| format!("png: {e}"))?;
    Ok((frame.width, frame.height))
}

/// A WebP only ever passes through, so it is judged by its size alone, with a decoder not ours.
fn webp(line: &Value, bytes: &[u8]) -> Result<(), String> {
    let mut decoder = image_webp::WebPDecoder::new(std::io::Cursor::new(bytes)).map_err(|e| format!("webp: {e}"))?;
    let mut pixels = vec![0; decoder.output_buffer_size().ok_or("too large")?];
    decoder.read_image(&mut pixels).map_err(|e| format!("webp: {e}"))?;
    let (w, h) = decoder.dimensions();
    let said = (line["width"].as_u64(), line["height"].as_u64());
    if said == (Some(w.into()), Some(h.into())) && w.max(h) <= 1920 {
        Ok(())
    } else {
        Err(format!("says {said:?}, is {w}×{h}"))
    }
}

fn document(line: &Value, bytes: &[u8]) -> Result<(), String> {
    if line["actions"].as_array().is_some_and(|actions| actions.iter().any(|a| a["name"] == "passed-through")) {
        let input = std::fs::read(line["input"].as_str().unwrap_or_default()).map_err(|e| e.to_string())?;
        return if input == bytes { Ok(()) } else { Err("said to be as issued, and is not".to_owned()) };
    }
    let pages = lopdf::Document::load_mem(bytes).map_err(|e| format!("lopdf: {e}"))?.get_pages().len();
    let kept = line["pages"].as_array().map_or(0, Vec::len);
    if pages != kept || pages == 0 || bytes.len() > 20_000_000 {
        return Err(format!("{pages} pages in {} bytes, said {kept}", bytes.len()));
    }
    Ok(())
}

/// Whether the right pages are among the kept ones: a page in doubt stays too.
fn pages(line: &Value, expected: &Kept) -> Result<(), String> {
    let kept: Option<Vec<u64>> = line["pages"].as_array().map(|p| p.iter().filter_map(Value::as_u64).collect());
    let fits = match expected {
        Kept::Pages(wanted) => kept.is_some_and(|kept| wanted.iter().all(|page| kept.contains(&u64::from(*page)))),
        Kept::NoPages => matches!(line["error"]["kind"].as_str(), Some("no-pages" | "corrupt")),
        Kept::Encrypted => line["error"]["kind"] == "encrypted",
        _ => true,
    };
    if fits { Ok(()) } else { Err(format!("expected {expected:?}")) }
}
