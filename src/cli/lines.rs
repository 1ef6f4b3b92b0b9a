//! Many lines on standard output: buffered, and ended quietly when the reader has gone away. What a
//! caller chose can never steer the terminal it is shown on.

use super::error::CliError;
use std::io::{ErrorKind, Write};

/// Lines on their way out.
pub(super) struct Lines<W: Write> {
    out: W,
}

impl<W: Write> Lines<W> {
    pub(super) fn to(out: W) -> Self {
        Self { out }
    }

    /// Writes a line; false when nobody reads any more.
    pub(super) fn line(&mut self, text: &[u8]) -> Result<bool, CliError> {
        let written = self.out.write_all(text).and_then(|()| self.out.write_all(b"\n"));
        still_read(written)
    }

    /// Lets everything out; false when nobody reads any more.
    pub(super) fn flush(&mut self) -> Result<bool, CliError> {
        still_read(self.out.flush())
    }
}

fn still_read(written: std::io::Result<()>) -> Result<bool, CliError> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A text that a caller chose, for a terminal: what is no letter, digit or visible ASCII is escaped, so
/// that no control character and no change of writing direction gets through.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_graphic() || c == ' ' || (!c.is_ascii() && c.is_alphanumeric()) {
            plain.push(c);
        } else {
            plain.extend(c.escape_unicode());
        }
    }
    plain
}

/// Cells in columns that are as wide as the widest cell so far; the last is never filled up.
#[derive(Debug, Default)]
pub(super) struct Columns {
    widths: Vec<usize>,
}

impl Columns {
    /// Takes notice of cells that are to come.
    pub(super) fn widen(&mut self, cells: &[String]) {
        self.widths.resize(self.widths.len().max(cells.len()), 0);
        for (width, cell) in self.widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.chars().count());
        }
    }

    /// The cells as a line; `painted` may colour a cell, knowing its number.
    pub(super) fn line(&mut self, cells: &[String], painted: impl Fn(usize, &str) -> String) -> String {
        self.widen(cells);
        let mut line = String::new();
        let last = cells.len().saturating_sub(1);
        for (number, (cell, width)) in cells.iter().zip(&self.widths).enumerate() {
            line.push_str(&painted(number, cell));
            if number < last {
                let fill = width.saturating_sub(cell.chars().count()).saturating_add(2);
                line.extend(std::iter::repeat_n(' ', fill));
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_caller_chose_steers_a_terminal() {
        assert_eq!(plain("ana@x é"), "ana@x é");
        assert_eq!(plain("a\u{1b}[31m\n\u{202e}\u{9b}"), "a\\u{1b}[31m\\u{a}\\u{202e}\\u{9b}");
    }

    #[test]
    fn columns_grow_and_stay() {
        let mut columns = Columns::default();
        let cells = |texts: [&str; 2]| texts.map(str::to_owned);
        columns.widen(&cells(["longer", "x"]));
        assert_eq!(columns.line(&cells(["a", "b"]), |_, cell| cell.to_owned()), "a       b");
        assert_eq!(columns.line(&cells(["longest", "b"]), |_, cell| cell.to_owned()), "longest  b");
        assert_eq!(columns.line(&cells(["a", "b"]), |_, cell| cell.to_uppercase()), "A        B");
    }

    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        assert!(!Lines::to(Gone).line(b"x").unwrap());
        assert!(Lines::to(Vec::new()).line(b"x").unwrap());
    }
}
