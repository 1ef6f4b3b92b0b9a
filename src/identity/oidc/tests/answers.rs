//! Beginning, the answer that the browser brings back, and the exchange of its code.

use super::*;
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn a_sign_in_gives_the_person_and_when_he_proved_it() {
    let issuer = Issuer::new();
    let client = client(&issuer);
    let Begun { url, flow } = begin(&client, None);
    let sent = query_of(&url);
    assert!(url.starts_with("https://login.example/authorize?tenant=1&response_type=code&"), "{url}");
    for (name, value) in [
        ("client_id", "lockbox"),
        ("redirect_uri", "https://lockbox.example/sign-in/callback"),
        ("scope", "openid profile"),
        ("state", &flow.state),
        ("nonce", &flow.nonce),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(sent[name], value, "{name}");
    }
    assert!(!sent.contains_key("max_age") && !sent.contains_key("prompt") && !url.contains(&flow.verifier));

    issuer.gives(&id_token(&flow, json!({})));
    let signed_in = client.finish(&flow, &answer_to(&flow), now(), boot()).unwrap();
    let SignedIn { person, authenticated_at } = signed_in;
    assert_eq!(person.id.as_str(), "csilla@contoso.example");
    assert!(person.is_of(&TenantId::parse("contoso").unwrap(), Role::Approver));
    assert_eq!(person.authentication, Authentication { method: "oidc", strength: Some("phr".into()), address: None });
    assert_eq!(authenticated_at, Some(Timestamp::from_ms((NOW_S - 20) * 1000)));

    let posted = issuer.posted();
    assert_eq!((posted.url.as_str(), posted.authorization), ("https://login.example/token", None));
    for (name, value) in [
        ("grant_type", "authorization_code"),
        ("code", "c0de"),
        ("client_id", "lockbox"),
        ("redirect_uri", "https://lockbox.example/sign-in/callback"),
        ("code_verifier", &flow.verifier),
    ] {
        assert_eq!(posted.form[name], value, "{name}");
    }
    // The example of RFC 7636, appendix B.
    let example = Flow { verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into(), ..flow };
    assert_eq!(example.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

#[test]
fn a_demand_for_new_proof_is_sent_along() {
    let client = client(&Issuer::new());
    let within = query_of(&begin(&client, Some(Duration::from_secs(300))).url);
    assert_eq!((within["max_age"].as_str(), within.contains_key("prompt")), ("300", false));
    let anew = query_of(&begin(&client, Some(Duration::ZERO)).url);
    assert_eq!((anew["max_age"].as_str(), anew["prompt"].as_str()), ("0", "login"));
}

#[test]
fn an_answer_to_another_question_is_refused_and_its_code_never_exchanged() {
    let issuer = Issuer::new();
    let client = client(&issuer);
    let Begun { flow, .. } = begin(&client, None);
    issuer.gives(&id_token(&flow, json!({})));
    let good = answer_to(&flow);
    let text = |text: &str| Some(text.to_owned());
    for (query, why) in [
        (CallbackQuery { state: None, ..good.clone() }, OidcError::State),
        (CallbackQuery { state: text(""), ..good.clone() }, OidcError::State),
        (CallbackQuery { state: Some(flow.nonce.clone()), ..good.clone() }, OidcError::State),
        (CallbackQuery { state: text("x"), iss: text("https://evil.example"), ..good.clone() }, OidcError::State),
        (CallbackQuery { iss: None, ..good.clone() }, OidcError::MixedUp),
        (CallbackQuery { iss: text("https://evil.example"), ..good.clone() }, OidcError::MixedUp),
        (CallbackQuery { iss: text(ISSUER.trim_end_matches('/')), ..good.clone() }, OidcError::MixedUp),
        (CallbackQuery { error: text("access_denied"), ..good.clone() }, OidcError::Declined("access_denied".into())),
        (CallbackQuery { error: text("<b>Call 555</b>"), ..good.clone() }, OidcError::Declined("unknown".into())),
        (CallbackQuery { iss: None, error: text("access_denied"), ..good.clone() }, OidcError::MixedUp),
        (CallbackQuery { code: None, ..good.clone() }, OidcError::NoCode),
        (CallbackQuery { code: text(""), ..good.clone() }, OidcError::NoCode),
        (CallbackQuery { code: text("a\r\nb"), ..good.clone() }, OidcError::NoCode),
        (CallbackQuery { code: Some("x".repeat(4097)), ..good.clone() }, OidcError::NoCode),
    ] {
        let refused = client.finish(&flow, &query, now(), boot());
        assert_eq!(refused, Err(why), "{:?} {:?} {:?} {:?}", query.code, query.state, query.iss, query.error);
    }
    assert!(issuer.posted.lock().unwrap().is_empty());
    let late = now().plus(Duration::from_secs(600));
    assert_eq!(client.finish(&flow, &good, late, boot()), Err(OidcError::TooLate));
    let before = now().minus(Duration::from_secs(31));
    assert_eq!(client.finish(&flow, &good, before, boot()), Err(OidcError::TooLate));
    assert!(issuer.posted.lock().unwrap().is_empty());
    assert!(client.finish(&flow, &good, now().plus(Duration::from_millis(599_999)), boot()).is_err());
    assert!(client.finish(&flow, &good, now(), boot()).is_ok());
}

#[test]
fn without_the_announcement_an_absent_issuer_is_fine_and_a_wrong_one_is_not() {
    let issuer = Issuer::new();
    issuer.describes(json!({"authorization_response_iss_parameter_supported": null}));
    let client = client(&issuer);
    let Begun { flow, .. } = begin(&client, None);
    issuer.gives(&id_token(&flow, json!({})));
    let with = |iss: Option<&str>| CallbackQuery { iss: iss.map(str::to_owned), ..answer_to(&flow) };
    assert!(client.finish(&flow, &with(None), now(), boot()).is_ok());
    let evil = client.finish(&flow, &with(Some("https://evil.example")), now(), boot());
    assert_eq!(evil, Err(OidcError::MixedUp));
}

#[test]
fn a_query_is_read_once_and_a_doubled_parameter_is_not_believed() {
    let read =
        CallbackQuery::parse("code=a%2Bb+c&state=s&iss=https%3A%2F%2Fx&session_state=z&error_description=%3Cb%3E");
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(read, Ok(CallbackQuery { code: text("a+b c"), state: text("s"), iss: text("https://x"), error: None }));
    for twice in ["code=a&code=b", "state=s&x=1&state=s", "iss=a&iss=b", "error=a&error=a"] {
        assert_eq!(CallbackQuery::parse(twice), Err(OidcError::State), "{twice}");
    }
    let shown = format!("{:?}", CallbackQuery::parse("code=sesame&state=open").unwrap());
    assert!(!shown.contains("sesame") && !shown.contains("open"), "{shown}");
}

#[test]
fn a_flow_survives_its_text_form_and_nothing_else_is_one() {
    let client = client(&Issuer::new());
    for max_age in [None, Some(Duration::ZERO), Some(Duration::from_secs(900))] {
        let Begun { flow, .. } = begin(&client, max_age);
        let text = flow.encode();
        assert_eq!(Flow::decode(&text).as_ref(), Some(&flow), "{text}");
        assert!(text.len() < 200 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)), "{text}");
        for bad in [
            String::new(),
            text.replacen('1', "2", 1),
            format!("{text}.x"),
            format!("{text}x"),
            text.replace(&flow.nonce, ""),
            text.replace(&flow.state, &flow.state.replacen(|_| true, ";", 1)),
            text.rsplit_once('.').unwrap().0.to_owned(),
        ] {
            assert_eq!(Flow::decode(&bad), None, "{bad}");
        }
        assert!(!format!("{flow:?}").contains(&flow.verifier));
    }
}

#[test]
fn a_secret_goes_where_the_issuer_takes_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("client.secret");
    std::fs::write(&path, format!("{SECRET}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let with_secret = OidcSettings { client_secret_file: Some(path.clone()), ..settings() };
    let methods = |names: Value| json!({"token_endpoint_auth_methods_supported": names});
    for (described, in_body) in [
        (json!({}), false),
        (methods(json!(["client_secret_post", "client_secret_basic"])), false),
        (methods(json!(["private_key_jwt", "client_secret_post"])), true),
    ] {
        let issuer = Issuer::new();
        issuer.describes(described);
        let client = client_with(with_secret.clone(), &issuer);
        let Begun { flow, .. } = begin(&client, None);
        issuer.gives(&id_token(&flow, json!({})));
        client.finish(&flow, &answer_to(&flow), now(), boot()).unwrap();
        let posted = issuer.posted();
        assert_eq!(posted.form.get("client_secret").map(String::as_str), in_body.then_some(SECRET));
        let encoded = posted.authorization.map(|header| STANDARD.decode(header.strip_prefix("Basic ").unwrap()));
        let expected = b"lockbox:s3cret%3Awith%2Fodd+signs".to_vec();
        assert_eq!(encoded, (!in_body).then_some(Ok(expected)));
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let open = OidcClient::new(with_secret.clone()).err().unwrap().to_string();
    assert!(open.contains("open to others (mode 0640)"), "{open}");
    std::fs::remove_file(&path).unwrap();
    assert!(OidcClient::new(with_secret).err().unwrap().to_string().contains("cannot be used"));
}

#[test]
fn an_exchange_that_fails_says_why_and_quotes_nothing() {
    let issuer = Issuer::new();
    let client = client(&issuer);
    let Begun { flow, .. } = begin(&client, None);
    for (status, body, part) in [
        (401, json!({"error": "invalid_client", "error_description": "c0de"}).to_string(), "check `client_id`"),
        (400, json!({"error": "invalid_grant", "error_description": "c0de"}).to_string(), "does not take the code"),
        (500, "c0de".to_owned(), "`https://login.example/token` answers 500"),
        (302, String::new(), "answers 302"),
        (200, "c0de".to_owned(), "there is none in the answer"),
        (200, json!({"id_token": ["c0de"]}).to_string(), "there is none in the answer"),
    ] {
        issuer.answers(status, &body);
        let why = client.finish(&flow, &answer_to(&flow), now(), boot()).unwrap_err().to_string();
        assert!(why.contains(part) && !why.contains("c0de"), "{why}");
    }
    *issuer.answer.lock().unwrap() = None;
    let why = client.finish(&flow, &answer_to(&flow), now(), boot()).unwrap_err().to_string();
    assert!(why.contains("could not be exchanged: `https://login.example/token`: down"), "{why}");
}
