//! Putting a file where it is looked for: written beside, made durable, renamed. Who reads sees the old
//! one or the new one, whenever the power goes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Writes `bytes` to `path` whole or not at all, with these permission bits.
///
/// # Errors
/// What the operating system says; the file that was there is there still.
pub fn put_whole(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
    let beside = dir.join(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
    // What a process of the same id left behind when it was killed.
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // New only: nobody's link is written through.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
    let put = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&beside, path));
    if let Err(error) = put {
        let _the_first_error_counts = std::fs::remove_file(&beside);
        return Err(error);
    }
    File::open(dir)?.sync_all()
}
