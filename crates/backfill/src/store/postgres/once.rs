//! Writes that are no change of a claimed session: rows that are taken in, mended, left out. A commit whose answer was
//! lost is tried again, and must not be made twice; a worker whose lock ended with its connection must not go on beside
//! the next one.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Tx;
use super::pool::Failed;
use crate::error::{Error, ErrorKind, Result};
use crate::store::schema;

/// The last write, and what it answered.
const LAST: &str = "last-write";
/// The worker that takes the manifest in.
const TAKES_IN: &str = "takes-in";

/// Does `work` under this id, unless a try did it whose answer was lost: then what that one answered.
pub(super) async fn once<T>(t: &Tx<'_>, id: &str, work: impl AsyncFnOnce() -> Result<T, Failed>) -> Result<T, Failed>
where
    T: Serialize + DeserializeOwned,
{
    let unreadable = |e| Error::caused(ErrorKind::Corrupt, "the store's last write cannot be read", e);
    if let Some((of, answer)) = fact(t, LAST).await?.as_deref().and_then(|text| text.split_once(' '))
        && of == id
    {
        return Ok(serde_json::from_str(answer).map_err(unreadable)?);
    }
    let answer = work().await?;
    let said = serde_json::to_string(&answer).map_err(unreadable)?;
    t.execute(schema::SET_FACT, &[LAST.into(), format!("{id} {said}").into()]).await?;
    Ok(answer)
}

/// From now on this worker takes the manifest in.
pub(super) async fn begin_to_take_in(t: &Tx<'_>, worker: &str) -> Result<(), Failed> {
    t.execute(schema::SET_FACT, &[TAKES_IN.into(), worker.into()]).await.map(drop)
}

/// Whether it still does, and nobody else begins to before the transaction ends.
pub(super) async fn still_takes_in(t: &Tx<'_>, worker: &str) -> Result<(), Failed> {
    let known = t.query(&format!("{} FOR UPDATE", schema::GET_FACT), &[TAKES_IN.into()]).await?;
    match known.first().map(|row| row.get::<_, String>(0)) {
        Some(other) if other != worker => {
            let message = "another worker takes the manifest in, since the server was away; run again";
            Err(Error::new(ErrorKind::Journal, message).into())
        }
        _ => Ok(()),
    }
}

async fn fact(t: &Tx<'_>, key: &str) -> Result<Option<String>, Failed> {
    Ok(t.query(schema::GET_FACT, &[key.into()]).await?.first().map(|row| row.get(0)))
}
