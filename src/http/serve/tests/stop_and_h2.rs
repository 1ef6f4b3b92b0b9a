//! Ending well, HTTP/2, and the Unix socket.

use super::*;

#[tokio::test]
async fn a_stop_lets_requests_in_flight_finish() {
    let server = start(Bounds::default()).await;
    let mut idle = server.connect().await;
    assert!(idle.get("/").await.contains("200 OK"));
    let mut busy = server.connect().await;
    busy.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.begun.notified().await;
    server.stop.send_replace(true);
    // The idle connection ends first: by then the stop is under way and nobody is let in.
    idle.rest().await;
    let late = TcpStream::connect(server.address).await;
    assert!(late.is_err(), "the listener is closed");
    assert_eq!(server.counts.requests_in_flight.load(Ordering::SeqCst), 1);
    server.release.notify_one();
    assert!(busy.rest().await.contains("released"));
    assert_eq!(server.stop().await, Stopped { connections_cut: 0, requests_cut: 0 });
}

#[tokio::test]
async fn a_stop_cuts_what_does_not_finish_and_says_so() {
    let server = start(Bounds { stop_deadline: Duration::from_millis(100), ..Bounds::default() }).await;
    let mut busy = server.connect().await;
    busy.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.begun.notified().await;
    let counts = Arc::clone(&server.counts);
    assert_eq!(server.stop().await, Stopped { connections_cut: 1, requests_cut: 1 });
    assert_eq!((busy.rest().await, counts.requests_in_flight.load(Ordering::SeqCst)), (String::new(), 0));
}

#[tokio::test]
async fn http2_with_prior_knowledge_is_served() {
    let server = start(Bounds::default()).await;
    let mut client = server.connect().await;
    // The preface, an empty SETTINGS frame, and HEADERS on stream 1: GET, http, /none, x (RFC 7541 static table).
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    let block = [0x82, 0x86, 0x84, 0x41, 0x01, b'x'];
    bytes.extend([0, 0, 6, 1, 5, 0, 0, 0, 1]);
    bytes.extend(block);
    client.0.write_all(&bytes).await.unwrap();
    let answer = client.until("Tcp(127.0.0.1:").await;
    assert!(answer.contains("Tcp(127.0.0.1:"), "{answer:?}");
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn http2_rapid_reset_ends_the_connection_and_only_it() {
    let server = start(Bounds::default()).await;
    let mut client = server.connect().await;
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    for stream in (1_u32..20_000).step_by(2) {
        let path = b"\x05/held";
        bytes.extend([0, 0, 12, 1, 5]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend([0x82, 0x86, 0x41, 0x01, b'x', 0x04]);
        bytes.extend(path);
        bytes.extend([0, 0, 4, 3, 0]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend(8_u32.to_be_bytes());
    }
    let (mut read, mut write) = client.0.split();
    let mut got = Vec::new();
    let (_cut_off, ended) =
        tokio::join!(write.write_all(&bytes), tokio::time::timeout(HANG, read.read_to_end(&mut got)));
    assert!(ended.is_ok(), "the server ends the connection");
    assert!(server.connect().await.get("/").await.contains("200 OK"));
    server.stop().await;
}

#[tokio::test]
async fn a_unix_socket_serves_with_peer_credentials() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock");
    let router = Router::new().route("/", get(|Extension(peer): Extension<Peer>| async move { format!("{peer:?}") }));
    let edge = Edge::around(router, Arc::new(SteppedClock::at(Timestamp::from_ms(0))), Arc::new(SeededIds::new(1)));
    let (stop, stopped) = watch::channel(false);
    let listener = Listener::unix(&path).unwrap();
    let done = tokio::spawn(serve(listener, edge, Bounds::default(), Arc::default(), stopped));
    let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    stream.write_all(format!("GET / HTTP/1.1\r\n{CLOSING}\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let uid = rustix::process::getuid().as_raw();
    assert!(answer.ends_with(&format!("Unix {{ uid: {uid} }}")), "{answer}");
    drop(stop);
    assert_eq!(done.await.unwrap(), Stopped { connections_cut: 0, requests_cut: 0 });
    assert!(!path.exists());
}
