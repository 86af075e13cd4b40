//! Installs what a bare Debian or Ubuntu machine lacks, and says what and why. Elsewhere it prints
//! the names and goes on: the build itself will say what is really missing.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use xshell::{Shell, cmd};

/// What something is needed for. A missing build tool is an error; without the others the tests
/// that want them print that they were skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Build,
    Test,
    Bench,
    /// For the bench that reads words out of pictures.
    Read,
}

struct Tool {
    need: Need,
    /// Debian's names, the first that the machine's lists know is installed.
    packages: &'static [&'static str],
    why: &'static str,
    is_here: fn() -> bool,
}

const TOOLS: &[Tool] = &[
    Tool { need: Need::Build, packages: &["g++"], why: "compiles the vendored C codecs", is_here: || on_path("c++") },
    Tool {
        need: Need::Build,
        packages: &["make"],
        why: "drives the build of libjpeg-turbo",
        is_here: || on_path("make"),
    },
    Tool { need: Need::Build, packages: &["cmake"], why: "configures libjpeg-turbo", is_here: || on_path("cmake") },
    Tool {
        need: Need::Build,
        packages: &["nasm"],
        why: "assembles libjpeg-turbo's SIMD code",
        is_here: || on_path("nasm"),
    },
    Tool {
        need: Need::Build,
        packages: &["libavcodec62", "libavcodec61", "libavcodec60", "libavcodec59", "libavcodec58"],
        why: "decodes HEIC faster where it is present (opened at run time, optional)",
        is_here: || shared_library("libavcodec.so"),
    },
    Tool {
        need: Need::Test,
        packages: &["python3-venv"],
        why: "other people's decoders and HMAC judge ours",
        is_here: || succeeds("python3", &["-c", "import ensurepip, venv"]),
    },
    Tool {
        need: Need::Test,
        packages: &["chromium"],
        why: "opens the reports and the emulator's page",
        is_here: || on_path("chromium"),
    },
    Tool {
        need: Need::Test,
        packages: &["postgresql"],
        why: "a throw-away cluster for the tests of the store",
        is_here: || on_path("initdb") || globbed("/usr/lib/postgresql", "bin/initdb"),
    },
    Tool {
        need: Need::Test,
        packages: &["poppler-utils"],
        why: "pdfsig says whether signatures are still valid",
        is_here: || on_path("pdfsig"),
    },
    Tool {
        need: Need::Test,
        packages: &["nodejs"],
        why: "an example that uploads from another language",
        is_here: || on_path("node"),
    },
    Tool {
        need: Need::Test,
        packages: &["libheif-dev"],
        why: "builds and tests the feature `libheif`",
        is_here: || succeeds("pkg-config", &["--exists", "libheif"]),
    },
    Tool {
        need: Need::Test,
        packages: &["curl"],
        why: "an upload from a shell, through the gateway",
        is_here: || on_path("curl"),
    },
    Tool { need: Need::Test, packages: &["openssl"], why: "signs that upload", is_here: || on_path("openssl") },
    Tool {
        need: Need::Read,
        packages: &["tesseract-ocr"],
        why: "reads what preflight would refuse",
        is_here: || on_path("tesseract"),
    },
    Tool { need: Need::Bench, packages: &["npm"], why: "installs the rival sharp", is_here: || on_path("npm") },
    Tool { need: Need::Bench, packages: &["qpdf"], why: "a rival of the PDF trimmer", is_here: || on_path("qpdf") },
    Tool {
        need: Need::Bench,
        packages: &["mupdf-tools"],
        why: "a rival of the PDF trimmer",
        is_here: || on_path("mutool"),
    },
    Tool { need: Need::Bench, packages: &["valgrind"], why: "counts instructions", is_here: || on_path("valgrind") },
];

/// Makes sure that everything under `needs` is here.
pub(crate) fn install(sh: &Shell, needs: &[Need]) -> anyhow::Result<()> {
    let missing: Vec<&Tool> = TOOLS.iter().filter(|t| needs.contains(&t.need) && !(t.is_here)()).collect();
    if !missing.is_empty() {
        install_packages(sh, &missing)?;
    }
    if needs.contains(&Need::Test) {
        install_venv(sh)?;
    }
    Ok(())
}

fn install_packages(sh: &Shell, missing: &[&Tool]) -> anyhow::Result<()> {
    for tool in missing {
        eprintln!("setup: {} is missing: {}", tool.packages[0], tool.why);
    }
    if !on_path("apt-get") {
        let names: Vec<&str> = missing.iter().map(|t| t.packages[0]).collect();
        eprintln!("setup: this is not a Debian or Ubuntu system; please install (Debian's names): {}", names.join(" "));
        return Ok(());
    }
    let prefix: &[&str] = if is_root(sh) {
        &[]
    } else if on_path("sudo") {
        &["sudo"]
    } else {
        let names: Vec<&str> = missing.iter().map(|t| t.packages[0]).collect();
        bail!("not root and no sudo here; as root: apt-get install {}", names.join(" "));
    };
    apt(prefix, &["update", "-q"]).context("apt-get update")?;
    for tool in missing {
        let Some(package) = tool.packages.iter().find(|p| has_candidate(p)) else {
            refuse_or_note(tool, "no such package in this machine's lists")?;
            continue;
        };
        eprintln!("setup: installing {package}");
        if let Err(error) = apt(prefix, &["install", "-q", "-y", "--no-install-recommends", package]) {
            refuse_or_note(tool, &format!("{error:#}"))?;
        }
    }
    Ok(())
}

/// A build tool or, in CI, anything but libavcodec must be there; otherwise a note is enough.
fn refuse_or_note(tool: &Tool, why: &str) -> anyhow::Result<()> {
    let optional = tool.packages.len() > 1;
    let strict = tool.need == Need::Build || std::env::var_os("CI").is_some();
    if strict && !optional {
        bail!("cannot install {}: {why}", tool.packages[0]);
    }
    eprintln!("setup: going on without {}: {why}", tool.packages[0]);
    Ok(())
}

fn apt(prefix: &[&str], args: &[&str]) -> anyhow::Result<()> {
    let mut words: Vec<&str> = prefix.to_vec();
    words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    words.extend(args);
    let output = std::process::Command::new(words[0]).args(&words[1..]).output()?;
    if !output.status.success() {
        bail!("{}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// Whether the lists know a version that can be installed, not only the name.
fn has_candidate(package: &str) -> bool {
    std::process::Command::new("apt-cache").args(["policy", package]).output().is_ok_and(|o| {
        String::from_utf8_lossy(&o.stdout)
            .lines()
            .any(|l| l.trim_start().starts_with("Candidate:") && !l.contains("(none)"))
    })
}

/// The oracles' own Python environment, made anew when its list changed.
fn install_venv(sh: &Shell) -> anyhow::Result<()> {
    let root = crate::root();
    let venv = root.join("target/venv");
    let wanted = sh.read_file(root.join("xtask/requirements.txt"))?;
    let stamp = venv.join("installed.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|s| s == wanted) {
        return Ok(());
    }
    eprintln!("setup: installing the tests' Python oracles into target/venv");
    let made = cmd!(sh, "python3 -m venv --clear {venv}").quiet().ignore_stdout().run().and_then(|()| {
        let pip = venv.join("bin/pip");
        let list = root.join("xtask/requirements.txt");
        cmd!(sh, "{pip} install --quiet --disable-pip-version-check --requirement {list}").quiet().run()
    });
    match made {
        Ok(()) => Ok(sh.write_file(stamp, wanted)?),
        Err(error) if std::env::var_os("CI").is_some() => Err(error).context("the tests' Python oracles"),
        Err(error) => {
            eprintln!("setup: going on without the Python oracles: {error}");
            Ok(())
        }
    }
}

fn is_root(sh: &Shell) -> bool {
    cmd!(sh, "id -u").quiet().read().is_ok_and(|id| id == "0")
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

fn succeeds(program: &str, args: &[&str]) -> bool {
    std::process::Command::new(program).args(args).output().is_ok_and(|o| o.status.success())
}

/// `parent/*/tail` exists.
fn globbed(parent: &str, tail: &str) -> bool {
    std::fs::read_dir(parent).is_ok_and(|entries| entries.flatten().any(|e| e.path().join(tail).is_file()))
}

/// A shared library of any version in the usual places.
fn shared_library(prefix: &str) -> bool {
    let mut places = vec![PathBuf::from("/usr/lib"), PathBuf::from("/usr/lib64"), PathBuf::from("/usr/local/lib")];
    places.extend(std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|e| e.path()));
    places.iter().any(|dir| starts_with_in(dir, prefix))
}

fn starts_with_in(dir: &Path, prefix: &str) -> bool {
    std::fs::read_dir(dir)
        .is_ok_and(|entries| entries.flatten().any(|e| e.file_name().to_string_lossy().starts_with(prefix)))
}
