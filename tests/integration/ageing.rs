//! Time that passes for sessions when a story says so: a listener that changes what the store holds of them.
//! A process has the machine's clock, and no story should wait half an hour.

use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

/// Listens for as long as the process runs; gives the address to POST `{"opened", "seen", "proved"}` to, the
/// minutes that are to pass for each.
pub(crate) fn ageing(database: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let database = database.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), &database);
        }
    });
    address
}

fn answer(stream: TcpStream, database: &Path) {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).unwrap() > 2 {
        if let Some(bytes) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = bytes.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    age(database, &serde_json::from_slice(&body).unwrap());
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
}

fn age(database: &Path, minutes: &Value) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        // By itself: the running process alone may open it as a store.
        let mut file = SqliteConnection::connect(&format!("sqlite://{}", database.display())).await.unwrap();
        let found = sqlx::query_as("SELECT key, document FROM note WHERE kind = 'session'").fetch_all(&mut file);
        let found: Vec<(String, String)> = found.await.unwrap();
        for (key, document) in found {
            let mut session: Value = serde_json::from_str(&document).unwrap();
            for (name, kept) in [("opened", "opened_ms"), ("seen", "seen_ms"), ("proved", "authenticated_ms")] {
                if let (Some(minutes), Some(at)) = (minutes[name].as_i64(), session[kept].as_i64()) {
                    session[kept] = json!(at - minutes * 60_000);
                }
            }
            let change = sqlx::query("UPDATE note SET document = ? WHERE kind = 'session' AND key = ?");
            change.bind(session.to_string()).bind(key).execute(&mut file).await.unwrap();
        }
        file.close().await.unwrap();
    });
}
