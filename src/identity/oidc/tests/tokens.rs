//! ID tokens that must be refused, one by one, and what the good ones say.

use super::*;

#[track_caller]
fn refused_for(change: Value, max_age: Option<Duration>, part: &str) {
    let why = finished(|flow| id_token(flow, change.clone()), max_age).unwrap_err().to_string();
    assert!(why.contains(part), "{change}: {why}");
}

#[test]
fn every_claim_that_ties_it_to_this_sign_in_must_be_right() {
    for (change, part) in [
        (json!({"iss": "https://login.example/tenant"}), "another issuer"),
        (json!({"iss": null}), "another issuer"),
        (json!({"aud": "console"}), "another audience"),
        (json!({"aud": null}), "another audience"),
        (json!({"aud": ["lockbox", "console"]}), "`azp`"),
        (json!({"aud": ["lockbox", "console"], "azp": "console"}), "`azp`"),
        (json!({"azp": "console"}), "`azp`"),
        (json!({"azp": ["lockbox"]}), "`azp`"),
        (json!({"nonce": null}), "`nonce`"),
        (json!({"nonce": "other"}), "`nonce`"),
        (json!({"nonce": ""}), "`nonce`"),
        (json!({"exp": NOW_S - 30}), "expired"),
        (json!({"exp": null}), "no `exp`"),
        (json!({"iat": null}), "`iat` is missing"),
        (json!({"iat": NOW_S.to_string()}), "`iat` is missing or not a whole number"),
        (json!({"iat": NOW_S + 31}), "`iat` is in the future"),
        (json!({"iat": NOW_S - 31}), "older than this sign-in"),
        (json!({"auth_time": NOW_S + 31}), "`auth_time` is in the future"),
        (json!({"auth_time": "now"}), "`auth_time` is not a whole number"),
        (json!({"sub": null}), "names no person"),
        (json!({"sub": "Csilla@contoso.example"}), "names no person"),
        (json!({"tenant": "Contoso"}), "tenant is not a canonical name"),
    ] {
        refused_for(change, None, part);
    }
    for fine in [
        json!({"aud": ["lockbox", "console"], "azp": "lockbox"}),
        json!({"aud": ["lockbox"]}),
        json!({"iat": NOW_S - 30}),
        json!({"iat": NOW_S + 30}),
        json!({"exp": NOW_S - 29}),
    ] {
        assert!(finished(|flow| id_token(flow, fine.clone()), None).is_ok(), "{fine}");
    }
}

#[test]
fn only_pinned_signatures_of_published_keys_count() {
    let public = jwk(&rsa(), Algorithm::RS256, json!({}));
    let hmac = EncodingKey::from_secret(public["n"].as_str().unwrap().as_bytes());
    let header = |alg: &str| json!({"alg": alg, "kid": "rsa-1"});
    let unsigned = |flow: &Flow| {
        let part = |value: &Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.", part(&header("none")), part(&claims(flow, json!({}))))
    };
    let signed = |flow: &Flow, header: &Value, key: &EncodingKey, by| encode(header, &claims(flow, json!({})), key, by);
    type Make<'a> = Box<dyn Fn(&Flow) -> String + 'a>;
    let cases: [(Make<'_>, &str); 7] = [
        (Box::new(unsigned), "algorithm is not taken"),
        (Box::new(|f| signed(f, &header("HS256"), &hmac, Algorithm::HS256)), "algorithm is not taken"),
        (Box::new(|f| signed(f, &header("RS256"), &hmac, Algorithm::HS256)), "signature does not hold"),
        (Box::new(|f| signed(f, &header("RS512"), &rsa(), Algorithm::RS512)), "algorithm is not taken"),
        (Box::new(|f| signed(f, &json!({"alg": "ES256", "kid": "new"}), &ec(), Algorithm::ES256)), "does not publish"),
        (
            Box::new(|f| {
                signed(f, &json!({"alg": "RS256", "kid": "rsa-1", "typ": "at+jwt"}), &rsa(), Algorithm::RS256)
            }),
            "another kind of token",
        ),
        (Box::new(|f| id_token(f, json!({})).replace('.', "..")), "not known"),
    ];
    for (make, part) in cases {
        let why = finished(make, None).unwrap_err().to_string();
        assert!(why.contains("ID token is not accepted") && why.contains(part), "{why}");
    }
    assert!(
        finished(|f| signed(f, &json!({"alg": "ES256", "kid": "ec-1", "typ": "JWT"}), &ec(), Algorithm::ES256), None)
            .is_ok()
    );
}

#[test]
fn new_proof_that_was_demanded_must_be_stated_and_new() {
    let demand = |seconds| Some(Duration::from_secs(seconds));
    let with = |change: Value, max_age| finished(|flow| id_token(flow, change.clone()), max_age);
    assert_eq!(with(json!({"auth_time": null}), demand(0)), Err(OidcError::NotFresh));
    assert_eq!(with(json!({"auth_time": NOW_S - 31}), demand(0)), Err(OidcError::NotFresh));
    assert!(with(json!({"auth_time": NOW_S - 30}), demand(0)).is_ok());
    assert_eq!(with(json!({"auth_time": NOW_S - 331}), demand(300)), Err(OidcError::NotFresh));
    assert!(with(json!({"auth_time": NOW_S - 330}), demand(300)).is_ok());
    // Nothing was demanded: an old proof is told as it is, and an untold one is not made up.
    let old = with(json!({"auth_time": NOW_S - 86_400}), None).unwrap();
    assert_eq!(old.authenticated_at, Some(now().minus(Duration::from_secs(86_400))));
    assert_eq!(with(json!({"auth_time": null}), None).unwrap().authenticated_at, None);
}

#[test]
fn somebody_may_dawdle_after_he_proved_who_he_is() {
    let issuer = Issuer::new();
    let client = client(&issuer);
    let Begun { flow, .. } = begin(&client, Some(Duration::ZERO));
    let late = now().plus(Duration::from_secs(500));
    issuer.gives(&id_token(&flow, json!({"auth_time": NOW_S + 5, "iat": NOW_S + 490, "exp": NOW_S + 790})));
    let signed_in = client.finish(&flow, &answer_to(&flow), late, boot()).unwrap();
    assert_eq!(signed_in.authenticated_at, Some(now().plus(Duration::from_secs(5))));
}

#[test]
fn strength_is_acr_or_else_the_methods() {
    let strength =
        |change: Value| finished(|flow| id_token(flow, change.clone()), None).unwrap().person.authentication.strength;
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(strength(json!({})), text("phr"));
    assert_eq!(strength(json!({"acr": null})), text("pwd otp"));
    assert_eq!(strength(json!({"acr": 7})), text("pwd otp"));
    assert_eq!(strength(json!({"acr": null, "amr": null})), None);
    assert_eq!(strength(json!({"acr": null, "amr": []})), None);
    assert_eq!(strength(json!({"acr": null, "amr": ["pwd", 1]})), None);
    assert_eq!(strength(json!({"acr": "a\nb"})), None);
    assert_eq!(strength(json!({"acr": "x".repeat(257)})), None);
}

#[test]
fn roles_go_through_the_map() {
    let issuer = Issuer::new();
    let roles = BTreeMap::from([("Lockbox Approvers".to_owned(), Role::Approver)]);
    let tokens = JwtSettings { roles, roles_claim: "/realm/groups".into(), ..settings().tokens };
    let client = client_with(OidcSettings { tokens, ..settings() }, &issuer);
    let Begun { flow, .. } = begin(&client, None);
    issuer.gives(&id_token(&flow, json!({"realm": {"groups": ["Lockbox Approvers", "approver", "tenant_admin"]}})));
    let person = client.finish(&flow, &answer_to(&flow), now(), boot()).unwrap().person;
    assert_eq!(person.roles.iter().collect::<Vec<_>>(), [Role::Approver]);
}
