//! Servers of another make, for what this program talks to: Python programs of `tests/python/`, in an
//! environment of their own below `target/` with the exact packages of `requirements.txt`.

use serde_json::Value;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// A running program; ends with the value, and also when this process is killed: it reads its standard input.
pub(crate) struct Program {
    child: Child,
    _until_it_closes: ChildStdin,
    /// The first line that it printed.
    pub(crate) said: Value,
}

impl Program {
    /// Starts `tests/python/{name}.py` and waits until it says that it is ready.
    pub(crate) fn start(name: &str, options: &Value) -> Self {
        let script = sources().join(format!("{name}.py"));
        let mut child = Command::new(python())
            .args(["-B", "-W", "ignore"])
            .arg(script)
            .arg(options.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{name}.py said `{line}`"));
        Self { child, _until_it_closes: input, said }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _it_may_have_ended = self.child.kill();
        let _nobody_asks = self.child.wait();
    }
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python")
}

/// The interpreter of the environment, which is made by whoever needs it first while the others wait.
pub(crate) fn python() -> PathBuf {
    let requirements = sources().join("requirements.txt");
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    std::fs::create_dir_all(&home).unwrap();
    let lock = File::create(home.join("lock")).unwrap();
    lock.lock().unwrap();
    let (venv, made_for) = (home.join("venv"), home.join("made-for.txt"));
    let wanted = std::fs::read_to_string(&requirements).unwrap();
    let python = venv.join("bin/python");
    if std::fs::read_to_string(&made_for).is_ok_and(|had| had == wanted) {
        return python;
    }
    let run = |command: &mut Command| {
        let out = command.stdin(Stdio::null()).output().expect("python3 is needed, with its module venv");
        assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    };
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
    let quietly = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps", "--requirement"];
    run(Command::new(&python).args(quietly).arg(&requirements));
    // Last, so that what was broken off is made anew.
    let mut done = File::create(made_for).unwrap();
    done.write_all(wanted.as_bytes()).unwrap();
    python
}
