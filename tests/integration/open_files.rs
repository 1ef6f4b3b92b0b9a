//! More connections than the system lets a process have files open at its start.

use crate::app::free_ports;
use crate::process::Process;
use crate::wire::Client;
use std::net::TcpStream;
use tempfile::TempDir;

#[test]
fn a_low_soft_limit_of_open_files_is_no_limit_of_connections() {
    let dir = TempDir::new().unwrap();
    let process = Process::start_with_open_files(100, dir.path(), &free_ports());
    let address = process.addresses.operations;
    let held: Vec<TcpStream> = (0..300).map(|_| TcpStream::connect(address).unwrap()).collect();
    Client::anonymous(address).get("/livez").is(200);
    // Answering could also come of connections that are ended for saying nothing.
    let (soft, hard) = process.open_files();
    assert!(soft == hard && soft != "100", "{soft} of {hard}");
    drop(held);
    process.terminate();
}
