//! An AccessRequest, and a list of them, as a person reads them.

use crate::cli::output::{self, Output, Tone};
use crate::domain::Timestamp;
use serde_json::Value;

fn tone(state: &str) -> Tone {
    match state {
        "active" => Tone::Good,
        "submitted" | "notified" => Tone::Open,
        "denied" | "rejected" | "revoked" => Tone::Bad,
        _ => Tone::Faint,
    }
}

/// When the state ends by itself: the Grant, or the time to answer.
fn deadline(request: &Value) -> Option<&str> {
    match output::text(request, "/state")? {
        "active" => output::text(request, "/grant/expires_at"),
        "notified" => output::text(request, "/respond_by"),
        _ => None,
    }
}

/// One line an AccessRequest.
pub(super) fn rows(list: &Value, now: Timestamp, output: &Output) -> String {
    let items = list.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if items.is_empty() {
        return "no AccessRequests".to_owned();
    }
    let rows = items.iter().map(|request| row(request, now)).collect();
    let table = output::table(&["ID", "STATE", "TENANT", "WORKLOAD", "ENGINEER", "CASE", "ENDS"], rows);
    match output::text(list, "/next_cursor") {
        Some(cursor) => format!("{table}\n{}", output.paint(&format!("more with --cursor {cursor}"), Tone::Faint)),
        None => table,
    }
}

fn row(request: &Value, now: Timestamp) -> Vec<String> {
    let ends = deadline(request).map(|at| at.parse().map_or_else(|_| at.to_owned(), |at| output::relative(at, now)));
    ["/id", "/state", "/tenant", "/workload", "/engineer", "/service_request"]
        .into_iter()
        .map(|path| output::text(request, path).unwrap_or("-").to_owned())
        .chain([ends.unwrap_or_else(|| "-".to_owned())])
        .collect()
}

/// Everything about one.
pub(super) fn detail(request: &Value, now: Timestamp, output: &Output) -> String {
    let text = |path: &str| output::text(request, path).map(str::to_owned);
    let time = |path: &str| output::text(request, path).map(|at| output::instant(at, now));
    let state = text("/state").unwrap_or_default();
    let head = format!("{}  {}", text("/id").unwrap_or_default(), output.paint(&state, tone(&state)));
    let effective = request.get("effective").and_then(Value::as_bool).map(|effective| {
        let at = time("/effective_at").map(|at| format!("; at {at}")).unwrap_or_default();
        if effective { "yes: no sidecar allows it any more".to_owned() } else { format!("not yet{at}") }
    });
    let rest = output::pairs(&[
        ("tenant", text("/tenant")),
        ("workload", text("/workload")),
        ("engineer", text("/engineer")),
        ("case", text("/service_request")),
        ("reason", text("/reason/code")),
        ("", text("/reason/text")),
        ("duration", text("/duration")),
        ("actions", output::list(request, "/actions")),
        ("content", Some(output::list(request, "/content").unwrap_or_else(|| "the whole workload".to_owned()))),
        ("submitted", time("/submitted_at")),
        ("reviewed", by(request, "/reviewed", now)),
        ("answer by", if state == "notified" { time("/respond_by") } else { None }),
        ("decided", by(request, "/decided", now)),
        ("grant", text("/grant/id")),
        ("granted", output::list(request, "/grant/actions")),
        ("until", if state == "active" { time("/grant/expires_at") } else { None }),
        ("ended", by(request, "/grant/ended", now).or_else(|| time("/grant/ended/at"))),
        ("effective", effective),
        ("version", request.get("version").map(ToString::to_string)),
    ]);
    let history = request.get("events").and_then(Value::as_array).map(|events| events_text(events)).unwrap_or_default();
    format!("{head}\n{rest}{history}")
}

fn by(request: &Value, path: &str, now: Timestamp) -> Option<String> {
    let fact = request.pointer(path)?;
    let who = output::text(fact, "/by")?;
    let at = output::text(fact, "/at").map(|at| format!(", {}", output::instant(at, now))).unwrap_or_default();
    let comment = output::text(fact, "/comment").map(|comment| format!(": {comment}")).unwrap_or_default();
    Some(format!("{who}{at}{comment}"))
}

fn events_text(events: &[Value]) -> String {
    let line = |event: &Value| {
        let text = |names: [&str; 2]| names.iter().find_map(|name| output::text(event, name)).unwrap_or("-").to_owned();
        vec![text(["/at", "/at"]), text(["/kind", "/event"]), text(["/by", "/actor"]), text(["/comment", "/detail"])]
    };
    format!("\n\n{}", output::table(&["AT", "EVENT", "BY", "COMMENT"], events.iter().map(line).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::{ColorWhen, Format};
    use serde_json::json;

    #[test]
    fn a_list_says_how_long_each_has_left() {
        let output = Output::new(Format::Text, ColorWhen::Never);
        let now = "2026-11-22T09:30:00Z".parse().unwrap();
        let list = json!({"next_cursor": "c2", "items": [
            {"id": "LBX-1001", "state": "active", "tenant": "contoso", "workload": "exchange", "engineer": "ana@p.example",
             "service_request": "SR-1", "grant": {"expires_at": "2026-11-22T11:28:00Z"}},
            {"id": "LBX-1002", "state": "denied", "tenant": "contoso"}]});
        assert_eq!(
            rows(&list, now, &output),
            "ID        STATE   TENANT   WORKLOAD  ENGINEER       CASE  ENDS\n\
             LBX-1001  active  contoso  exchange  ana@p.example  SR-1  in 1 h 58 min\n\
             LBX-1002  denied  contoso  -         -              -     -\n\
             more with --cursor c2"
        );
        assert_eq!(rows(&json!({"items": []}), now, &output), "no AccessRequests");
    }

    #[test]
    fn the_detail_names_people_and_times() {
        let output = Output::new(Format::Text, ColorWhen::Never);
        let now = "2026-11-22T09:30:00Z".parse().unwrap();
        let request = json!({"id": "LBX-1001", "version": 2, "state": "notified", "respond_by": "2026-11-22T21:30:00Z",
                             "reviewed": {"by": "rita@p.example", "at": "2026-11-22T09:30:00Z", "comment": "fine"}});
        let text = detail(&request, now, &output);
        for part in [
            "LBX-1001  notified",
            "rita@p.example, 2026-11-22T09:30:00Z (in 0 s): fine",
            "(in 12 h)",
            "the whole workload",
        ] {
            assert!(text.contains(part), "`{part}` is not in:\n{text}");
        }
    }
}
