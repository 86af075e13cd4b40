//! `sealpress session` and `media`: single calls of Veriff's API.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use sealpress_client::veriff::{self, CollectedData, PollOptions, SessionRequest};
use sealpress_client::{MediaId, SessionId};
use serde_json::{Map, Value, json};

use crate::access::Access;
use crate::outcome::{self, Failure};
use crate::show;

pub(crate) const HELP: &str = "Set SEALPRESS_BASE_URL, SEALPRESS_API_KEY and SEALPRESS_SECRET (or SEALPRESS_SECRET_FILE).\n\n\
    Examples:\n  \
    sealpress session create --first-name Jane --last-name Doe --json\n  \
    sealpress session submit 7c2f0a2e-6d2b-4a8e-9c55-0c6d1f0b9e21\n  \
    sealpress session decision ID --wait 300";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Open a session
    #[command(
        after_help = "Examples:\n  sealpress session create --first-name Jane --last-name Doe --vendor-data cust-4411\n  sealpress session create --document-country EE --document-type ID_CARD --json"
    )]
    Create(Create),
    /// Submit a session: nothing can be added afterwards
    #[command(after_help = "Example:\n  sealpress session submit 7c2f0a2e-6d2b-4a8e-9c55-0c6d1f0b9e21")]
    Submit(Target),
    /// Delete a session and its media (has to be enabled by Veriff)
    #[command(after_help = "Example:\n  sealpress session delete 7c2f0a2e-6d2b-4a8e-9c55-0c6d1f0b9e21")]
    Delete(Target),
    /// List the attempts of a session
    #[command(after_help = "Example:\n  sealpress session attempts 7c2f0a2e-6d2b-4a8e-9c55-0c6d1f0b9e21 --json")]
    Attempts(Target),
    /// Show the decision
    #[command(after_help = "Example:\n  sealpress session decision 7c2f0a2e-6d2b-4a8e-9c55-0c6d1f0b9e21 --wait 300")]
    Decision {
        #[command(flatten)]
        target: Target,
        /// Wait so many seconds for one
        #[arg(long, value_name = "SECONDS")]
        wait: Option<u64>,
    },
    /// Show what is known of the person
    #[command(after_help = "Example:\n  sealpress session person 7c2f0a2e-6d2b-4a8e-9c55-0c6d1f0b9e21")]
    Person(Target),
    /// Show the watchlist screening
    #[command(after_help = "Example:\n  sealpress session watchlist 7c2f0a2e-6d2b-4a8e-9c55-0c6d1f0b9e21")]
    Watchlist(Target),
    /// List the media of a session, or of one attempt
    #[command(
        after_help = "Examples:\n  sealpress session media 7c2f0a2e-6d2b-4a8e-9c55-0c6d1f0b9e21\n  sealpress session media --attempt 1f0c4c1e-3f6a-4c39-8a36-6f1f0a2b9e77 --json"
    )]
    Media {
        #[command(flatten)]
        target: Target,
        /// The id is an attempt's
        #[arg(long)]
        attempt: bool,
    },
    /// Send what was observed of the person's device
    #[command(
        after_help = "Examples:\n  sealpress session collect 7c2f0a2e-6d2b-4a8e-9c55-0c6d1f0b9e21 --provider FpVendor --ip 192.0.2.44 --fingerprint c0ffee01\n  sealpress session collect 7c2f0a2e-6d2b-4a8e-9c55-0c6d1f0b9e21 --provider FpVendor --ip 2001:db8::1 --fingerprint c0ffee01 \\\n    --extra '{\"browser\":{\"language\":\"et-EE\"}}'"
    )]
    Collect(Collect),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Target {
    /// Id of the session
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) access: Access,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    /// The person's given name; in test integrations Approve, Decline and Resubmit steer the decision
    #[arg(long, value_name = "NAME")]
    first_name: Option<String>,
    /// The same from a file, since everybody on the machine can read the command line
    #[arg(long, value_name = "FILE", conflicts_with = "first_name")]
    first_name_file: Option<PathBuf>,
    /// The person's family name
    #[arg(long, value_name = "NAME")]
    last_name: Option<String>,
    /// The same from a file
    #[arg(long, value_name = "FILE", conflicts_with = "last_name")]
    last_name_file: Option<PathBuf>,
    /// Your own key, given back in decisions; at most 1,000 characters
    #[arg(long, value_name = "TEXT")]
    vendor_data: Option<String>,
    /// Where the person is sent afterwards; https only
    #[arg(long, value_name = "URL")]
    callback: Option<String>,
    /// Your own id of the person, a UUID
    #[arg(long, value_name = "UUID")]
    end_user_id: Option<String>,
    /// Country of the document, two letters
    #[arg(long, value_name = "CODE")]
    document_country: Option<String>,
    /// PASSPORT, ID_CARD, DRIVERS_LICENSE or RESIDENCE_PERMIT
    #[arg(long, value_name = "TYPE")]
    document_type: Option<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Collect {
    /// Id of the session
    #[arg(value_name = "ID")]
    id: String,
    /// Who collected it
    #[arg(long, value_name = "NAME")]
    provider: String,
    /// The device's address
    #[arg(long, value_name = "IP")]
    ip: IpAddr,
    /// The device's fingerprint
    #[arg(long, value_name = "TEXT")]
    fingerprint: String,
    /// More fields, as a JSON object
    #[arg(long, value_name = "JSON")]
    extra: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// `sealpress media …`
#[derive(Debug, Subcommand)]
pub(crate) enum MediaCommand {
    /// Fetch one file
    #[command(after_help = "Example:\n  sealpress media get 3f0a1a80-2d53-4c9b-8a4f-6f2a7a1c9d10 --out front.jpg")]
    Get {
        /// Id of the media
        #[arg(value_name = "ID")]
        id: String,
        /// Where to; written whole or not at all
        #[arg(long, short, value_name = "FILE")]
        out: PathBuf,
        /// Largest file that is taken, in megabytes
        #[arg(long, value_name = "MB", default_value_t = 256)]
        max_size: u64,
        #[command(flatten)]
        common: Common,
    },
}

pub(crate) fn run(command: Command) -> ExitCode {
    let json = match &command {
        Command::Create(c) => c.common.json,
        Command::Collect(c) => c.common.json,
        Command::Submit(t) | Command::Delete(t) | Command::Attempts(t) | Command::Person(t) | Command::Watchlist(t) => {
            t.common.json
        }
        Command::Decision { target, .. } | Command::Media { target, .. } => target.common.json,
    };
    show::end(outcome::runtime().and_then(|runtime| runtime.block_on(work(command))), json)
}

pub(crate) fn media(command: MediaCommand) -> ExitCode {
    let MediaCommand::Get { id, out, max_size, common } = command;
    let fetch = async {
        let client = common.access.veriff()?;
        let download = client.download(&MediaId::new(id)?).await?.with_cap(max_size.saturating_mul(1_000_000));
        show::save(&download.bytes().await?, &out)
    };
    show::end(outcome::runtime().and_then(|runtime| runtime.block_on(fetch)), common.json)
}

async fn work(command: Command) -> Result<Value, Failure> {
    let open = |target: &Target| -> Result<(veriff::Client, SessionId), Failure> {
        Ok((target.common.access.veriff()?, SessionId::new(target.id.as_str())?))
    };
    match command {
        Command::Create(create) => self::create(create).await,
        Command::Submit(target) => {
            let (client, id) = open(&target)?;
            Ok(session(&client.submit_session(&id).await?))
        }
        Command::Delete(target) => {
            let (client, id) = open(&target)?;
            client.delete_session(&id).await?;
            Ok(json!({"ok": true, "session": id, "deleted": true}))
        }
        Command::Attempts(target) => {
            let (client, id) = open(&target)?;
            Ok(json!({"ok": true, "session": id, "attempts": client.attempts(&id).await?}))
        }
        Command::Decision { target, wait } => {
            let (client, id) = open(&target)?;
            let decision = match wait {
                None => client.decision(&id).await?,
                Some(seconds) => {
                    let mut options = PollOptions::default();
                    options.deadline = Duration::from_secs(seconds);
                    Some(client.wait_for_decision(&id, &options).await.map_err(Failure::of_wait)?)
                }
            };
            Ok(json!({"ok": true, "session": id, "decided": decision.is_some(), "decision": decision}))
        }
        Command::Person(target) => {
            let (client, id) = open(&target)?;
            Ok(json!({"ok": true, "session": id, "person": client.person(&id).await?}))
        }
        Command::Watchlist(target) => {
            let (client, id) = open(&target)?;
            Ok(json!({"ok": true, "session": id, "watchlist": client.watchlist_screening(&id).await?}))
        }
        Command::Media { target, attempt } => {
            let client = target.common.access.veriff()?;
            let list = if attempt {
                client.attempt_media(&veriff::AttemptId::new(target.id.as_str())?).await?
            } else {
                client.list_media(&SessionId::new(target.id.as_str())?).await?
            };
            Ok(json!({"ok": true, "id": target.id, "media": list}))
        }
        Command::Collect(collect) => self::collect(collect).await,
    }
}

async fn create(create: Create) -> Result<Value, Failure> {
    let client = create.common.access.veriff()?;
    let mut request = SessionRequest::default();
    request.person.first_name = text_of(create.first_name, create.first_name_file.as_deref())?;
    request.person.last_name = text_of(create.last_name, create.last_name_file.as_deref())?;
    request.vendor_data = create.vendor_data;
    request.callback = create.callback;
    request.end_user_id = create.end_user_id;
    request.document.country = create.document_country;
    request.document.kind = create.document_type.map(Into::into);
    Ok(session(&client.create_session(request).await?))
}

/// A text that was given as it is, or in a file: its first line.
fn text_of(text: Option<String>, file: Option<&Path>) -> Result<Option<String>, Failure> {
    let Some(file) = file else { return Ok(text) };
    let read = std::fs::read_to_string(file)
        .map_err(|e| Failure::config(format!("{} cannot be read: {e}", file.display())))?;
    Ok(read.lines().next().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned))
}

/// The link carries a token; whoever opened the session is who needs it.
fn session(session: &veriff::Session) -> Value {
    use secrecy::ExposeSecret;
    json!({
        "ok": true,
        "session": session.id,
        "status": session.status,
        "url": session.url.as_ref().map(|url| url.expose_secret().to_owned()),
        "vendor_data": session.vendor_data,
    })
}

async fn collect(collect: Collect) -> Result<Value, Failure> {
    let client = collect.common.access.veriff()?;
    let id = SessionId::new(collect.id)?;
    let mut data = CollectedData::new(collect.provider, collect.ip, collect.fingerprint);
    if let Some(extra) = &collect.extra {
        data.extra = serde_json::from_str::<Map<String, Value>>(extra)
            .map_err(|e| Failure::config(format!("--extra is not a JSON object: {e}")))?;
    }
    client.collect(&id, &data).await?;
    Ok(json!({"ok": true, "session": id, "collected": true}))
}
