//! What an issuer may say of itself, when it is asked, and what happens while it is away.

use super::*;

#[track_caller]
fn unusable(description: Value, with_secret: bool, part: &str) {
    let why = Metadata::parse(description.to_string().as_bytes(), ISSUER, with_secret).unwrap_err();
    assert!(why.contains(part), "{why}");
}

#[test]
fn a_description_must_be_of_the_issuer_and_lead_nowhere_unprotected() {
    for (change, part) in [
        (json!({"issuer": "https://login.example/tenant"}), "to the letter"),
        (json!({"issuer": "https://LOGIN.example/tenant/"}), "to the letter"),
        (json!({"issuer": null}), "to the letter"),
        (json!({"authorization_endpoint": null}), "no `authorization_endpoint`"),
        (json!({"authorization_endpoint": "javascript:alert(1)"}), "neither https"),
        (json!({"token_endpoint": "http://login.example/token"}), "`token_endpoint` is neither https"),
        (json!({"token_endpoint": 7}), "no `token_endpoint`"),
        (json!({"jwks_uri": "file:///etc/keys"}), "`jwks_uri` is neither https"),
        (json!({"response_types_supported": ["id_token"]}), "response type `code`"),
        (json!({"code_challenge_methods_supported": ["plain"]}), "PKCE"),
        (json!({"code_challenge_methods_supported": "S256"}), "PKCE"),
    ] {
        unusable(description(change), false, part);
    }
    let unknown_way = json!({"token_endpoint_auth_methods_supported": ["private_key_jwt"]});
    unusable(description(unknown_way.clone()), true, "client's secret");
    assert!(Metadata::parse(description(unknown_way).to_string().as_bytes(), ISSUER, false).is_ok());
    assert!(Metadata::parse(b"[]", ISSUER, false).is_err() && Metadata::parse(b"{", ISSUER, false).is_err());
    // A place to sign out that cannot be used is only left out.
    let read = |change| Metadata::parse(description(change).to_string().as_bytes(), ISSUER, false).unwrap();
    assert_eq!(read(json!({"end_session_endpoint": "http://login.example/"})).end_session_endpoint, None);
    assert!(read(json!({"authorization_response_iss_parameter_supported": "yes"})).iss_in_answers);
}

#[test]
fn nobody_signs_in_before_the_issuer_was_heard_or_when_it_was_not_for_long() {
    let issuer = Issuer::new();
    let wire: Arc<dyn Wire> = Arc::<Issuer>::clone(&issuer);
    let client = OidcClient::over(settings(), wire).unwrap();
    let begin = |boot| client.begin(&SeededIds::new(1), None, now(), boot);
    assert_eq!(begin(boot()), Err(OidcError::NotReady));
    issuer.describes(json!({"issuer": "https://evil.example"}));
    assert!(matches!(client.tend(boot()), Some(Tended::KeysKept(why)) if why.contains("to the letter")));
    assert_eq!(begin(boot()), Err(OidcError::NotReady));
    assert!(issuer.asked.lock().unwrap().iter().all(|url| url.ends_with("openid-configuration")));

    issuer.describes(json!({}));
    let later = boot().plus(Duration::from_secs(30));
    assert_eq!(client.tend(later), Some(Tended::KeysLoaded(2)));
    assert_eq!(client.tend(later), None);
    *issuer.description.lock().unwrap() = Value::Null;
    let away = later.plus(Duration::from_secs(3599));
    assert!(matches!(client.tend(away), Some(Tended::KeysKept(why)) if why.contains("down")));
    let Begun { flow, .. } = begin(away).unwrap();
    let too_long = later.plus(Duration::from_secs(3600));
    assert_eq!(begin(too_long), Err(OidcError::NotReady));
    assert_eq!(client.finish(&flow, &answer_to(&flow), now(), too_long), Err(OidcError::NotReady));
}

#[test]
fn a_key_exchanged_a_moment_ago_is_fetched_during_the_sign_in_but_not_again_and_again() {
    let issuer = Issuer::new();
    let client = client(&issuer);
    let Begun { flow, .. } = begin(&client, None);
    let header = json!({"alg": "ES256", "kid": "ec-2"});
    issuer.gives(&encode(&header, &claims(&flow, json!({})), &ec(), Algorithm::ES256));
    let finish = |boot| client.finish(&flow, &answer_to(&flow), now(), boot);
    *issuer.keys.lock().unwrap() = vec![jwk(&ec(), Algorithm::ES256, json!({"kid": "ec-2"}))];
    let asked = || issuer.asked.lock().unwrap().len();
    let before = asked();
    // Too soon after the last time: whoever brings unknown keys cannot make us ask more often.
    assert!(finish(boot().plus(Duration::from_secs(29))).is_err());
    assert_eq!(asked(), before);
    assert!(finish(boot().plus(Duration::from_secs(30))).is_ok());
    assert_eq!(asked(), before + 2);
}

#[test]
fn signing_out_at_the_issuer_is_offered_where_it_is_possible() {
    let issuer = Issuer::new();
    let url = client(&issuer).end_session_url();
    assert_eq!(url.as_deref(), Some("https://login.example/logout?client_id=lockbox"));
    issuer.describes(json!({"end_session_endpoint": null}));
    assert_eq!(client(&issuer).end_session_url(), None);
}
