//! What the configuration accepts, refuses and says; every refusal is checked by its text.

mod notices;

use super::*;
use std::path::Path;

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn load(text: &str, pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lockbox.toml");
    std::fs::write(&path, text).unwrap();
    Config::load(Some(&path), env(pairs))
}

#[track_caller]
fn refused(text: &str, pairs: &[(&str, &str)], parts: &[&str]) {
    let error = load(text, pairs).unwrap_err().to_string();
    for part in parts {
        assert!(error.contains(part), "`{part}` is not in:\n{error}");
    }
}

#[test]
fn nothing_at_all_is_a_configuration_that_opens_nothing() {
    let config = Config::load(None, env(&[])).unwrap();
    assert_eq!(config, Config::default());
    for listen in [config.authority.listen, config.sidecar.listen, config.ext_authz.listen, config.operations.listen] {
        assert!(listen.ip().is_loopback(), "{listen}");
    }
    assert_eq!(config.sidecar.callers, Callers::Tokens);
    assert_eq!(config.log.durability, Durability::Disk);
    assert!(config.identity.tokens_file.is_none() && config.identity.jwt.is_empty());
    assert!(config.explain().warnings.iter().any(|warning| warning.contains("nobody can sign in")));
}

#[test]
fn turning_tokens_off_for_the_page_needs_another_way_in() {
    refused("[console]\ntoken_sign_in = false\n", &[], &["console.token_sign_in", "nobody could sign in"]);
    let issuer = "[authority]\npublic_url = \"https://lockbox.example\"\n[identity.oidc]\n\
                  issuer = \"https://login.example\"\nclient_id = \"lockbox\"\nalgorithms = [\"ES256\"]\n";
    assert!(load(issuer, &[]).unwrap().console.token_sign_in, "the default");
    assert!(!load(issuer, &[("LOCKBOX_CONSOLE__TOKEN_SIGN_IN", "false")]).unwrap().console.token_sign_in);
}

#[test]
fn the_environment_is_above_the_file_and_the_file_above_the_defaults() {
    let text = "[lease]\nhold_ms = 300\nlease_ms = 2000\n[sidecar.authzen]\ninclude_context = \"on_deny\"\n";
    let pairs = [
        ("LOCKBOX_LEASE__HOLD_MS", "400"),
        ("LOCKBOX_SIDECAR__LISTEN", "127.0.0.1:0"),
        ("LOCKBOX_SIDECAR__AUTHZEN__SUBJECT_TYPES", "[\"engineer\", \"user\"]"),
        ("LOCKBOX_SIDECAR__AUTHZEN__RESOURCE_PREFIX", "{record = \"cert/records\"}"),
        ("LOCKBOX_AUTHORITY__DATABASE", "sqlite:var/state.db"),
        ("LOCKBOX_TOKEN", "not a setting"),
        ("LOCKBOX_AUTHORITY_URL", "not a setting"),
        ("OTHER__THING", "not ours"),
    ];
    let config = load(text, &pairs).unwrap();
    assert_eq!((config.lease.hold_ms, config.lease.lease_ms, config.cache.ttl_ms_max), (400, 2000, 1000));
    assert_eq!(config.sidecar.listen.port(), 0);
    assert_eq!(config.sidecar.authzen.include_context, IncludeContext::OnDeny);
    assert_eq!(config.sidecar.authzen.subject_types, ["engineer", "user"]);
    assert_eq!(config.sidecar.authzen.resource_prefix.get("record").unwrap(), "cert/records");
    assert_eq!(config.authority.database, Database::Sqlite("var/state.db".into()));
    assert_eq!(config.origins.of("lease.hold_ms"), "LOCKBOX_LEASE__HOLD_MS");
    assert!(config.origins.of("lease.lease_ms").ends_with("lockbox.toml"), "{}", config.origins.of("lease.lease_ms"));
    assert_eq!(config.origins.of("cache.ttl_ms_max"), "default");
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known_one() {
    refused("[lease]\nhold_msec = 3\n", &[], &["lockbox.toml", "`lease.hold_msec`", "did you mean `hold_ms`?"]);
    refused("[sidecars]\n", &[], &["`sidecars`", "did you mean `sidecar`?"]);
    refused("zzz = 1\n", &[], &["`zzz`", "here are: `authority`"]);
    refused("", &[("LOCKBOX_LEASE__HOLDMS", "3")], &["LOCKBOX_LEASE__HOLDMS", "`lease.holdms`", "`hold_ms`"]);
    refused("[sidecar.authzen]\nprefix = 1\n", &[], &["`sidecar.authzen.prefix`"]);
}

#[test]
fn values_out_of_bounds_are_refused_with_what_is_allowed_and_all_at_once() {
    refused(
        "[lease]\nlease_ms = 100\n[cache]\nttl_ms_max = 5000\n",
        &[("LOCKBOX_LIMITS__CONNECTIONS_MAX", "0")],
        &[
            "`lease.lease_ms` is 100: allowed is 200 to 60000",
            "`cache.ttl_ms_max` is 5000: allowed is 1 to 1000",
            "LOCKBOX_LIMITS__CONNECTIONS_MAX: `limits.connections_max` is 0: allowed is 1 to 1000000",
        ],
    );
    refused("[authority]\ngrant_longest = \"P2D\"\n", &[], &["`authority.grant_longest` is PT48H", "PT1S to PT24H"]);
    refused("[authority]\nrespond_within = \"12h\"\n", &[], &["authority.respond_within", "`12h` is not an ISO 8601"]);
    refused("[lease]\nhold_ms = \"x\"\n", &[], &["`lease.hold_ms` is string \"x\""]);
    refused("[lease]\ndrift_rate_max = nan\n", &[], &["lease.drift_rate_max"]);
    let tenants = |count: usize| format!("[sidecar]\ntenants = {:?}\n", vec!["contoso"; count]);
    refused(&tenants(10_001), &[], &["`sidecar.tenants` names 10001: allowed is up to 10000"]);
    load(&tenants(10_000), &[]).unwrap();
    refused("[telemetry]\nfilter = \"lockbox=loud\"\n", &[], &["telemetry.filter"]);
}

#[test]
fn two_holds_fit_into_a_lease_on_the_worst_clock() {
    refused("[lease]\nhold_ms = 1350\n", &[], &["`lease.hold_ms` is 1350", "less than 1350"]);
    load("[lease]\nhold_ms = 1349\n", &[]).unwrap();
    refused("[lease]\nhold_ms = 1349\ndrift_rate_max = 0.2\n", &[], &["`lease.hold_ms` is 1349"]);
}

#[test]
fn what_others_can_reach_needs_words() {
    refused("[authority]\nlisten = \"0.0.0.0:8180\"\n", &[], &["0.0.0.0:8180", "no TLS", "tls-is-terminated-in-front"]);
    let said = "[authority]\nlisten = \"[::]:8180\"\nbeyond_loopback = \"tls-is-terminated-in-front\"\n";
    let config = load(said, &[]).unwrap();
    assert!(config.explain().warnings.iter().any(|warning| warning.contains("`authority.listen` is [::]:8180")));
    refused("[sidecar]\ncallers = \"open\"\n", &[], &["`sidecar.callers` is `open`", "`tokens`, `trust-loopback`"]);
    refused(
        "[sidecar]\ncallers = \"trust-loopback\"\nlisten = \"10.0.0.1:1\"\nbeyond_loopback = \"tls-is-terminated-in-front\"\n",
        &[],
        &["`sidecar.callers` is `trust-loopback`"],
    );
    let trust = ("LOCKBOX_SIDECAR__CALLERS", "trust-loopback");
    refused("", &[trust], &["`sidecar.callers` is `trust-loopback`, which needs `sidecar.loopback_workload`"]);
    refused("[sidecar]\nloopback_workload = \"exchange\"\n", &[], &["`sidecar.loopback_workload` has a meaning only"]);
    let trusting = load("", &[trust, ("LOCKBOX_SIDECAR__LOOPBACK_WORKLOAD", "exchange")]).unwrap();
    assert!(trusting.explain().to_string().contains("warning: `sidecar.callers`"));
}

#[test]
fn two_listeners_never_share_an_address_but_may_both_take_a_free_port() {
    refused(
        "",
        &[("LOCKBOX_SIDECAR__LISTEN", "127.0.0.1:9180")],
        &["`operations.listen` is 127.0.0.1:9180", "`sidecar.listen`"],
    );
    load("", &[("LOCKBOX_SIDECAR__LISTEN", "127.0.0.1:0"), ("LOCKBOX_OPERATIONS__LISTEN", "127.0.0.1:0")]).unwrap();
    refused("[sidecar]\nlisten = \"localhost\"\n", &[], &["sidecar.listen"]);
}

#[test]
fn secrets_have_no_place_in_it() {
    refused("[sidecar]\nauthority_url = \"https://me:secret@a.example\"\n", &[], &["no user name or password"]);
    let error = load("[sidecar]\nauthority_url = \"https://me:hunter2@a.example\"\n", &[]).unwrap_err().to_string();
    assert!(!error.contains("hunter2"), "{error}");
    refused(
        "[sidecar]\nauthority_url = \"http://a.example\"\nauthority_token_file = \"t\"\n",
        &[],
        &["would carry the token unprotected"],
    );
    refused("[sidecar]\nauthority_url = \"https://a.example\"\n", &[], &["authority_token_file"]);
    refused("[authority]\ndatabase = \"postgres://u:p@h/d\"\n", &[], &["database_password_file"]);
    refused("[authority]\ndatabase = \"mysql://u@h/d\"\n", &[], &["neither an SQLite file"]);
    refused("[authority]\ndatabase = \"sqlite::memory:\"\n", &[], &["must outlive the process"]);
}

#[test]
fn issuers_are_pinned() {
    let head = "[[identity.jwt]]\nissuer = \"https://i.example\"\naudience = \"lockbox\"\n";
    load(&format!("{head}algorithms = [\"ES256\"]\njwks_file = \"keys.json\"\n"), &[]).unwrap();
    refused(&format!("{head}algorithms = [\"HS256\"]\njwks_file = \"k\"\n"), &[], &["`HS256`", "`RS256`"]);
    refused(&format!("{head}algorithms = []\njwks_file = \"k\"\n"), &[], &["names no algorithm"]);
    refused(&format!("{head}algorithms = [\"ES256\"]\n"), &[], &["either `jwks_file` or `jwks_url`"]);
    refused(&format!("{head}algorithms = [\"ES256\"]\njwks_url = \"http://i.example/k\"\n"), &[], &["unprotected"]);
    load(&format!("{head}algorithms = [\"ES256\"]\njwks_url = \"http://[::1]:99/k\"\n"), &[]).unwrap();
    refused("[[identity.jwt]]\nissuer = \"a\"\n", &[], &["lacks `audience`"]);
    let good = format!("{head}algorithms = [\"ES256\"]\njwks_file = \"k\"\n");
    refused(&format!("{good}leeway_s = 61\n"), &[], &["`identity.jwt.0.leeway_s` is 61: allowed is 0 to 60"]);
    refused(&format!("{good}keep_s = 299\n"), &[], &["allowed is 300 to 604800"]);
    refused(
        &format!("{good}claims = {{ role_names = {{ admin = \"root\" }} }}\n"),
        &[],
        &["role_names.admin", "`root`"],
    );
    refused(&format!("{good}{good}"), &[], &["has 2 issuers"]);
}

#[test]
fn a_place_to_sign_in_is_pinned_and_protected() {
    let url = "[authority]\npublic_url = \"https://lockbox.example\"\n";
    let oidc = |issuer: &str, more: &str| {
        format!("[identity.oidc]\nissuer = \"{issuer}\"\nclient_id = \"c\"\nalgorithms = [\"ES256\"]\n{more}")
    };
    let good = oidc("https://login.example/tenant/", "");
    let read = load(&format!("{url}{good}"), &[]).unwrap();
    let Oidc { scopes, leeway_s, keep_s, .. } = read.identity.oidc.clone().unwrap();
    assert_eq!((scopes, leeway_s, keep_s), (vec!["openid".to_owned()], 30, 3600));
    assert!(!read.explain().warnings.iter().any(|warning| warning.contains("nobody can sign in")));
    assert!(load(&format!("{url}{}", oidc("http://127.0.0.1:4000", "")), &[]).is_ok());
    refused(&good, &[], &["`identity.oidc` needs `authority.public_url`"]);
    refused(&good, &[("LOCKBOX_AUTHORITY__PUBLIC_URL", "http://lockbox.example")], &["with https"]);
    for issuer in ["", "login.example", "http://login.example", "https://login.example/?a", "https://a b"] {
        refused(&format!("{url}{}", oidc(issuer, "")), &[], &["`identity.oidc.issuer` is", "https address"]);
    }
    for (more, part) in [
        ("leeway_s = 61\n", "`identity.oidc.leeway_s` is 61: allowed is 0 to 60"),
        ("refresh_s = 29\n", "`identity.oidc.refresh_s` is 29"),
        ("keep_s = 299\n", "`identity.oidc.keep_s` is 299: allowed is 300 to 604800"),
        ("scopes = [\"openid email\"]\n", "`identity.oidc.scopes` must list scopes one by one"),
        ("claims = { roles = \"\" }\n", "`identity.oidc.claims.roles` must not be empty"),
        ("claims = { role_names = { a = \"boss\" } }\n", "role_names.a` is `boss`"),
        ("client_secret = \"x\"\n", "did you mean `client_secret_file`?"),
    ] {
        refused(&format!("{url}{}", oidc("https://login.example", more)), &[], &[part]);
    }
    let none = good.replace("\"ES256\"", "");
    refused(&format!("{url}{none}"), &[], &["names no algorithm"]);
    refused(&format!("{url}{}", good.replace("ES256", "HS256")), &[], &["HS256"]);
}

#[test]
fn peers_of_the_socket_are_bound_to_a_workload() {
    let config = load("[identity.unix_peers]\n1001 = { name = \"front\", workload = \"exchange\" }\n", &[]).unwrap();
    let (uid, peer) = config.identity.unix_peers.first_key_value().unwrap();
    assert_eq!((uid.get(), peer.workload.as_str()), (1001, "exchange"));
    refused("[identity.unix_peers]\n007 = { name = \"front\", workload = \"exchange\" }\n", &[], &["`007`"]);
    refused("[identity.unix_peers]\n7 = { name = \"front\", workload = \"Exchange\" }\n", &[], &["`Exchange`"]);
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_that_shows_where() {
    let error = Config::load(Some(Path::new("/nowhere/lockbox.toml")), env(&[])).unwrap_err();
    assert!(matches!(&error, ConfigError::Unreadable { .. }), "{error}");
    refused("[lease\nhold_ms = 3", &[], &["is not TOML", "line 1"]);
}

#[test]
fn what_is_shown_loads_again_as_the_same() {
    let text = "[sidecar]\nworkloads = [\"exchange\"]\nunix_socket = \"s\"\n[sidecar.authzen.resource_prefix]\nrecord = \"cert/records\"\n\
                [[identity.jwt]]\nissuer = \"i\"\naudience = \"a\"\nalgorithms = [\"EdDSA\"]\njwks_file = \"k\"\n\
                [identity.unix_peers]\n7 = { name = \"front\", workload = \"exchange\" }\n";
    for text in ["", text] {
        let mut config = load(text, &[]).unwrap();
        let mut again = load(&config.to_toml().unwrap(), &[]).unwrap();
        config.origins = Origins::default();
        again.origins = Origins::default();
        assert_eq!(config, again);
    }
}

#[test]
fn the_explanation_names_every_setting_once_with_its_origin() {
    let explanation = load("[lease]\nhold_ms = 300\n", &[("LOCKBOX_LOG__DURABILITY", "process")]).unwrap().explain();
    let find = |key: &str| explanation.settings.iter().find(|setting| setting.key == key).unwrap();
    assert!(find("lease.hold_ms").origin.ends_with("lockbox.toml"));
    assert_eq!(find("log.durability").origin, "LOCKBOX_LOG__DURABILITY");
    assert_eq!(find("lease.lease_ms").origin, "default");
    assert!(explanation.warnings.iter().any(|warning| warning.contains("power cut")));
    assert!(explanation.settings.is_sorted_by(|a, b| a.key < b.key));
}

#[test]
fn the_schema_that_is_checked_in_is_the_one_the_code_makes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/config.schema.json");
    if std::env::var_os("LOCKBOX_REGENERATE").is_some() {
        std::fs::write(&path, Config::schema()).unwrap();
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == Config::schema(),
        "schemas/config.schema.json is stale: run the tests once with LOCKBOX_REGENERATE=1"
    );
    assert!(checked_in.contains("\"additionalProperties\": false"));
}

#[test]
fn a_bundle_needs_a_key_and_a_key_needs_a_bundle() {
    let good =
        "[policies]\nbundle = \"p.tar.gz\"\ntrusted_keys = [\"a.pub\"]\nrequire_evidence = [\"tests\", \"proof\"]\n";
    let policies = load(good, &[]).unwrap().policies;
    assert_eq!(policies.require_evidence, [EvidenceKind::Tests, EvidenceKind::Proof]);
    refused("[policies]\nbundle = \"p.tar.gz\"\n", &[], &["`policies.bundle` needs `policies.trusted_keys`"]);
    for key in ["trusted_keys = [\"a.pub\"]", "require_evidence = [\"tests\"]", "keep_dir = \"var\""] {
        refused(&format!("[policies]\n{key}\n"), &[], &["needs `policies.bundle`"]);
    }
    refused("[policies]\nrequire_evidence = [\"profs\"]\n", &[], &["did you mean `proof`"]);
    let beside = load(&format!("{good}dir = \"policies\"\n"), &[]).unwrap();
    assert!(beside.explain().warnings.iter().any(|warning| warning.contains("no meaning beside")));
    assert!(load(good, &[]).unwrap().explain().warnings.iter().all(|warning| !warning.contains("no meaning beside")));

    let fetched = "[policies]\nbundle_url = \"https://a.example/v1/policies/bundle\"\ntrusted_keys = [\"a.pub\"]\n";
    refused(fetched, &[], &["needs `policies.keep_dir` and `policies.bundle_token_file`"]);
    let fetched = format!("{fetched}keep_dir = \"var\"\nbundle_token_file = \"t\"\n");
    assert!(load(&fetched, &[]).unwrap().policies.bundle_url.is_some());
    refused(&fetched.replace("https", "http"), &[], &["would carry the token unprotected"]);
    refused(&format!("{fetched}bundle = \"p.tar.gz\"\n"), &[], &["exclude each other"]);
    refused("[policies]\nbundle_token_file = \"t\"\n", &[], &["needs `policies.bundle_url`"]);
}

#[test]
fn a_database_server_is_reached_as_its_address_demands() {
    let one = load("[authority]\ndatabase = \"postgres://lockbox@localhost/lockbox\"\n", &[]).unwrap();
    assert_eq!(one.authority.standby(), DatabaseStandby::None);
    assert!(one.explain().warnings.iter().any(|warning| warning.contains("can be lost")));
    let many = "[authority]\ndatabase = \"postgres://lockbox@db1,db2/lockbox\"\n";
    let two = load(many, &[]).unwrap();
    assert_eq!(two.authority.standby(), DatabaseStandby::Synchronous);
    assert!(two.explain().warnings.iter().all(|warning| !warning.contains("can be lost")));
    let accepted = load(&format!("{many}database_standby = \"none\"\n"), &[]).unwrap();
    assert_eq!(accepted.authority.standby(), DatabaseStandby::None);
    refused(&format!("{many}database_connections_max = 1\n"), &[], &["is 1: allowed is 2 to 200"]);
    refused(&format!("{many}database_statement_ms_max = 99\n"), &[], &["is 99: allowed is 100 to 60000"]);
    refused(&format!("{many}database_client_key_file = \"k\"\n"), &[], &["go together"]);
    refused(&format!("{many}database_pasword_file = \"p\"\n"), &[], &["did you mean `database_password_file`"]);
    refused("[authority]\ndatabase_ca_file = \"ca.pem\"\n", &[], &["only with a `postgres://` address"]);
}
