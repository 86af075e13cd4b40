//! `sealpress emulator`: both APIs on this machine until a signal, with how to reach them, and a line for each
//! request.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use sealpress_emulator::Emulator;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::listen::Listen;
use crate::outcome::{self, Failure};
use crate::{print, show};

/// Run a local stand-in for both vendors, to test against
///
/// Prints its URL and test credentials, then answers until SIGTERM or SIGINT. Its page shows
/// sessions, media and decisions as they happen.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    sealpress emulator --listen 127.0.0.1:8089 --data received\n  \
    sealpress emulator --env-file emulator.env\n  \
    sealpress emulator --script faults.toml --json")]
pub(crate) struct Args {
    /// Address and port, in one; `:PORT` is any address of this machine
    #[arg(long, value_name = "ADDR", conflicts_with_all = ["port", "bind"])]
    listen: Option<Listen>,
    /// Port; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Address to listen at
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "IP")]
    bind: IpAddr,
    /// Folder for what is received; in memory unless given
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// TOML file with options and scripted faults
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Send webhooks there
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// API key, a UUID; random unless given
    #[arg(long, value_name = "UUID")]
    api_key: Option<String>,
    /// Shared secret of requests, answers and webhooks; may be given twice, as during a rotation
    #[arg(long, value_name = "TEXT")]
    secret: Vec<String>,
    /// Client id of the Transmit half
    #[arg(long, value_name = "TEXT", requires = "client_secret")]
    client_id: Option<String>,
    /// Client secret of the Transmit half
    #[arg(long, value_name = "TEXT", requires = "client_id")]
    client_secret: Option<String>,
    /// Write the export lines there too, once requests are answered; for `. FILE` in a shell
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// Do not print requests to standard error
    #[arg(long)]
    quiet: bool,
    /// The first line is one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    match outcome::runtime().and_then(|runtime| runtime.block_on(serve(args))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => show::end(Err(failure), false),
    }
}

async fn serve(args: &Args) -> Result<(), Failure> {
    // Asked for before the line is printed: whoever reads it may send the signal at once.
    let no_signals = |e: std::io::Error| Failure::config(format!("signals cannot be caught: {e}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;

    let broken = |e: sealpress_emulator::Error| Failure::config(e.to_string());
    let address = match &args.listen {
        Some(listen) => listen.address()?,
        None => SocketAddr::new(args.bind, args.port),
    };
    let mut builder = Emulator::builder().address(address);
    if let Some(folder) = &args.data {
        builder = builder.data(folder);
    }
    if let Some(url) = &args.webhook {
        builder = builder.webhook(url);
    }
    if let Some(key) = &args.api_key {
        builder = builder.api_key(key);
    }
    for secret in &args.secret {
        builder = builder.secret(secret);
    }
    if let (Some(id), Some(secret)) = (&args.client_id, &args.client_secret) {
        builder = builder.transmit(id, secret);
    }
    if !args.quiet {
        let said = print::notes();
        // A terminal that cannot keep up loses lines; requests do not wait for it.
        builder = builder.on_request(move |request| drop(said.try_send(request.to_string())));
    }
    if let Some(path) = &args.script {
        let script = std::fs::read_to_string(path)
            .map_err(|e| Failure::config(format!("{} cannot be read: {e}", path.display())))?;
        builder = builder.script(&script).map_err(broken)?;
    }
    let emulator = builder.start().await.map_err(broken)?;
    let exports = exports(&emulator);
    if let Some(path) = &args.env_file {
        write_private(path, &exports)
            .map_err(|e| Failure::config(format!("{} cannot be written: {e}", path.display())))?;
    }
    if args.json {
        let transmit = emulator.transmit();
        print::json(&json!({
            "url": emulator.url(), "api_key": emulator.api_key(), "secret": emulator.secret(),
            "transmit": {
                "client_id": transmit.client_id, "client_secret": transmit.client_secret,
                "url": transmit.url, "token_url": transmit.token_url, "resource": transmit.resource,
            },
        }));
    } else {
        print::line(&format!("# The page of this emulator: {}/", emulator.url()));
        exports.lines().for_each(print::line);
    }
    tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    emulator.shutdown().await;
    Ok(())
}

/// Lines that a shell can `eval`, whatever the credentials are made of.
fn exports(emulator: &Emulator) -> String {
    let transmit = emulator.transmit();
    let pairs = [
        ("SEALPRESS_BASE_URL", emulator.url()),
        ("SEALPRESS_API_KEY", emulator.api_key()),
        ("SEALPRESS_SECRET", emulator.secret()),
        ("SEALPRESS_TRANSMIT_BASE_URL", &transmit.url),
        ("SEALPRESS_TRANSMIT_CLIENT_ID", &transmit.client_id),
        ("SEALPRESS_TRANSMIT_CLIENT_SECRET", &transmit.client_secret),
        ("SEALPRESS_TRANSMIT_TOKEN_URL", &transmit.token_url),
        ("SEALPRESS_TRANSMIT_RESOURCE", &transmit.resource),
    ];
    pairs.iter().map(|(name, value)| format!("export {name}={}\n", shell_word(value))).collect()
}

/// As it is where it has no character that a shell would read, in single quotes elsewhere.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Credentials are for their owner's eyes, test credentials too: they may be somebody's real ones.
fn write_private(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn a_shell_reads_what_was_meant() {
        assert_eq!(shell_word("http://127.0.0.1:80/v1"), "http://127.0.0.1:80/v1");
        for text in ["", "a b", "$HOME", "it's", "`id`", "a\nb", "*", "~", "&", "\"", "\\"] {
            let output = std::process::Command::new("sh")
                .args(["-c", "eval \"$0\"; printf %s \"$x\"", &format!("export x={}", shell_word(text))])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), text);
        }
    }
}
