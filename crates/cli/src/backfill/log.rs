//! The log of a run: a line for every item that will not be sent and for every pause, with its time
//! and its cause. Events of our own crates only, which name sessions and items by their numbers, and
//! never a person, a file or an address with a secret in it.

use std::path::PathBuf;
use std::sync::Mutex;

use clap::ValueEnum;
use tracing_subscriber::filter::{LevelFilter, Targets, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::{Registry, fmt};

/// Where a run's log goes and how much of it.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct LogArgs {
    /// Log more: each -v is a level (warnings, then what is done, then every request); also RUST_LOG
    #[arg(long, short, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
    /// Append the log to this file instead of standard error
    #[arg(long, value_name = "FILE", global = true)]
    log_file: Option<PathBuf>,
    /// How a line of the log looks
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t, global = true)]
    log_format: LogFormat,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One object a line
    Json,
}

/// A layer of the program's one subscriber.
pub(super) type Boxed = Box<dyn Layer<Registry> + Send + Sync>;

impl LogArgs {
    /// The log as a layer.
    ///
    /// # Errors
    /// A file that cannot be appended to, a `RUST_LOG` that makes no sense.
    pub(super) fn layer(&self) -> Result<Boxed, String> {
        let filter = match std::env::var("RUST_LOG") {
            Ok(text) if !text.is_empty() => text.parse::<Targets>().map_err(|e| format!("RUST_LOG: {e}"))?,
            _ => Targets::new().with_target("sealpress", self.level()),
        };
        // Others' events may tell what is nobody's business, whatever level is asked for.
        let ours = filter_fn(|about| about.target().starts_with("sealpress"));
        let layer = match &self.log_file {
            Some(path) => {
                let mut options = std::fs::File::options();
                options.create(true).append(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                let file = options.open(path).map_err(|e| format!("--log-file {}: {e}", path.display()))?;
                self.written(Mutex::new(file))
            }
            None => self.written(Stderr),
        };
        Ok(layer.with_filter(filter).with_filter(ours).boxed())
    }

    fn level(&self) -> LevelFilter {
        match self.verbose {
            0 => LevelFilter::WARN,
            1 => LevelFilter::INFO,
            _ => LevelFilter::DEBUG,
        }
    }

    fn written(&self, to: impl for<'w> fmt::MakeWriter<'w> + Send + Sync + 'static) -> Boxed {
        let layer = fmt::layer().with_ansi(false).with_writer(to);
        match self.log_format {
            LogFormat::Text => layer.boxed(),
            LogFormat::Json => layer.json().with_current_span(false).boxed(),
        }
    }
}

/// Installs the program's one subscriber.
pub(super) fn install(layers: Vec<Boxed>) {
    // Fails where one is installed already: a second run in one process, which there is not.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layers));
}

/// Standard error, also where nobody reads it any more.
struct Stderr;

impl std::io::Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let _ = std::io::Write::write_all(&mut std::io::stderr().lock(), bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl fmt::MakeWriter<'_> for Stderr {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}
