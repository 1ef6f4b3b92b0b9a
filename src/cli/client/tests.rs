//! The client against a server made of one socket.

use super::*;
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

/// A server that answers one call with `response`, and gives back what it was sent.
fn once(response: &'static str) -> (Client, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut seen = Vec::new();
        let mut part = [0; 4096];
        while !complete(&seen) {
            let read = stream.read(&mut part).unwrap();
            assert!(read > 0, "the call ended early");
            seen.extend_from_slice(&part[..read]);
        }
        stream.write_all(response.as_bytes()).unwrap();
        String::from_utf8(seen).unwrap()
    });
    (Client::new(Url::try_from(url).unwrap(), Some("secret".to_owned()), "authority", None), server)
}

fn complete(seen: &[u8]) -> bool {
    let text = String::from_utf8_lossy(seen).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    body.len() >= length
}

#[test]
fn a_call_carries_token_headers_and_body_and_gives_the_version() {
    let (client, server) =
        once("HTTP/1.1 200 OK\r\netag: \"4\"\r\ncontent-length: 13\r\nconnection: close\r\n\r\n{\"state\": \"x\"}");
    let answer = client.post("/v1/x", &json!({"a": 1}), &[("if-match", "\"3\"")]);
    let seen = server.join().unwrap().to_ascii_lowercase();
    for part in [
        "post /v1/x http/1.1",
        "authorization: bearer secret",
        "if-match: \"3\"",
        "content-type: application/json",
        "{\"a\":1}",
    ] {
        assert!(seen.contains(part), "`{part}` is not in:\n{seen}");
    }
    // One byte short: a cut answer is no answer.
    assert!(matches!(answer, Err(ClientError::NotJson { status: 200, .. })), "{answer:?}");
}

#[test]
fn an_answer_comes_with_its_version() {
    let (client, server) = once("HTTP/1.1 200 OK\r\netag: \"4\"\r\nconnection: close\r\n\r\n{\"state\": \"x\"}");
    let answer = client.get("/v1/x").unwrap();
    server.join().unwrap();
    assert_eq!((answer.etag.as_deref(), answer.body), (Some("\"4\""), json!({"state": "x"})));
}

#[test]
fn a_problem_becomes_a_sentence_with_what_to_do() {
    let (client, server) = once(
        "HTTP/1.1 412 Precondition Failed\r\ncontent-type: application/problem+json\r\nconnection: close\r\n\r\n{\"title\": \"stale\", \"detail\": \"version 3 is\\u001b gone\"}",
    );
    let error = client.get("/v1/x").unwrap_err();
    server.join().unwrap();
    let text = error.to_string();
    assert!(
        text.starts_with("stale: version 3 is  gone (HTTP 412)\n") && text.contains("lockbox request show"),
        "{text:?}"
    );
    assert_eq!(error.problem().unwrap()["title"], "stale");
}

#[test]
fn a_redirect_is_not_followed() {
    let (client, server) =
        once("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    assert!(matches!(client.get("/v1/x"), Err(ClientError::Problem { status: 302, .. })));
    server.join().unwrap();
}

#[test]
fn where_nobody_listens_the_error_says_how_to_start_one() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = Client::new(Url::try_from(format!("http://{free}")).unwrap(), None, "authority", None);
    let text = client.get("/").unwrap_err().to_string();
    assert!(text.contains("lockbox serve --role authority") && text.contains(&free.to_string()), "{text}");
}

#[test]
fn what_goes_into_a_path_stays_in_its_segment() {
    assert_eq!(escaped("LBX-1001"), "LBX-1001");
    assert_eq!(escaped("../x?a=b#c d/é"), "..%2Fx%3Fa%3Db%23c%20d%2F%C3%A9");
}
