//! `sealpress backfill` and `sealpress config`: what a run needs of the binary.

use std::process::ExitCode;
use std::sync::Arc;

use sealpress_backfill::{Access, BackfillArgs, ConfigArgs, Wiring};
use sealpress_client::{Provider, veriff};

use crate::cli::Vendor;
use crate::press;

pub(crate) fn run(args: BackfillArgs) -> ExitCode {
    let policies = press::policies(Vendor::Veriff);
    // A journal that was begun under other rules, or by another version of them, is not gone on with unasked.
    let policy = format!("{} {policies:?}", env!("CARGO_PKG_VERSION"));
    let wiring = Wiring { press: press::press(policies), policy, provider: Box::new(provider) };
    sealpress_backfill::execute(args, wiring).into()
}

pub(crate) fn config(args: &ConfigArgs) -> ExitCode {
    sealpress_backfill::show_config(args).into()
}

fn provider(access: &Access) -> Result<Arc<dyn Provider>, String> {
    let credentials = veriff::Credentials::new(access.api_key.clone(), access.secret.clone());
    let client = veriff::Client::builder(&access.base_url, credentials).build().map_err(|e| e.to_string())?;
    Ok(Arc::new(client))
}
