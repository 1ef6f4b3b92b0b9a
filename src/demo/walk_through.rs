//! The walk-through: the source's story as commands to copy, with the real addresses and tokens.

use super::Demo;
use crate::app::Addresses;

/// The commands, each with what it shows. They can be pasted one by one or run as one script, and
/// again after a restart.
pub(super) fn text(demo: &Demo, addresses: &Addresses) -> String {
    let (authority, sidecar) = (addresses.authority, addresses.sidecar);
    let question = r#"{"engineer":"ana@provider.example","action":"read","tenant":"contoso","workload":"exchange","content":{"type":"mailbox","id":"adele@contoso.example"},"service_request":"SR-1042"}"#;
    let wish = r#"{"tenant":"contoso","workload":"exchange","service_request":"SR-1042","reason":{"code":"customer_initiated_support","text":"mailbox does not sync"},"duration":"PT2H","actions":["read"],"content":["mailbox/adele@contoso.example"]}"#;
    let ask = format!(
        "curl -s http://{sidecar}/v1/authorize -H 'Authorization: Bearer {}' -H 'Content-Type: application/json' -d '{question}'; echo",
        demo.token("exchange-frontend")
    );
    let post = |who: &str, step: &str, extra: &str, body: &str| {
        format!(
            "curl -s http://{authority}/v1/access-requests/$LBX/{step} -H 'Authorization: Bearer {}'{extra} -H 'Content-Type: application/json' -d '{body}'; echo",
            demo.token(who)
        )
    };
    let submit = format!(
        "LBX=$(curl -s http://{authority}/v1/access-requests -H 'Authorization: Bearer {}' -H 'Content-Type: application/json' -d '{wish}' | sed 's/.*\"id\":\"\\(LBX-[0-9]*\\)\".*/\\1/'); echo \"$LBX\"",
        demo.token("ana")
    );
    let steps = [
        ("The Exchange front end asks for ana: denied, there is no grant.", ask.clone()),
        ("ana asks for two hours of reading one mailbox. The shell keeps the id.", submit),
        (
            "rita reviews it for the provider; the customer is told.",
            post("rita", "review", "", r#"{"verdict":"approve","comment":"needed"}"#),
        ),
        ("The same question: denied, it waits for the customer.", ask.clone()),
        (
            "csilla approves for contoso what she saw (version 2), but only for one hour.",
            post("csilla", "approve", " -H 'If-Match: \"2\"'", r#"{"comment":"go ahead","duration":"PT1H"}"#),
        ),
        ("The same question: allowed, with the grant and when it ends.", ask.clone()),
        ("ana has fixed it and closes: the access ends now.", post("ana", "close", "", r#"{"comment":"fixed"}"#)),
        ("The same question: denied at once.", ask),
        (
            "csilla sees what was done under it.",
            format!(
                "curl -s http://{authority}/v1/access-requests/$LBX/accesses -H 'Authorization: Bearer {}'; echo",
                demo.token("csilla")
            ),
        ),
    ];
    let mut text = String::new();
    for (number, (what, command)) in steps.iter().enumerate() {
        text.push_str(&format!("# {}. {what}\n{command}\n\n", number.saturating_add(1)));
    }
    text
}
