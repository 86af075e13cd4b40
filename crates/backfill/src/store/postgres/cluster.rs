//! A throw-away PostgreSQL for tests: Debian's package, a cluster of our own, a free port. Where it
//! is missing the tests say that they were skipped.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) struct Cluster {
    bin: PathBuf,
    dir: tempfile::TempDir,
    port: u16,
    /// More of the server's options.
    more: String,
}

impl Cluster {
    /// `None`, and a line that says so, where there is no PostgreSQL on this machine.
    pub(crate) fn start() -> Option<Self> {
        Self::with(None)
    }

    /// One that takes encrypted connections only, with this certificate and key (PEM).
    pub(crate) fn encrypted(certificate: &str, key: &str) -> Option<Self> {
        Self::with(Some((certificate, key)))
    }

    fn with(certificate: Option<(&str, &str)>) -> Option<Self> {
        let Some(bin) = newest() else {
            sealpress_testkit::skip("no PostgreSQL on this machine");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut cluster = Self { bin, dir, port, more: String::new() };
        let data = cluster.data();
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(cluster.dir.path()));
        }
        run(cluster.tool("initdb").args(["-D", &data, "-U", "postgres", "-A", "trust", "--no-sync"]));
        if let Some((certificate, key)) = certificate {
            for (name, text) in [("server.crt", certificate), ("server.key", key)] {
                let path = cluster.dir.path().join("data").join(name);
                std::fs::write(&path, text).unwrap();
                std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
                if is_root() {
                    run(Command::new("chown").arg("postgres").arg(&path));
                }
            }
            // Nobody gets in without TLS.
            let rules = "hostssl all all 127.0.0.1/32 trust\n";
            std::fs::write(cluster.dir.path().join("data/pg_hba.conf"), rules).unwrap();
            cluster.more = " -c ssl=on".to_owned();
        }
        cluster.up();
        Some(cluster)
    }

    pub(crate) fn up(&self) {
        let options =
            format!("-p {} -h 127.0.0.1 -k '' -c fsync=off -c deadlock_timeout=100ms{}", self.port, self.more);
        let log = format!("{}/log", self.dir.path().display());
        run(self.tool("pg_ctl").args(["-D", &self.data(), "-l", &log, "-w", "-o", &options, "start"]));
    }

    /// Stops at once, as a machine that lost its power.
    pub(crate) fn down(&self) {
        run(self.tool("pg_ctl").args(["-D", &self.data(), "-m", "immediate", "-w", "stop"]));
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// What the operator of the server does by hand.
    pub(crate) fn sql(&self, statement: &str) {
        run(self.tool("psql").args(["-q", "-v", "ON_ERROR_STOP=1", "-c", statement, &self.url()]));
    }

    fn data(&self) -> String {
        self.dir.path().join("data").display().to_string()
    }

    /// One of PostgreSQL's programs; as its own user where we are root, which it refuses to be.
    fn tool(&self, name: &str) -> Command {
        let program = self.bin.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir("/");
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self
            .tool("pg_ctl")
            .args(["-D", &self.data(), "-m", "immediate", "stop"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

fn newest() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    Path::new("/proc/self").metadata().is_ok_and(|m| m.uid() == 0)
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
