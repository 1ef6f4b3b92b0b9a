//! How many files the process may have open: each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Lets the process open as many files as the system allows it at the most, and gives how many these are; `None` where
/// there is no bound. Most systems let a process begin with 1024, fewer than a listener takes connections, because old
/// programs cannot do with more (`select`); this one can.
pub(super) fn raise_open_files() -> Option<u64> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _what_is_allowed_now_is_read_back = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    getrlimit(Resource::Nofile).current
}
