//! Which media confirm which item: asked by both, for every job.

use std::collections::HashMap;

use sealpress_client::MediaId;

/// Media that items are confirmed by. An id stands for one item.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// The items' numbers.
    items: HashMap<MediaId, u64>,
    /// The same the other way round; the latest is the last.
    media: HashMap<u64, Vec<MediaId>>,
}

impl Claims {
    /// Whether an item other than this one is confirmed by an id.
    pub(super) fn is_anothers(&self, id: &MediaId, item: u64) -> bool {
        self.items.get(id).is_some_and(|of| *of != item)
    }

    /// An id is this item's from now on.
    pub(super) fn insert(&mut self, id: MediaId, item: u64) {
        if let Some(before) = self.items.insert(id.clone(), item) {
            self.leave(&id, before);
        }
        self.media.entry(item).or_default().push(id);
    }

    /// The same, unless it is somebody's already.
    pub(super) fn insert_first(&mut self, id: MediaId, item: u64) {
        if !self.items.contains_key(&id) {
            self.insert(id, item);
        }
    }

    /// These are nobody's any more.
    pub(super) fn remove(&mut self, ids: &[MediaId]) {
        for id in ids {
            if let Some(item) = self.items.remove(id) {
                self.leave(id, item);
            }
        }
    }

    /// What an item is confirmed by.
    pub(super) fn of(&self, item: u64) -> &[MediaId] {
        self.media.get(&item).map_or(&[], Vec::as_slice)
    }

    /// All ids that are somebody's.
    pub(super) fn media(&self) -> impl Iterator<Item = &MediaId> {
        self.items.keys()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    fn leave(&mut self, id: &MediaId, item: u64) {
        if let Some(media) = self.media.get_mut(&item) {
            media.retain(|of| of != id);
            if media.is_empty() {
                self.media.remove(&item);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_agree() {
        let id = |name: &str| MediaId::new(name).unwrap();
        let mut claims = Claims::default();
        claims.insert(id("a"), 1);
        claims.insert(id("b"), 1);
        claims.insert_first(id("a"), 2);
        assert_eq!((claims.of(1), claims.of(2)), (&[id("a"), id("b")][..], &[][..]));
        assert!(
            claims.is_anothers(&id("a"), 2) && !claims.is_anothers(&id("a"), 1) && !claims.is_anothers(&id("c"), 1)
        );
        claims.insert(id("a"), 2);
        assert_eq!((claims.of(1), claims.of(2)), (&[id("b")][..], &[id("a")][..]));
        claims.remove(&[id("b"), id("c")]);
        assert_eq!((claims.of(1), claims.media().count()), (&[][..], 1));
        claims.remove(&[id("a")]);
        assert!(claims.is_empty() && claims.media.is_empty());
    }
}
