//! What a store remembers of attempts in doubt.

use sealpress_media::Format;
use sealpress_pipeline::Doubt;

use super::{all, failure, id, import, prepared, row, sending, subject};
use crate::store::state::{Change, ItemState};
use crate::store::{Mend, Mended, Remembered, Store};

/// What an attempt in doubt looked like is remembered where it was made, whatever the item looks like since, and
/// wherever it stands.
pub(crate) async fn doubts_keep_their_looks(store: &dyn Store) {
    import(store, vec![row(2, subject("k"), "face"), row(3, subject("k"), "face"), row(4, subject("k"), "face")]).await;
    let claim = all(store).await.remove(0);
    let (ticket, item) = (&claim.ticket, claim.items[0].id);
    assert!(claim.doubts.is_empty());
    store.apply(ticket, vec![Change::Creating]).await.unwrap();
    store.apply(ticket, vec![Change::Created { remote: id("s1") }]).await.unwrap();
    let larger = |bytes_out| {
        let (format, sent_sha256) = (Format::Png, Some([8; 32]));
        let prepared = Change::Prepared { item, sha256: [6; 32], bytes_in: 2000, bytes_out, format, pieces: 1 };
        vec![prepared, Change::Sending { item, bytes_out, format, sent_sha256 }]
    };
    store.apply(ticket, vec![prepared(item), sending(item)]).await.unwrap();
    store.apply(ticket, vec![Change::Returned { item, doubts: 2 }]).await.unwrap();
    // Known not to have been sent: nothing of it is in doubt.
    store.apply(ticket, larger(600)).await.unwrap();
    store.apply(ticket, vec![Change::Returned { item, doubts: 0 }]).await.unwrap();
    store.apply(ticket, larger(700)).await.unwrap();
    store.release(ticket).await.unwrap();
    let claim = all(store).await.remove(0);
    assert_eq!((claim.items[0].state, claim.items[0].bytes_out), (ItemState::Sending, Some(700)));
    let remembered = |size, format, sha256, times| Remembered {
        item,
        piece: 0,
        context: "face".into(),
        sent: Some(Doubt { size, format, sha256: Some(sha256) }),
        times,
    };
    assert_eq!(claim.doubts, [remembered(500, Format::Jpeg, [9; 32], 2)]);
    let failed = Change::Failed { item, failure: failure("refused"), bytes_in: None, doubts: 1 };
    store.apply(&claim.ticket, vec![failed]).await.unwrap();
    store.release(&claim.ticket).await.unwrap();
    // Its row is put right: it goes elsewhere, and what may be there of it stays.
    let mended = Mended { line: Some(2), row: row(2, subject("l"), "document-front") };
    assert_eq!(store.mend(vec![mended]).await.unwrap(), [Mend::Taken]);
    let claims = all(store).await;
    assert_eq!(claims[0].items.len(), 2, "{claims:?}");
    let both = [remembered(500, Format::Jpeg, [9; 32], 2), remembered(700, Format::Png, [8; 32], 1)];
    assert_eq!(claims[0].doubts, both);
    assert!(claims[1].doubts.is_empty(), "{claims:?}");
    // Made anew, nothing of the old session's is there.
    store.apply(&claims[0].ticket, vec![Change::Gone { orphan: id("s1") }]).await.unwrap();
    store.release(&claims[0].ticket).await.unwrap();
    assert!(all(store).await[0].doubts.is_empty());
}
