//! The bytes of the decision log: segment headers and record frames, both little-endian.
//!
//! A segment file is one header and then frames, back to back, nothing between or after them.
//!
//! | header, 48 bytes                  | frame, 16 bytes and the payload          |
//! |-----------------------------------|------------------------------------------|
//! | 0  magic `LBXDLOG\n`              | 0  payload length, u32, 1 to 65,536      |
//! | 8  format version, u32            | 4  CRC-32 of payload then sequence, u32  |
//! | 12 CRC-32 of all other bytes, u32 | 8  sequence, u64                         |
//! | 16 first sequence, u64            | 16 payload                               |
//! | 24 created at, ms UTC, u64        |                                          |
//! | 32 previous segment's length, u64 |                                          |
//! | 40 previous segment's CRC-32, u32 |                                          |
//! | 44 zero, u32                      |                                          |
//!
//! **The seal.** A segment is sealed by its successor: bytes 32 to 43 say how long it is and the checksum of all those bytes, its own
//! header with its own seal included. So the CRCs chain, and a segment that was swapped, shortened or rolled back *by accident* is found.
//! Bytes beyond the sealed length were never acknowledged and are no part of the log.
//!
//! **Ready for a Merkle tree (RFC 6962).** The sequence starts at 1 and has no gaps, so that leaf index = sequence − 1; the leaf hash is
//! SHA-256(0x00 ‖ payload) over the very bytes of the payload, which are never rewritten. A tree is therefore computed from any
//! segment alone, at any later time, and its tiles live beside the segments. No SHA-256 is taken here today: nothing would read it, and
//! 0.36 µs is a quarter of what a record may cost. The CRC chain costs a tenth of that and guards against accidents; against malice only
//! the tree with its witness does.
//!
//! The checksum takes the sequence last, so that the payload's part is computed before the sequence is known, outside every lock.
//! This file never reads or writes a file and knows nothing of what a payload means.

use crc32fast::Hasher;

/// Longest payload, in bytes. A record is typically 400 to 1,200; what is longer is refused before it is queued.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024;

/// The only format version that this build writes and reads.
pub(super) const FORMAT: u32 = 1;
pub(super) const HEADER_BYTES: usize = 48;
pub(super) const FRAME_HEADER_BYTES: usize = 16;
/// Longest frame, in bytes.
pub(super) const FRAME_BYTES_MAX: usize = FRAME_HEADER_BYTES + PAYLOAD_BYTES_MAX;

const MAGIC: [u8; 8] = *b"LBXDLOG\n";

/// What a segment says of its predecessor; zeros in the first segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seal {
    pub(super) length: u64,
    pub(super) checksum: u32,
}

/// The head of a segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) first_sequence: u64,
    pub(super) created_at_ms: u64,
    pub(super) previous: Seal,
}

/// Why 48 bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadHeader {
    /// Fewer than 48 bytes.
    Short,
    /// Not a decision log at all.
    Magic,
    /// Written by another format version, which is not damage.
    Format(u32),
    Checksum,
}

impl Header {
    pub(super) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut tail = [0_u8; HEADER_BYTES - 16];
        let fields = self
            .first_sequence
            .to_le_bytes()
            .into_iter()
            .chain(self.created_at_ms.to_le_bytes())
            .chain(self.previous.length.to_le_bytes())
            .chain(self.previous.checksum.to_le_bytes());
        for (slot, byte) in tail.iter_mut().zip(fields) {
            *slot = byte;
        }
        let mut bytes = [0_u8; HEADER_BYTES];
        let fields = MAGIC
            .into_iter()
            .chain(FORMAT.to_le_bytes())
            .chain(header_checksum(FORMAT, &tail).to_le_bytes())
            .chain(tail);
        for (slot, byte) in bytes.iter_mut().zip(fields) {
            *slot = byte;
        }
        bytes
    }

    /// Reads the header at the start of `bytes`.
    pub(super) fn decode(bytes: &[u8]) -> Result<Header, BadHeader> {
        if bytes.len() < HEADER_BYTES {
            return Err(BadHeader::Short);
        }
        let (magic, rest) = bytes.split_first_chunk::<8>().ok_or(BadHeader::Short)?;
        if *magic != MAGIC {
            return Err(BadHeader::Magic);
        }
        let (format, rest) = take_u32(rest).ok_or(BadHeader::Short)?;
        if format != FORMAT {
            return Err(BadHeader::Format(format));
        }
        let (checksum, rest) = take_u32(rest).ok_or(BadHeader::Short)?;
        let tail = rest.first_chunk::<{ HEADER_BYTES - 16 }>().ok_or(BadHeader::Short)?;
        if header_checksum(format, tail) != checksum {
            return Err(BadHeader::Checksum);
        }
        let (first_sequence, rest) = take_u64(tail).ok_or(BadHeader::Short)?;
        let (created_at_ms, rest) = take_u64(rest).ok_or(BadHeader::Short)?;
        let (length, rest) = take_u64(rest).ok_or(BadHeader::Short)?;
        let (checksum, _) = take_u32(rest).ok_or(BadHeader::Short)?;
        Ok(Header { first_sequence, created_at_ms, previous: Seal { length, checksum } })
    }
}

fn header_checksum(format: u32, tail: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&MAGIC);
    hasher.update(&format.to_le_bytes());
    hasher.update(tail);
    hasher.finalize()
}

/// A payload on its way into a frame: its part of the checksum is done, the sequence is still to come.
pub(super) struct Prepared {
    length: u32,
    hasher: Hasher,
}

impl Prepared {
    /// None for an empty payload or one longer than [`PAYLOAD_BYTES_MAX`].
    pub(super) fn new(payload: &[u8]) -> Option<Prepared> {
        if payload.is_empty() || payload.len() > PAYLOAD_BYTES_MAX {
            return None;
        }
        let length = u32::try_from(payload.len()).ok()?;
        let mut hasher = Hasher::new();
        hasher.update(payload);
        Some(Prepared { length, hasher })
    }

    /// Appends the frame to `out`; `payload` is the one that was prepared.
    pub(super) fn frame(mut self, payload: &[u8], sequence: u64, out: &mut Vec<u8>) {
        self.hasher.update(&sequence.to_le_bytes());
        let mut head = [0_u8; FRAME_HEADER_BYTES];
        let fields =
            u128::from(self.length) | (u128::from(self.hasher.finalize()) << 32) | (u128::from(sequence) << 64);
        head.copy_from_slice(&fields.to_le_bytes());
        out.extend_from_slice(&head);
        out.extend_from_slice(payload);
    }
}

/// What stands at the start of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed<'a> {
    /// A whole frame with a fitting checksum.
    Frame {
        sequence: u64,
        payload: &'a [u8],
    },
    /// The bytes end before the frame does.
    Short,
    Bad(BadFrame),
}

/// Why some bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadFrame {
    Length(u32),
    Checksum,
    /// A good frame that does not belong here.
    Sequence {
        expected: u64,
        found: u64,
    },
}

impl std::fmt::Display for BadFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BadFrame::Length(found) => write!(f, "its length reads {found}, not 1 to {PAYLOAD_BYTES_MAX}"),
            BadFrame::Checksum => f.write_str("its checksum does not fit"),
            BadFrame::Sequence { expected, found } => write!(f, "it is number {found} where {expected} belongs"),
        }
    }
}

/// Reads the frame at the start of `bytes`, without a look at which sequence it should be.
pub(super) fn parse_frame(bytes: &[u8]) -> Parsed<'_> {
    let Some((length, rest)) = take_u32(bytes) else {
        return Parsed::Short;
    };
    let payload_bytes = match usize::try_from(length) {
        Ok(n) if (1..=PAYLOAD_BYTES_MAX).contains(&n) => n,
        _ => return Parsed::Bad(BadFrame::Length(length)),
    };
    let Some((checksum, rest)) = take_u32(rest) else {
        return Parsed::Short;
    };
    let Some((sequence, rest)) = take_u64(rest) else {
        return Parsed::Short;
    };
    let Some(payload) = rest.get(..payload_bytes) else {
        return Parsed::Short;
    };
    let mut hasher = Hasher::new();
    hasher.update(payload);
    hasher.update(&sequence.to_le_bytes());
    if hasher.finalize() == checksum { Parsed::Frame { sequence, payload } } else { Parsed::Bad(BadFrame::Checksum) }
}

/// Whether the bytes end before the frame at their start does; no checksum is taken.
pub(super) fn is_short(bytes: &[u8]) -> bool {
    match take_u32(bytes) {
        None => true,
        Some((length, _)) => match usize::try_from(length) {
            Ok(n) if (1..=PAYLOAD_BYTES_MAX).contains(&n) => bytes.len() < FRAME_HEADER_BYTES + n,
            _ => false,
        },
    }
}

/// The offset of the first good frame that starts before `starts` and whose sequence lies in `from..from + span`.
///
/// It tells a torn tail (nothing good follows) from a bad record in the middle (something does). A payload cannot pose as a frame:
/// the sequence of a frame holds zero bytes, and a record is one line of JSON, where control characters are escaped.
pub(super) fn find_frame(bytes: &[u8], starts: usize, from: u64, span: u64) -> Option<usize> {
    (0..starts.min(bytes.len())).find(|&at| {
        let Some(rest) = bytes.get(at..) else {
            return false;
        };
        // The sequence first: it rules out nearly every offset without a checksum.
        let plausible =
            rest.get(8..).and_then(take_u64).is_some_and(|(sequence, _)| sequence >= from && sequence - from < span);
        plausible && matches!(parse_frame(rest), Parsed::Frame { .. })
    })
}

fn take_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (chunk, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*chunk), rest))
}

fn take_u64(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (chunk, rest) = bytes.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*chunk), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// The bytes of version 1, once and for all: files in the field hold them.
    #[test]
    fn header_and_frame_are_these_bytes() {
        let header = Header {
            first_sequence: 513,
            created_at_ms: 1_795_000_000_000,
            previous: Seal { length: 4096, checksum: 0xa1b2_c3d4 },
        };
        insta::assert_snapshot!(hex(&header.encode()), @"4c4258444c4f470a01000000f22a72f00102000000000000005e56eea10100000010000000000000d4c3b2a100000000");
        assert_eq!(Header::decode(&header.encode()), Ok(header));

        let payload = br#"{"decision":"allow"}"#;
        let mut frame = Vec::new();
        Prepared::new(payload).unwrap().frame(payload, 513, &mut frame);
        insta::assert_snapshot!(hex(&frame), @"140000004562dcb701020000000000007b226465636973696f6e223a22616c6c6f77227d");
        assert_eq!(parse_frame(&frame), Parsed::Frame { sequence: 513, payload });
    }

    #[test]
    fn every_flipped_bit_of_a_frame_or_header_is_seen() {
        let payload = b"{}";
        let mut frame = Vec::new();
        Prepared::new(payload).unwrap().frame(payload, 7, &mut frame);
        for bit in 0..frame.len() * 8 {
            let mut bad = frame.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(parse_frame(&bad), Parsed::Frame { .. }), "bit {bit}");
        }
        let header = Header { first_sequence: 1, created_at_ms: 2, previous: Seal::default() }.encode();
        for bit in 0..header.len() * 8 {
            let mut bad = header;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&bad).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn another_format_version_is_named() {
        let mut bytes = Header { first_sequence: 1, created_at_ms: 2, previous: Seal::default() }.encode();
        bytes[8] = 9;
        assert_eq!(Header::decode(&bytes), Err(BadHeader::Format(9)));
        assert_eq!(Header::decode(&bytes[..47]), Err(BadHeader::Short));
        assert_eq!(Header::decode(&[0; 48]), Err(BadHeader::Magic));
    }

    #[test]
    fn empty_and_oversize_payloads_are_not_framed() {
        assert!(Prepared::new(b"").is_none());
        assert!(Prepared::new(&vec![b'x'; PAYLOAD_BYTES_MAX]).is_some());
        assert!(Prepared::new(&vec![b'x'; PAYLOAD_BYTES_MAX + 1]).is_none());
    }
}
