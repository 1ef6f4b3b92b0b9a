//! What open makes of files that were cut, flipped, dropped or left half-made.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn only_segment(dir: &Path) -> PathBuf {
    let mut segments = segment::list(dir).unwrap();
    assert_eq!(segments.len(), 1);
    segments.pop().unwrap().path
}

/// One segment with these payloads: its bytes, and where each frame ends.
fn one_segment(dir: &Path, payloads: &[Vec<u8>]) -> (PathBuf, Vec<u8>, Vec<usize>) {
    let settings = Settings { segment_bytes_max: 1 << 20, ..small() };
    let (log, _) = DecisionLog::open(dir, settings, Arc::new(TestClock::default())).unwrap();
    append::block_on(log.append_all(payloads.to_vec(), Durability::Process)).unwrap();
    log.close();
    let path = only_segment(dir);
    let bytes = fs::read(&path).unwrap();
    let ends = payloads.iter().scan(framing::HEADER_BYTES, |end, payload| {
        *end += framing::FRAME_HEADER_BYTES + payload.len();
        Some(*end)
    });
    let ends = ends.collect();
    (path, bytes, ends)
}

fn payloads() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(0x20_u8..0x7f, 1..300), 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_cut_recovers_to_exactly_the_whole_frames(payloads in payloads(), cut in any::<prop::sample::Index>()) {
        let dir = tempfile::tempdir().unwrap();
        let (path, bytes, ends) = one_segment(dir.path(), &payloads);
        let length = cut.index(bytes.len() + 1);
        fs::write(&path, &bytes[..length]).unwrap();
        let whole = ends.iter().filter(|end| **end <= length).count();
        let read_before = Records::open(dir.path()).map(|records| records.map(Result::unwrap).count());
        if length >= framing::HEADER_BYTES {
            prop_assert_eq!(read_before.unwrap(), whole, "a reader stops at a torn tail");
        }
        let (log, recovery) = open(dir.path());
        prop_assert_eq!(recovery.records, whole as u64);
        if length >= framing::HEADER_BYTES {
            let good = ends[..whole].last().copied().unwrap_or(framing::HEADER_BYTES);
            prop_assert_eq!(recovery.torn_bytes, (length - good) as u64);
        }
        log.append_blocking(b"next".to_vec(), Durability::Disk).unwrap();
        log.close();
        let mut expected = payloads[..whole].to_vec();
        expected.push(b"next".to_vec());
        prop_assert_eq!(read(dir.path()), expected);
    }

    #[test]
    fn a_flipped_bit_before_good_records_is_refused_where_it_is(payloads in payloads(), at in any::<prop::sample::Index>(), bit in 0_u32..8) {
        let dir = tempfile::tempdir().unwrap();
        let (path, mut bytes, ends) = one_segment(dir.path(), &payloads);
        let last_begins = ends.iter().rev().nth(1).copied().unwrap_or(framing::HEADER_BYTES);
        prop_assume!(last_begins > framing::HEADER_BYTES);
        let at = framing::HEADER_BYTES + at.index(last_begins - framing::HEADER_BYTES);
        bytes[at] ^= 1_u8 << bit;
        fs::write(&path, &bytes).unwrap();
        let begins = ends.iter().rev().find(|end| **end <= at).copied().unwrap_or(framing::HEADER_BYTES);
        let message = open_error(dir.path());
        prop_assert!(message.contains(&format!("is corrupt at byte {begins}: ")), "{}", message);
        let failed = Records::open(dir.path()).unwrap().find_map(Result::err).unwrap();
        prop_assert!(failed.to_string().contains(&format!("at byte {begins}")), "{}", failed);
        prop_assert_eq!(fs::read(&path).unwrap(), bytes, "nothing was changed");
    }
}

#[test]
fn damage_in_an_earlier_segment_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    write_segments(dir.path(), 100);
    let segments = segment::list(dir.path()).unwrap();
    let damage = |path: &Path, change: &dyn Fn(&mut Vec<u8>)| {
        let intact = fs::read(path).unwrap();
        let mut bytes = intact.clone();
        change(&mut bytes);
        fs::write(path, &bytes).unwrap();
        let message = open_error(dir.path());
        assert!(
            Records::open(dir.path()).map_or(true, |mut records| records.any(|record| record.is_err())),
            "{message}"
        );
        fs::write(path, intact).unwrap();
        message.replace(&dir.path().display().to_string(), "")
    };
    let (first, second) = (&segments[0].path, &segments[1].path);
    let last_byte = damage(first, &|bytes| *bytes.last_mut().unwrap() ^= 1);
    assert!(last_byte.contains("its checksum does not fit"), "{last_byte}");
    let cut = damage(first, &|bytes| bytes.truncate(1000));
    assert!(cut.contains("it ends here, the next segment vouches for"), "{cut}");
    let header = damage(second, &|bytes| bytes[20] ^= 1);
    assert!(header.contains("the checksum of its header does not fit"), "{header}");
    let foreign = damage(second, &|bytes| bytes[8] = 2);
    assert!(foreign.contains("has format version 2, this build reads version 1"), "{foreign}");
    open(dir.path());
}

#[test]
fn a_missing_or_foreign_segment_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    write_segments(dir.path(), 200);
    let segments = segment::list(dir.path()).unwrap();
    for (n, expected) in [(0, "so that those before it are missing"), (1, "the next segment")] {
        let aside = dir.path().join("aside");
        fs::rename(&segments[n].path, &aside).unwrap();
        let message = open_error(dir.path());
        assert!(message.contains(expected), "{message}");
        fs::rename(&aside, &segments[n].path).unwrap();
    }
    // The same numbers from another log: every frame is good, only the seal tells.
    let other = tempfile::tempdir().unwrap();
    let (log, _) = open(other.path());
    for n in 1..=200 {
        let mut changed = payload(n);
        changed.reverse();
        log.append_blocking(changed, Durability::Process).unwrap();
    }
    log.close();
    fs::copy(segment::list(other.path()).unwrap()[0].path.clone(), &segments[0].path).unwrap();
    let message = open_error(dir.path());
    assert!(message.contains("the next segment vouches for"), "{message}");
}

#[test]
fn leavings_of_a_rotation_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    write_segments(dir.path(), 10);
    let unfinished = dir.path().join(segment::segment_name(11) + segment::UNFINISHED);
    let headless = dir.path().join(segment::segment_name(11));
    for torn in [&[][..], &[0; 48][..], &b"LBXDLOG"[..]] {
        fs::write(&unfinished, b"half").unwrap();
        fs::write(&headless, torn).unwrap();
        let (log, recovery) = open(dir.path());
        assert_eq!(recovery.removed, [unfinished.clone(), headless.clone()]);
        assert_eq!((recovery.records, log.health().last_sequence), (10, 10));
        log.close();
    }
}

#[test]
fn old_segments_beyond_the_limit_are_verified_by_header_only() {
    let dir = tempfile::tempdir().unwrap();
    write_segments(dir.path(), 200);
    let segments = segment::list(dir.path()).unwrap();
    let settings = Settings { open_scan_bytes_max: 5000, ..small() };
    let (log, recovery) = DecisionLog::open(dir.path(), settings, Arc::new(TestClock::default())).unwrap();
    assert_eq!(recovery.segments_unscanned, segments.len() - 2);
    assert_eq!(recovery.records, 200);
    log.close();
}
