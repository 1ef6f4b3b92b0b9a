//! A snapshot as it is said: what is left out of it, and for whom it is not finished.

use super::*;
use crate::renewal::{End, WireItem};
use async_trait::async_trait;
use std::collections::VecDeque;

struct Told(VecDeque<Piece>);

#[async_trait]
impl Pieces for Told {
    async fn next(&mut self) -> Result<Piece, RenewError> {
        self.0.pop_front().ok_or_else(|| RenewError::Garbled("asked after the end".to_owned()))
    }
}

#[tokio::test]
async fn pages_with_nothing_for_a_sidecar_are_not_sent() {
    let item = || WireItem { key: "tenant/contoso".into(), payload: None };
    let mut pieces: VecDeque<Piece> = (0..500).map(|_| Piece::Items(Vec::new())).collect();
    pieces.push_back(Piece::Items(vec![item()]));
    pieces.extend((0..500).map(|_| Piece::Items(Vec::new())));
    pieces.push_back(Piece::End(End { revision: 7, state_hash: 0, answered_at: Timestamp::from_ms(1) }));
    let (into, mut from) = mpsc::channel(1);
    tokio::spawn(say(Box::new(Told(pieces)), b"head\n".to_vec(), into));
    let mut said = Vec::new();
    while let Some(part) = from.recv().await {
        said.push(String::from_utf8(part.unwrap().to_vec()).unwrap());
    }
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(said[0] == "head\n" && said[1].contains("contoso") && said[2].contains("\"items\":1"), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_nothing_for_long_is_given_up() {
    let piece = || Piece::Items(vec![WireItem { key: "tenant/contoso".into(), payload: None }]);
    let (into, mut from) = mpsc::channel(PIECES_AHEAD);
    let saying = tokio::spawn(say(Box::new(Told((0..10).map(|_| piece()).collect())), Vec::new(), into));
    tokio::time::timeout(SLOW_MAX * 2, saying).await.expect("it is not waited for longer").unwrap();
    // What was ready is there, and no end: it knows that this is not all.
    let mut said = 0;
    while let Some(part) = from.recv().await {
        said += 1;
        assert!(!String::from_utf8(part.unwrap().to_vec()).unwrap().contains("\"end\""));
    }
    assert_eq!(said, PIECES_AHEAD);
}
