//! Signing in against a certified provider, the whole code flow over HTTP: who comes back, what a demand
//! for new proof does there, and what a wrong secret, a used code and a refusal look like here.

use crate::provider::{Browser, Led, Provider};
use core::time::Duration;
use lockbox::clock::{Clock as _, SystemClock, SystemIds};
use lockbox::config::Config;
use lockbox::domain::{Role, TenantId};
use lockbox::identity::Tended;
use lockbox::identity::oidc::{CallbackQuery, Flow, OidcClient, OidcError, OidcSettings, SignedIn};
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;

const BACK: &str = "http://127.0.0.1:18180/sign-in/callback";
const MORE: &str = "claims = { person = \"sub\", roles = \"roles\", tenant = \"tenant\" }\n";

/// A client of a provider, as the configuration makes it.
struct Site {
    provider: Provider,
    client: OidcClient,
    _dir: TempDir,
}

/// How a client proves itself.
enum Secret {
    Right,
    Wrong,
    None,
}

/// A site; `None` without node.
fn site(secret: Secret, more: &str) -> Option<Site> {
    let provider = Provider::start()?;
    let (client_suffix, secret) = match secret {
        Secret::Right => ("", Some(provider.client_secret.as_str())),
        Secret::Wrong => ("", Some("not-the-secret")),
        Secret::None => ("-public", None),
    };
    let dir = tempfile::tempdir().unwrap();
    let mut toml = format!(
        "[authority]\npublic_url = \"http://127.0.0.1:18180\"\n[identity.oidc]\nissuer = \"{}\"\n\
         client_id = \"{}{client_suffix}\"\nalgorithms = [\"ES256\"]\n{more}",
        provider.issuer, provider.client_id,
    );
    if let Some(secret) = secret {
        let path = dir.path().join("secret");
        std::fs::write(&path, secret).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        toml.push_str(&format!("client_secret_file = {path:?}\n"));
    }
    let path = dir.path().join("lockbox.toml");
    std::fs::write(&path, toml).unwrap();
    let config = Config::load(Some(&path), []).unwrap();
    let settings = OidcSettings::of(&config.identity.oidc.unwrap(), &config.authority.public_url.unwrap());
    let client = OidcClient::new(settings).unwrap();
    assert_eq!(client.tend(SystemClock.boot()), Some(Tended::KeysLoaded(1)));
    Some(Site { provider, client, _dir: dir })
}

/// A site that works.
fn good_site() -> Option<Site> {
    site(Secret::Right, MORE)
}

impl Site {
    fn begin(&self, max_age: Option<Duration>) -> (String, Flow) {
        let begun = self.client.begin(&SystemIds, max_age, SystemClock.wall(), SystemClock.boot()).unwrap();
        // As it is kept between leaving and coming back.
        (begun.url, Flow::decode(&begun.flow.encode()).unwrap())
    }

    fn finish(&self, flow: &Flow, url: &str) -> Result<SignedIn, OidcError> {
        let query = CallbackQuery::parse(url.split_once('?').unwrap().1)?;
        self.client.finish(flow, &query, SystemClock.wall(), SystemClock.boot())
    }

    /// Signs in as `person` on the page that `url` leads to; gives the address that leads back.
    fn through_the_page(&self, browser: &mut Browser, url: &str, person: &str) -> String {
        let Led::Page { url: page, status: 200 } = browser.open(url, BACK) else { panic!("no page to sign in") };
        assert!(page.starts_with(&format!("{}/interaction/", self.provider.issuer)), "{page}");
        match browser.submit(&page, &format!("login={person}"), BACK) {
            Led::Back(url) => url,
            Led::Page { url, status } => panic!("{url} answers {status}"),
        }
    }
}

#[test]
fn people_sign_in_with_their_roles_and_their_tenant() {
    let Some(site) = good_site() else { return };
    for (person, roles, tenant) in [
        ("csilla@contoso.example", vec![Role::Approver, Role::TenantAdmin], Some("contoso")),
        ("felix@fabrikam.example", vec![Role::Approver, Role::TenantAdmin], Some("fabrikam")),
        ("ana@provider.example", vec![Role::Engineer], None),
    ] {
        let (url, flow) = site.begin(None);
        let back = site.through_the_page(&mut Browser::default(), &url, person);
        let SignedIn { person: who, authenticated_at } = site.finish(&flow, &back).unwrap();
        assert_eq!(who.id.as_str(), person);
        assert_eq!(who.roles.iter().collect::<Vec<_>>(), roles);
        assert_eq!(who.tenant.as_ref().map(TenantId::as_str), tenant);
        assert_eq!(who.authentication.method, "oidc");
        assert_eq!(who.authentication.strength.as_deref(), Some("urn:lockbox:test:two-factors"));
        assert!(SystemClock.wall().since(authenticated_at.unwrap()) < Duration::from_secs(60));
        // The code was for one use, and the provider says so.
        assert_eq!(site.finish(&flow, &back), Err(OidcError::Code));
    }
}

#[test]
fn who_is_signed_in_there_passes_through_until_new_proof_is_demanded() {
    let Some(site) = good_site() else { return };
    let mut browser = Browser::default();
    let (url, flow) = site.begin(None);
    let back = site.through_the_page(&mut browser, &url, "dora@contoso.example");
    let first = site.finish(&flow, &back).unwrap();

    let (url, flow) = site.begin(None);
    let Led::Back(back) = browser.open(&url, BACK) else { panic!("asked again without need") };
    let second = site.finish(&flow, &back).unwrap();
    assert_eq!(second, first, "the same proof, told as it is");

    let (url, flow) = site.begin(Some(Duration::ZERO));
    let back = site.through_the_page(&mut browser, &url, "dora@contoso.example");
    let third = site.finish(&flow, &back).unwrap();
    assert_eq!(third.person, first.person);
    assert!(third.authenticated_at >= first.authenticated_at);

    // Whoever takes the demand out of the address is not asked, but gains nothing: his proof is told to be
    // as old as it is, and refused once it is older than clocks may differ.
    let (url, flow) = site.begin(Some(Duration::ZERO));
    let Led::Back(back) = browser.open(&url.replace("max_age=0", "").replace("prompt=login", ""), BACK) else {
        panic!("asked again without need");
    };
    let passed = site.finish(&flow, &back).unwrap();
    assert_eq!(passed.authenticated_at, third.authenticated_at, "no newer than it was");
}

#[test]
fn a_wrong_secret_is_told_as_such_and_a_public_client_needs_none() {
    let Some(wrong) = site(Secret::Wrong, MORE) else { return };
    let (url, flow) = wrong.begin(None);
    let back = wrong.through_the_page(&mut Browser::default(), &url, "csilla@contoso.example");
    assert_eq!(wrong.finish(&flow, &back), Err(OidcError::Client));

    let public = site(Secret::None, MORE).unwrap();
    let (url, flow) = public.begin(None);
    let back = public.through_the_page(&mut Browser::default(), &url, "csilla@contoso.example");
    assert_eq!(public.finish(&flow, &back).unwrap().person.id.as_str(), "csilla@contoso.example");
}

#[test]
fn an_answer_is_for_the_browser_that_asked_and_a_refusal_is_told() {
    let Some(site) = good_site() else { return };
    let (url, mine) = site.begin(None);
    let (_, other) = site.begin(None);
    let back = site.through_the_page(&mut Browser::default(), &url, "csilla@contoso.example");
    assert_eq!(site.finish(&other, &back), Err(OidcError::State));
    let elsewhere = back.replace("iss=http%3A%2F%2F127.0.0.1", "iss=http%3A%2F%2F127.0.0.2");
    assert_ne!(elsewhere, back, "this provider names itself (RFC 9207): {back}");
    assert_eq!(site.finish(&mine, &elsewhere), Err(OidcError::MixedUp));
    assert!(site.finish(&mine, &back).is_ok(), "and what was refused did not use up the code");

    let (url, flow) = site.begin(None);
    let mut browser = Browser::default();
    let Led::Page { url: page, .. } = browser.open(&url, BACK) else { panic!("no page to sign in") };
    let Led::Back(back) = browser.submit(&page, "cancel=1", BACK) else { panic!("not sent back") };
    assert_eq!(site.finish(&flow, &back), Err(OidcError::Declined("access_denied".into())));
}

#[test]
fn the_issuers_own_names_of_roles_are_mapped() {
    let map = "claims = { person = \"sub\", roles = \"groups\", tenant = \"tenant\", \
               role_names = { lockbox-approver = \"approver\" } }\n";
    let Some(site) = site(Secret::Right, map) else { return };
    let (url, flow) = site.begin(None);
    let back = site.through_the_page(&mut Browser::default(), &url, "csilla@contoso.example");
    let person = site.finish(&flow, &back).unwrap().person;
    assert_eq!(person.roles.iter().collect::<Vec<_>>(), [Role::Approver]);
    let out = site.client.end_session_url().unwrap();
    assert!(out.starts_with(&format!("{}/session/end?client_id=", site.provider.issuer)), "{out}");
}
