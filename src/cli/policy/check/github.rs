//! Findings as workflow commands of GitHub Actions, which become annotations beside the lines of a
//! pull request: `::error file=…,line=…,col=…,title=…::message`.
//!
//! What would end a command or a property is escaped: `%`, CR and LF everywhere, `:` and `,` in properties too.

use super::{relative, severity};
use crate::policy::Finding;
use std::path::Path;

/// One finding as a command.
pub(super) fn annotation(finding: &Finding, root: &Path) -> String {
    let file = relative(&finding.file, root).unwrap_or_else(|| finding.file.clone());
    let mut command = format!("::{} file={}", severity(finding.severity), property(&file));
    if finding.line > 0 {
        command.push_str(&format!(",line={},endLine={}", finding.line, finding.line));
    }
    if finding.column > 0 {
        // Inclusive here, unlike in SARIF.
        let end = finding.end_column.saturating_sub(1).max(finding.column);
        command.push_str(&format!(",col={},endColumn={end}", finding.column));
    }
    let said = data(&format!("{}\n{}", finding.message, finding.help));
    format!("{command},title={}::{said}", property(finding.code))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_command_is_escaped() {
        let finding = Finding::file("template", "/repo/a,b:c%.cedar", "50 %: no\r\nway, x", "put it right");
        assert_eq!(
            annotation(&finding.clone().at("one\n  twö three", 11, 5), Path::new("/repo")),
            "::error file=a%2Cb%3Ac%25.cedar,line=2,endLine=2,col=7,endColumn=11,title=template::50 %25: no%0D%0Away, x%0Aput it right"
        );
        assert!(
            annotation(&finding.warning(), Path::new("/x"))
                .starts_with("::warning file=/repo/a%2Cb%3Ac%25.cedar,title=")
        );
    }
}
