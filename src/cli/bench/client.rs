//! The load: connections that each send the next request when they have the last answer (closed loop).

use super::super::error::CliError;
use crate::clock::{Clock, SystemClock};
use core::time::Duration;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What one run measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    /// Answers in a second.
    pub(super) per_second: f64,
    /// The median time of an answer, in µs.
    pub(super) p50_us: f64,
    /// The 99th percentile, in µs.
    pub(super) p99_us: f64,
    /// How many answers there were.
    pub(super) answers: u64,
}

/// Sends `request` over `connections` for `seconds`, after a tenth of that unmeasured.
pub(super) async fn load(
    address: SocketAddr,
    request: &[u8],
    connections: usize,
    seconds: f64,
) -> Result<Measured, CliError> {
    let clock = SystemClock;
    let begin = clock.boot().plus(Duration::from_secs_f64(seconds / 10.0));
    let end = begin.plus(Duration::from_secs_f64(seconds));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let request = request.to_vec();
        tasks.spawn(async move {
            let mut stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let mut buffer = vec![0; 8192];
            let mut took_ns = Vec::with_capacity(200_000);
            loop {
                let sent = clock.boot();
                if sent >= end {
                    return Ok::<_, std::io::Error>(took_ns);
                }
                stream.write_all(&request).await?;
                read_answer(&mut stream, &mut buffer).await?;
                if sent >= begin {
                    took_ns.push(u64::try_from(clock.boot().since(sent).as_nanos()).unwrap_or(u64::MAX));
                }
            }
        });
    }
    let mut all = Vec::new();
    while let Some(done) = tasks.join_next().await {
        all.extend(done.map_err(CliError::failed)?.map_err(CliError::failed)?);
    }
    all.sort_unstable();
    let at = |share: usize| all.get(all.len().saturating_sub(1) * share / 100).copied().unwrap_or(0) as f64 / 1000.0;
    let answers = u64::try_from(all.len()).unwrap_or(u64::MAX);
    Ok(Measured { per_second: answers as f64 / seconds, p50_us: at(50), p99_us: at(99), answers })
}

/// Reads one answer whole; anything but 200 ends the run, for it would measure something else.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> std::io::Result<()> {
    let mut filled = 0;
    loop {
        let read = stream.read(buffer.get_mut(filled..).unwrap_or_default()).await?;
        if read == 0 {
            return Err(std::io::Error::other("the server closed the connection in the middle of the load"));
        }
        filled += read;
        let seen = buffer.get(..filled).unwrap_or_default();
        let Some(head_ends) = seen.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = seen.get(..head_ends).unwrap_or_default();
        if !head.starts_with(b"HTTP/1.1 200") {
            let shown = String::from_utf8_lossy(seen.get(..seen.len().min(300)).unwrap_or_default()).into_owned();
            return Err(std::io::Error::other(format!("an answer was not 200: {shown}")));
        }
        let length = content_length(head).ok_or_else(|| std::io::Error::other("an answer has no Content-Length"))?;
        if filled >= head_ends + 4 + length {
            return Ok(());
        }
    }
}

fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length: ";
    let line = head
        .split(|byte| *byte == b'\n')
        .find(|line| line.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME)))?;
    core::str::from_utf8(line.get(NAME.len()..)?).ok()?.trim().parse().ok()
}
