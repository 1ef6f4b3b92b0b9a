//! Listeners: TCP and Unix sockets that connections are taken from, each with its [`Peer`].
//!
//! Invariant: a Unix socket is never reachable under its name with a wider mode than 0660, and a
//! socket that somebody listens on is never taken away.

use crate::identity::Peer;
use crate::tls::{self, ServerTls};
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

/// Who may connect to a Unix socket: its owner and its group.
const SOCKET_MODE: u32 = 0o660;

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be bound.
    #[error("cannot listen on `{address}`: {why}")]
    Bind {
        /// The address or path.
        address: String,
        /// What the operating system said.
        why: io::Error,
    },
    /// Another process serves that socket.
    #[error("cannot listen on `{0}`: another process already does")]
    InUse(String),
    /// Something else has that name.
    #[error("cannot listen on `{0}`: it exists and is not a socket; move it away or choose another path")]
    NotASocket(String),
}

/// Where connections come from.
#[derive(Debug)]
pub enum Listener {
    /// A network address, and its TLS if it has any.
    Tcp(TcpListener, Option<Arc<ServerTls>>),
    /// A path.
    Unix(UnixSocket),
}

/// A Unix socket that takes its name away with it.
#[derive(Debug)]
pub struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode: the name is only removed while it is still ours.
    identity: (u64, u64),
}

impl Listener {
    /// Listens on a network address; port 0 takes a free one.
    ///
    /// # Errors
    /// [`ListenError::Bind`].
    pub async fn tcp(address: SocketAddr) -> Result<Self, ListenError> {
        let bind = |why| ListenError::Bind { address: address.to_string(), why };
        TcpListener::bind(address).await.map(|listener| Self::Tcp(listener, None)).map_err(bind)
    }

    /// Listens on a path, mode 0660. A socket left behind by a dead process is replaced.
    ///
    /// # Errors
    /// [`ListenError`].
    pub fn unix(path: &Path) -> Result<Self, ListenError> {
        let shown = || path.display().to_string();
        let bind = |why| ListenError::Bind { address: shown(), why };
        match std::fs::symlink_metadata(path) {
            Ok(there) if !there.file_type().is_socket() => return Err(ListenError::NotASocket(shown())),
            Ok(_) => match std::os::unix::net::UnixStream::connect(path) {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Ok(_) => return Err(ListenError::InUse(shown())),
                Err(error) => return Err(bind(error)),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(bind(error)),
        }
        // Made under another name, given its mode, and only then moved to where callers look for it.
        let mut making = path.as_os_str().to_owned();
        making.push(format!(".{}", rustix::process::getpid().as_raw_nonzero()));
        let making = PathBuf::from(making);
        let _left_by_a_dead_namesake = std::fs::remove_file(&making);
        let listener = UnixListener::bind(&making).map_err(bind)?;
        let named = std::fs::set_permissions(&making, std::fs::Permissions::from_mode(SOCKET_MODE))
            .and_then(|()| std::fs::symlink_metadata(&making))
            .and_then(|made| std::fs::rename(&making, path).map(|()| made));
        match named {
            Ok(made) => {
                Ok(Self::Unix(UnixSocket { listener, path: path.to_owned(), identity: (made.dev(), made.ino()) }))
            }
            Err(why) => {
                let _nothing_else_to_undo = std::fs::remove_file(&making);
                Err(bind(why))
            }
        }
    }

    /// The same with TLS, if there is any; a Unix socket has none.
    #[must_use]
    pub fn secured(self, tls: Option<Arc<ServerTls>>) -> Self {
        match self {
            Self::Tcp(listener, _) => Self::Tcp(listener, tls),
            unix @ Self::Unix(_) => unix,
        }
    }

    /// The network address, with the port that was taken; `None` for a Unix socket.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener, _) => listener.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    /// The next connection.
    ///
    /// # Errors
    /// What the operating system says; the listener can go on.
    pub async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Self::Tcp(listener, tls) => {
                let (stream, address) = listener.accept().await?;
                // An answer is one small write: waiting for more would only delay it.
                stream.set_nodelay(true)?;
                let stream = match tls {
                    None => Stream::Tcp(stream),
                    Some(tls) => Stream::Unsecured(stream, tls.config()),
                };
                Ok((stream, Peer::Tcp(address)))
            }
            Self::Unix(socket) => {
                let (stream, _) = socket.listener.accept().await?;
                let uid = stream.peer_cred()?.uid();
                Ok((Stream::Unix(stream), Peer::Unix { uid }))
            }
        }
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        let ours = std::fs::symlink_metadata(&self.path).is_ok_and(|there| (there.dev(), there.ino()) == self.identity);
        if ours {
            let _a_stale_socket_is_replaced_at_the_next_start = std::fs::remove_file(&self.path);
        }
    }
}

/// One connection.
#[derive(Debug)]
pub enum Stream {
    /// Over the network.
    Tcp(TcpStream),
    /// On this machine.
    Unix(UnixStream),
    /// Over the network, before anything is agreed. Nothing can be said on it.
    Unsecured(TcpStream, Arc<ServerConfig>),
    /// Over the network, by TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Agrees on TLS where the listener has it, and learns who the other end has proved to be. May take as long as
    /// the other end likes: bound it.
    ///
    /// # Errors
    /// When they cannot agree, or its certificate does not hold.
    pub async fn agreed(self, peer: Peer) -> io::Result<(Self, Peer)> {
        let (Self::Unsecured(stream, config), Peer::Tcp(address)) = (self, &peer) else {
            return Err(io::Error::other("there is nothing to agree on"));
        };
        let stream = TlsAcceptor::from(config).accept(stream).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first).map(tls::names_of);
        let peer = shown.map_or_else(|| peer.clone(), |names| Peer::Tls(*address, names.into()));
        Ok((Self::Tls(Box::new(stream)), peer))
    }
}

/// The answer of an end with which nothing is agreed yet.
fn unsecured<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::Error::other("TLS is not agreed on yet")))
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Unsecured(..) => unsecured(),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Unsecured(..) => unsecured(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Unsecured(..) => unsecured(),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
            Self::Unsecured(..) => unsecured(),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unsecured(..) => unsecured(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_unix_socket_is_for_owner_and_group_and_goes_with_its_listener() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lockbox.sock");
        let listener = Listener::unix(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, SOCKET_MODE);
        let _client = UnixStream::connect(&path).await.unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, Peer::Unix { uid: rustix::process::getuid().as_raw() });
        drop(listener);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn only_a_dead_socket_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lockbox.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let living = Listener::unix(&path).unwrap();
        assert!(matches!(Listener::unix(&path), Err(ListenError::InUse(_))));
        assert!(UnixStream::connect(&path).await.is_ok());
        drop(living);
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(Listener::unix(&path), Err(ListenError::NotASocket(_))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }

    #[tokio::test]
    async fn a_listener_whose_name_was_taken_over_leaves_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lockbox.sock");
        let first = Listener::unix(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let second = Listener::unix(&path).unwrap();
        drop(first);
        assert!(UnixStream::connect(&path).await.is_ok());
        drop(second);
    }

    #[tokio::test]
    async fn a_taken_address_is_an_error_that_names_it() {
        let listener = Listener::tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.address().unwrap();
        let error = Listener::tcp(address).await.unwrap_err().to_string();
        assert!(address.port() != 0 && error.contains(&address.to_string()), "{error}");
    }
}
