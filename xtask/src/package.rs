//! `cargo xtask package`: the program as `.deb` and tarball, with man pages, completions, units and a bill of
//! materials; then both are installed into a throw-away root, and run from there.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};
use lexopt::ValueExt as _;
use serde_json::{Value, json};
use xshell::{Shell, cmd};

use crate::setup::{self, Need};

/// Files of the package: where they come from, where they go, and their mode.
const FILES: &[(&str, &str, u32)] = &[
    ("packaging/sealpress-gateway.service", "usr/lib/systemd/system/sealpress-gateway.service", 0o644),
    ("packaging/sealpress-emulator.service", "usr/lib/systemd/system/sealpress-emulator.service", 0o644),
    ("packaging/gateway.env", "etc/sealpress/gateway.env", 0o640),
    ("README.md", "usr/share/doc/sealpress/README.md", 0o644),
    ("SECURITY.md", "usr/share/doc/sealpress/SECURITY.md", 0o644),
    ("CHANGELOG.md", "usr/share/doc/sealpress/CHANGELOG.md", 0o644),
    ("LICENSE-MIT", "usr/share/doc/sealpress/LICENSE-MIT", 0o644),
    ("LICENSE-APACHE", "usr/share/doc/sealpress/LICENSE-APACHE", 0o644),
];

/// Completions: the shell, and where it looks for them.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "usr/share/bash-completion/completions/sealpress"),
    ("zsh", "usr/share/zsh/vendor-completions/_sealpress"),
    ("fish", "usr/share/fish/vendor_completions.d/sealpress.fish"),
];

/// A time for every file that is packed, so that two builds are the same: the commit's, or what the builder says.
fn epoch(sh: &Shell) -> anyhow::Result<String> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(time) => Ok(time),
        Err(_) => Ok(cmd!(sh, "git log -1 --format=%ct").quiet().read()?),
    }
}

pub(crate) fn run(sh: &Shell, rest: Vec<OsString>) -> anyhow::Result<()> {
    let (mut program, mut twice) = (None, false);
    let mut flags = lexopt::Parser::from_args(rest);
    while let Some(flag) = flags.next()? {
        match flag {
            lexopt::Arg::Long("program") => program = Some(PathBuf::from(flags.value()?.string()?)),
            lexopt::Arg::Long("twice") => twice = true,
            other => return Err(other.unexpected().into()),
        }
    }
    if twice && program.is_some() {
        bail!("--twice compares two builds, --program packs one that is there");
    }
    setup::install(sh, &[Need::Build])?;
    let folder = crate::root().join("target/package");
    sh.remove_path(&folder)?;
    let program = match program {
        Some(program) => program,
        None => build(sh, &crate::root())?,
    };
    let packed = pack(sh, &program, &folder)?;
    try_deb(sh, &packed.deb, &folder.join("root"))?;
    try_tarball(sh, &packed.tarball, &folder.join("unpacked"))?;
    for file in packed.files() {
        println!("{}", cmd!(sh, "sha256sum {file}").quiet().read()?);
    }
    if twice { same_again(sh, &packed, &folder.join("again")) } else { Ok(()) }
}

/// What is published, each beside the others.
struct Packed {
    deb: PathBuf,
    tarball: PathBuf,
    bill: PathBuf,
}

impl Packed {
    fn files(&self) -> [&Path; 3] {
        [&self.deb, &self.tarball, &self.bill]
    }
}

fn pack(sh: &Shell, program: &Path, folder: &Path) -> anyhow::Result<Packed> {
    let (stage, out) = (folder.join("stage"), folder.join("out"));
    sh.create_dir(&out)?;
    let (version, epoch) = (version()?, epoch(sh)?);
    stage_files(sh, program, &stage)?;
    let arch = cmd!(sh, "dpkg --print-architecture").quiet().read()?;
    let tarball = out.join(format!("sealpress-{version}-linux-{arch}.tar.gz"));
    pack_tarball(sh, &stage, &tarball, &version, &epoch)?;
    let deb = out.join(format!("sealpress_{version}_{arch}.deb"));
    pack_deb(sh, &stage, &deb, &version, &arch, &epoch)?;
    let bill = out.join(format!("sealpress-{version}.cdx.json"));
    sh.write_file(&bill, bill_of_materials(sh, &version)?)?;
    Ok(Packed { deb, tarball, bill })
}

/// Builds the commit once more, from a clone that stands elsewhere and with nothing of the first build, and compares
/// what comes out.
fn same_again(sh: &Shell, first: &Packed, folder: &Path) -> anyhow::Result<()> {
    if !cmd!(sh, "git status --porcelain --untracked-files=no").quiet().read()?.is_empty() {
        bail!("--twice builds the last commit again: commit first");
    }
    let (root, clone) = (crate::root(), folder.join("elsewhere"));
    cmd!(sh, "git clone --quiet {root} {clone}").run()?;
    let program = build(sh, &clone)?;
    let second = pack(sh, &program, folder)?;
    for (first, second) in first.files().into_iter().zip(second.files()) {
        ensure!(
            sh.read_binary_file(first)? == sh.read_binary_file(second)?,
            "{} and {} differ",
            first.display(),
            second.display()
        );
    }
    println!("two builds, in two folders, are the same to the byte");
    Ok(())
}

/// The release build of the workspace at `root`, in which no path of this machine stands, and in which what it was
/// made of does: scanners ask a program itself which versions of which crates are in it.
fn build(sh: &Shell, root: &Path) -> anyhow::Result<PathBuf> {
    if cmd!(sh, "cargo auditable --version").quiet().ignore_stdout().ignore_stderr().run().is_err() {
        eprintln!("package: installing cargo-auditable");
        cmd!(sh, "cargo install --quiet --locked cargo-auditable").run()?;
    }
    let home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")));
    // Encoded, since a folder may have spaces in its name.
    let mut flags = vec![format!("--remap-path-prefix={}=/sealpress", root.display())];
    flags.extend(home.map(|home| format!("--remap-path-prefix={home}=/cargo")));
    let _in = sh.push_dir(root);
    let build = cmd!(sh, "cargo auditable build --quiet --release --locked --package sealpress-cli --bin sealpress");
    // Not into a folder that the caller's environment names: two builds would be one.
    let target = root.join("target");
    build.env("CARGO_TARGET_DIR", &target).env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f")).run()?;
    let program = target.join("release/sealpress");
    let sections = cmd!(sh, "objdump --section-headers {program}").quiet().read()?;
    ensure!(sections.contains(".dep-v0"), "the program does not say what it is made of");
    Ok(program)
}

fn version() -> anyhow::Result<String> {
    let manifest: toml::Table = std::fs::read_to_string(crate::root().join("Cargo.toml"))?.parse()?;
    let version = manifest["workspace"]["package"]["version"].as_str();
    version.map(str::to_owned).context("the workspace has no version")
}

fn stage_files(sh: &Shell, program: &Path, stage: &Path) -> anyhow::Result<()> {
    put(sh, program, &stage.join("usr/bin/sealpress"), 0o755)?;
    // Symbols are for those who debug a build of their own.
    let staged = stage.join("usr/bin/sealpress");
    cmd!(sh, "strip --strip-all {staged}").quiet().run()?;
    for (from, to, mode) in FILES {
        put(sh, &crate::root().join(from), &stage.join(to), *mode)?;
    }
    for (shell, to) in COMPLETIONS {
        let script = cmd!(sh, "{program} completions {shell}").quiet().output()?.stdout;
        sh.write_file(stage.join(to), script)?;
        set_mode(&stage.join(to), 0o644)?;
    }
    let man = stage.join("usr/share/man/man1");
    sh.create_dir(&man)?;
    cmd!(sh, "{program} man --out {man}").quiet().run()?;
    for page in sh.read_dir(&man)? {
        // Without name and time, so that the same page is the same file.
        cmd!(sh, "gzip --best --no-name {page}").quiet().run()?;
    }
    Ok(())
}

fn put(sh: &Shell, from: &Path, to: &Path, mode: u32) -> anyhow::Result<()> {
    if let Some(folder) = to.parent() {
        sh.create_dir(folder)?;
    }
    sh.copy_file(from, to)?;
    set_mode(to, mode)
}

fn set_mode(path: &Path, mode: u32) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?)
}

/// Names in order, one owner, one time, no name and no time of the packer.
fn pack_tarball(sh: &Shell, stage: &Path, to: &Path, version: &str, epoch: &str) -> anyhow::Result<()> {
    let plain = to.with_extension("");
    let prefix = format!("--transform=s,^\\.,sealpress-{version},");
    cmd!(sh, "tar --create --file {plain} --directory {stage} --sort=name --owner=0 --group=0 --numeric-owner --mtime=@{epoch} --mode=go-w {prefix} .")
        .quiet()
        .run()?;
    cmd!(sh, "gzip --best --no-name {plain}").quiet().run()?;
    Ok(())
}

fn pack_deb(sh: &Shell, stage: &Path, to: &Path, version: &str, arch: &str, epoch: &str) -> anyhow::Result<()> {
    let size = cmd!(sh, "du --summarize --apparent-size --block-size=1K {stage}").quiet().read()?;
    let size = size.split_whitespace().next().unwrap_or_default();
    let libraries = libraries(sh, &stage.join("usr/bin/sealpress"))?;
    let control = format!(
        "Package: sealpress\nVersion: {version}\nArchitecture: {arch}\nMaintainer: the sealpress team <sealpress@localhost>\n\
         Installed-Size: {size}\nDepends: {libraries}, ca-certificates\n\
         Recommends: libavcodec62 | libavcodec61 | libavcodec60 | libavcodec59 | libavcodec58\n\
         Section: utils\nPriority: optional\n\
         Description: photos and PDFs as identity verification APIs accept them\n \
         Prepares, signs and uploads media to Veriff and Transmit Security: a program, a gateway in\n \
         front of their APIs, a backfill for archives, and an emulator to test against.\n"
    );
    sh.write_file(stage.join("DEBIAN/control"), control)?;
    sh.write_file(stage.join("DEBIAN/conffiles"), "/etc/sealpress/gateway.env\n")?;
    let each = "{}";
    cmd!(sh, "find {stage} -exec touch --no-dereference --date=@{epoch} {each} +").quiet().run()?;
    let pack =
        cmd!(sh, "dpkg-deb --root-owner-group -Zxz --build {stage} {to}").quiet().env("SOURCE_DATE_EPOCH", epoch);
    pack.ignore_stdout().run()?;
    sh.remove_path(stage.join("DEBIAN"))?;
    Ok(())
}

/// Debian's names of the shared libraries that the program is linked to, with the C library's version.
fn libraries(sh: &Shell, program: &Path) -> anyhow::Result<String> {
    let needed = cmd!(sh, "objdump -p {program}").quiet().read()?;
    let mut names = vec![];
    let symbols = needed.split_whitespace().filter_map(|word| word.strip_prefix("GLIBC_"));
    let versions =
        symbols.filter_map(|v| v.split('.').map(|part| part.parse::<u32>().ok()).collect::<Option<Vec<_>>>());
    let newest = versions.max().context("the program needs no C library")?;
    let newest: Vec<String> = newest.iter().map(u32::to_string).collect();
    names.push(format!("libc6 (>= {})", newest.join(".")));
    for (library, package) in [("libgcc_s.so.1", "libgcc-s1"), ("libstdc++.so.6", "libstdc++6")] {
        if needed.contains(library) {
            names.push(package.to_owned());
        }
    }
    Ok(names.join(", "))
}

/// CycloneDX 1.5: every crate that the program is built from, as the lock has it.
fn bill_of_materials(sh: &Shell, version: &str) -> anyhow::Result<String> {
    let host = cmd!(sh, "rustc --version --verbose").quiet().read()?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let line = "{p}|{l}";
    let tree = cmd!(sh, "cargo tree --package sealpress-cli --edges normal,build --prefix none --no-dedupe --locked --target {host} --format {line}")
        .quiet()
        .read()?;
    let mut lines: Vec<&str> = tree.lines().filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    lines.dedup();
    let components: Vec<Value> = lines.iter().filter_map(|line| component(line)).collect();
    ensure!(components.len() > 50, "only {} components in the bill of materials", components.len());
    let bill = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": { "component": { "type": "application", "name": "sealpress", "version": version } },
        "components": components,
    });
    Ok(serde_json::to_string_pretty(&bill)? + "\n")
}

/// `name v1.2.3 (…)|licence` of `cargo tree`.
fn component(line: &str) -> Option<Value> {
    let (package, licence) = line.split_once('|')?;
    let mut words = package.split_whitespace();
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    Some(json!({
        "type": "library", "name": name, "version": version,
        "purl": format!("pkg:cargo/{name}@{version}"),
        "licenses": [{ "expression": licence.replace('/', " OR ") }],
    }))
}

/// Installs the package into a root of its own, and runs what is there.
fn try_deb(sh: &Shell, deb: &Path, root: &Path) -> anyhow::Result<()> {
    sh.create_dir(root.join("var/lib/dpkg/updates"))?;
    sh.create_dir(root.join("var/lib/dpkg/info"))?;
    for file in ["status", "available"] {
        sh.write_file(root.join("var/lib/dpkg").join(file), "")?;
    }
    // What it depends on is this machine's: the root is empty.
    cmd!(sh, "dpkg --root={root} --force-not-root --force-depends --log=/dev/null --install {deb}")
        .quiet()
        .ignore_stdout()
        .ignore_stderr()
        .run()
        .context("dpkg --install into a throw-away root")?;
    let listed = cmd!(sh, "dpkg --root={root} --listfiles sealpress").quiet().read()?;
    for (_, path, _) in FILES {
        ensure!(listed.lines().any(|line| line == format!("/{path}")), "{path} is not in the package");
    }
    for unit in ["gateway", "emulator"] {
        verify_unit(root, unit)?;
    }
    let page = root.join("usr/share/man/man1/sealpress-gateway.1.gz");
    let text = cmd!(sh, "gzip --decompress --stdout {page}").quiet().read()?;
    ensure!(text.contains(".TH") && text.contains("listen"), "the man page of the gateway says nothing");
    walk(&root.join("usr/bin/sealpress"))
}

fn try_tarball(sh: &Shell, tarball: &Path, to: &Path) -> anyhow::Result<()> {
    sh.create_dir(to)?;
    cmd!(sh, "tar --extract --file {tarball} --directory {to} --strip-components=1").quiet().run()?;
    walk(&to.join("usr/bin/sealpress"))
}

/// Syntax and settings of a unit; that its program and pages are not in this machine's own folders is no news.
fn verify_unit(root: &Path, unit: &str) -> anyhow::Result<()> {
    let path = root.join(format!("usr/lib/systemd/system/sealpress-{unit}.service"));
    let Ok(said) = Command::new("systemd-analyze").arg("verify").arg(&path).output() else {
        println!("SKIPPED: the unit of the {unit} was not verified: no systemd-analyze here");
        return Ok(());
    };
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    let news: Vec<&str> =
        said.lines().filter(|line| !line.contains("is not executable") && !line.contains("'man sealpress")).collect();
    ensure!(news.is_empty(), "{unit}: {}", news.join("\n"));
    Ok(())
}

/// The program that was installed: emulator and gateway are started, and the one answers through the other.
fn walk(program: &Path) -> anyhow::Result<()> {
    let started = |args: &[&str], env: &[(&str, &str)]| -> anyhow::Result<(Kept, Value)> {
        let mut command = Command::new(program);
        command.args(args).env_clear().envs(env.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().with_context(|| format!("{} {}", program.display(), args.join(" ")))?;
        let mut line = String::new();
        let out = child.stdout.take().context("no output")?;
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line)?;
        let told = serde_json::from_str(&line).with_context(|| format!("{} said {line:?}", args.join(" ")))?;
        Ok((Kept(child), told))
    };
    let (_emulator, told) = started(&["emulator", "--json"], &[])?;
    let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
    let (url, key, secret) = (text("url"), text("api_key"), text("secret"));
    let env = [("SEALPRESS_BASE_URL", &*url), ("SEALPRESS_API_KEY", &*key), ("SEALPRESS_SECRET", &*secret)];
    let (_gateway, told) = started(&["gateway", "--listen", "127.0.0.1:0", "--json"], &env)?;
    let gateway = told["url"].as_str().unwrap_or_default().to_owned();
    let created = Command::new(program)
        .args(["session", "create", "--json"])
        .env_clear()
        .envs([("SEALPRESS_BASE_URL", &*gateway), ("SEALPRESS_API_KEY", &*key), ("SEALPRESS_SECRET", &*secret)])
        .output()?;
    if !created.status.success() {
        bail!(
            "a session through the gateway: {}{}",
            String::from_utf8_lossy(&created.stdout),
            String::from_utf8_lossy(&created.stderr)
        );
    }
    println!("{}: emulator and gateway run, and a session was made through both", program.display());
    Ok(())
}

/// A program that ends with us.
struct Kept(std::process::Child);

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
