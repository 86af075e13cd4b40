//! Deflate with one fixed setting in portable code, so that its output is the same everywhere.

/// `data` as a zlib stream.
pub(crate) fn deflate(data: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(data, 6)
}
