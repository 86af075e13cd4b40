//! `sealpress transmit`: single calls of Transmit Security's API.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use sealpress_client::SessionId;
use sealpress_client::transmit::{Detail, ImageEncoding, ImageId, SessionRequest};
use serde_json::{Value, json};

use crate::outcome::{self, Failure};
use crate::session::Common;
use crate::vendor::Vendor;
use crate::{show, upload};

pub(crate) const HELP: &str = "Set SEALPRESS_TRANSMIT_BASE_URL, SEALPRESS_TRANSMIT_CLIENT_ID and \
    SEALPRESS_TRANSMIT_CLIENT_SECRET (or …_FILE); if needed SEALPRESS_TRANSMIT_TOKEN_URL and \
    SEALPRESS_TRANSMIT_RESOURCE.\n\n\
    Examples:\n  \
    sealpress transmit create --json\n  \
    sealpress transmit upload --session SID --context document-front front.heic\n  \
    sealpress transmit result SID --wait 120";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Open a session that begins at once
    #[command(after_help = "Example:\n  sealpress transmit create --consent-document consent-v3 --json")]
    Create {
        /// A value that comes back with the person
        #[arg(long, value_name = "TEXT")]
        state: Option<String>,
        /// Where the person is sent afterwards
        #[arg(long, value_name = "URL")]
        callback: Option<String>,
        /// Id of the document that the person agreed to
        #[arg(long, value_name = "ID")]
        consent_document: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Prepare and send images: contexts document-front, document-back, face
    #[command(after_help = "Example:\n  sealpress transmit upload --session SID --context document-front front.heic")]
    Upload(upload::Files),
    /// Show the result
    #[command(after_help = "Example:\n  sealpress transmit result SID --wait 120")]
    Result {
        #[command(flatten)]
        target: Target,
        /// Wait so many seconds for the end
        #[arg(long, value_name = "SECONDS")]
        wait: Option<u64>,
    },
    /// List the images of a session
    #[command(after_help = "Example:\n  sealpress transmit images SID --json")]
    Images(Target),
    /// Fetch one image
    #[command(after_help = "Example:\n  sealpress transmit image SID IMAGE --out front.jpg")]
    Image {
        #[command(flatten)]
        target: Target,
        /// Id of the image
        #[arg(value_name = "IMAGE")]
        image: String,
        /// Where to; written whole or not at all
        #[arg(long, short, value_name = "FILE")]
        out: PathBuf,
    },
    /// Whether the person agreed
    #[command(after_help = "Example:\n  sealpress transmit consent SID")]
    Consent(Target),
    /// Delete a session and its images
    #[command(after_help = "Example:\n  sealpress transmit delete SID")]
    Delete(Target),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Target {
    /// Id of the session
    #[arg(value_name = "SID")]
    id: String,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(command: Command) -> ExitCode {
    let json = match &command {
        Command::Upload(files) => return upload::send(files, Vendor::Transmit, false),
        Command::Create { common, .. } => common.json,
        Command::Result { target, .. }
        | Command::Images(target)
        | Command::Image { target, .. }
        | Command::Consent(target)
        | Command::Delete(target) => target.common.json,
    };
    show::end(outcome::runtime().and_then(|runtime| runtime.block_on(work(command))), json)
}

async fn work(command: Command) -> Result<Value, Failure> {
    let open = |target: &Target| -> Result<_, Failure> {
        Ok((target.common.access.transmit()?, SessionId::new(target.id.as_str())?))
    };
    match command {
        Command::Upload(_) => unreachable!("sent before"),
        Command::Create { state, callback, consent_document, common } => {
            let client = common.access.transmit()?;
            let mut request = SessionRequest::started(consent_document.as_deref());
            (request.state, request.callback_url) = (state, callback);
            let made = client.create_session(&request).await?;
            Ok(json!({
                "ok": true, "session": made.session_id,
                "expiration": made.expiration, "missing_images": made.missing_images,
            }))
        }
        Command::Result { target, wait } => {
            let (client, id) = open(&target)?;
            let result = match wait {
                None => client.result(&id, Detail::Unsaid).await?,
                Some(seconds) => {
                    client.wait_for_result(&id, Duration::from_secs(seconds)).await.map_err(Failure::of_wait)?
                }
            };
            Ok(json!({"ok": true, "session": id, "status": result.status(), "result": result}))
        }
        Command::Images(target) => {
            let (client, id) = open(&target)?;
            Ok(json!({"ok": true, "session": id, "images": client.images(&id).await?}))
        }
        Command::Image { target, image, out } => {
            let (client, id) = open(&target)?;
            let image = client.image(&id, &ImageId::new(image)?, ImageEncoding::Raw).await?;
            show::save(&image.bytes().await?, &out)
        }
        Command::Consent(target) => {
            let (client, id) = open(&target)?;
            Ok(json!({"ok": true, "session": id, "consent": client.consent(&id).await?}))
        }
        Command::Delete(target) => {
            let (client, id) = open(&target)?;
            client.delete_session(&id).await?;
            Ok(json!({"ok": true, "session": id, "deleted": true}))
        }
    }
}
