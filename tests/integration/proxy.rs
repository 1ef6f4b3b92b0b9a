//! A TCP proxy that does to connections what networks do: passes, cuts, or holds bytes back and lets them go later.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// How many bytes pass every 100 ms on a slow way.
const SLOWLY: usize = 512;

/// What happens to bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// They pass.
    Open,
    /// They pass at about 5 kB a second each way.
    Slow,
    /// They are taken and kept; connections stay, and nobody learns of anything.
    Held,
    /// Connections end, and new ones are closed at once.
    Cut,
}

#[derive(Debug)]
struct Shared {
    way: Mutex<(Way, u64)>,
    changed: Condvar,
    to: SocketAddr,
}

/// A running proxy; its threads end with the process.
#[derive(Debug)]
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Proxy {
    /// In front of this address.
    pub(crate) fn to(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { way: Mutex::new((Way::Open, 0)), changed: Condvar::new(), to });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (way, _) = *accepting.way.lock().unwrap();
                let Ok(server) = TcpStream::connect(accepting.to) else { continue };
                if way == Way::Cut {
                    let _closed = client.shutdown(Shutdown::Both);
                    continue;
                }
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let shared = Arc::clone(&accepting);
                    std::thread::spawn(move || shared.carry(from, to));
                }
            }
        });
        Self { shared, address }
    }

    /// From now on bytes go this way.
    pub(crate) fn set(&self, way: Way) {
        let mut now = self.shared.way.lock().unwrap();
        *now = (way, now.1 + 1);
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn carry(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = [0; 16 * 1024];
        // Looked at between reads as well, so that a cut ends what says nothing.
        from.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        loop {
            if self.way.lock().unwrap().0 == Way::Cut {
                break;
            }
            let slow = self.way.lock().unwrap().0 == Way::Slow;
            let some = if slow { SLOWLY } else { bytes.len() };
            let read = match from.read(&mut bytes[..some]) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                    continue;
                }
                Err(_) => break,
            };
            let mut way = self.way.lock().unwrap();
            while way.0 == Way::Held {
                way = self.changed.wait(way).unwrap();
            }
            drop(way);
            if slow {
                std::thread::sleep(Duration::from_millis(100));
            }
            if to.write_all(&bytes[..read]).is_err() {
                break;
            }
        }
        let _both_ends = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }
}
