//! One frame: `header length (u32) · body length (u64) · header (JSON) · body (raw bytes)`, numbers
//! little-endian. Both lengths are judged before anything is allocated, since either side may have
//! been taken over by what it decoded.

use std::io::{self, Read, Write};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Headers carry names, numbers and short messages.
const MOST_HEADER: usize = 256 * 1024;

pub(crate) fn write(to: &mut impl Write, header: &impl Serialize, body: &[u8]) -> io::Result<()> {
    let header = serde_json::to_vec(header).map_err(io::Error::other)?;
    let header_len = u32::try_from(header.len()).map_err(io::Error::other)?;
    let mut head = Vec::with_capacity(12 + header.len());
    head.extend(header_len.to_le_bytes());
    head.extend((body.len() as u64).to_le_bytes());
    head.extend(header);
    to.write_all(&head)?;
    to.write_all(body)?;
    to.flush()
}

pub(crate) fn read<H: DeserializeOwned>(from: &mut impl Read, most_body: usize) -> io::Result<(H, Bytes)> {
    let mut lengths = [0; 12];
    from.read_exact(&mut lengths)?;
    let [a, b, c, d, body_len @ ..] = lengths;
    let header_len = u32::from_le_bytes([a, b, c, d]) as usize;
    let body_len = usize::try_from(u64::from_le_bytes(body_len)).unwrap_or(usize::MAX);
    if header_len > MOST_HEADER || body_len > most_body {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame larger than agreed"));
    }
    let mut header = vec![0; header_len];
    from.read_exact(&mut header)?;
    let header = serde_json::from_slice(&header).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
    let mut body = vec![0; body_len];
    from.read_exact(&mut body)?;
    Ok((header, body.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let mut wire = Vec::new();
        write(&mut wire, &("job", 7), b"body").unwrap();
        let (header, body): ((String, u32), Bytes) = read(&mut wire.as_slice(), 4).unwrap();
        assert_eq!((header, body.as_ref()), (("job".to_owned(), 7), b"body".as_slice()));
    }

    #[test]
    fn a_frame_that_claims_too_much_is_refused_before_it_is_read() {
        let mut wire = Vec::new();
        write(&mut wire, &"job", b"12345").unwrap();
        let error = read::<String>(&mut wire.as_slice(), 4).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let claim = [[0xFF_u8; 4].as_slice(), &[0; 8]].concat();
        assert_eq!(read::<String>(&mut claim.as_slice(), 4).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
