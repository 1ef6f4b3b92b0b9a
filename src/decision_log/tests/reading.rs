//! Reading beside a writer, from the middle, and to the end.

use super::*;

#[test]
fn a_reader_follows_a_live_writer_across_segments() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    let mut records = Records::open(dir.path()).unwrap();
    for n in 1..=150 {
        assert!(records.next().is_none(), "nothing yet");
        log.append_blocking(payload(n), Durability::Process).unwrap();
        let record = records.next().unwrap().unwrap();
        assert_eq!((record.sequence, record.payload), (n, payload(n)));
    }
    assert!(log.health().segments > 2);
    assert_eq!(records.next_sequence(), Some(151));
}

#[test]
fn a_reader_of_an_empty_directory_waits_for_the_first_segment() {
    let dir = tempfile::tempdir().unwrap();
    let mut records = Records::open(dir.path()).unwrap();
    assert!(records.next().is_none());
    assert_eq!(records.next_sequence(), None);
    let (log, _) = open(dir.path());
    log.append_blocking(payload(1), Durability::Process).unwrap();
    assert_eq!(records.next().unwrap().unwrap().payload, payload(1));
}

#[test]
fn reading_from_a_number_opens_only_what_is_needed() {
    let dir = tempfile::tempdir().unwrap();
    write_segments(dir.path(), 200);
    let whole = Records::open(dir.path()).unwrap().total_bytes();
    for from in [0, 1, 2, 57, 199, 200, 201] {
        let mut records = Records::open_from(dir.path(), from).unwrap();
        let found: Vec<u64> = records.by_ref().map(|record| record.unwrap().sequence).collect();
        assert_eq!(found, (from.max(1)..=200).collect::<Vec<_>>());
        assert_eq!(records.read_bytes(), records.total_bytes(), "progress ends at the total");
        assert!(from < 57 || records.total_bytes() < whole);
    }
}

#[test]
fn one_file_is_read_alone_and_a_record_is_found_where_it_says() {
    let dir = tempfile::tempdir().unwrap();
    write_segments(dir.path(), 100);
    let second = segment::list(dir.path()).unwrap()[1].clone();
    let records: Vec<Record> = Records::open(&second.path).unwrap().map(Result::unwrap).collect();
    assert_eq!(records[0].sequence, second.first_sequence);
    let bytes = std::fs::read(&second.path).unwrap();
    for record in records {
        assert_eq!(*record.location.path, *second.path);
        let at = usize::try_from(record.location.offset).unwrap() + framing::FRAME_HEADER_BYTES;
        assert_eq!(&bytes[at..at + record.payload.len()], record.payload);
    }
}

#[test]
fn what_is_no_log_is_said_to_be_none() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("notes.txt");
    std::fs::write(&file, "x".repeat(100)).unwrap();
    let message = Records::open(&file).unwrap_err().to_string();
    assert!(message.contains("it does not begin like a decision log"), "{message}");
    let message = Records::open(&dir.path().join("absent")).unwrap_err().to_string();
    assert!(message.starts_with("cannot open `"), "{message}");
}
