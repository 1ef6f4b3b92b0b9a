//! From the configuration's words to each part's own settings, field by field.

use super::{Addresses, Listening, StartError};
use crate::clock::{Clock, Ids};
use crate::config::{self, Config};
use crate::console::SessionBounds;
use crate::decision_log::{self, LogClock};
use crate::domain::{CallerName, NameError, Role, WorkloadName};
use crate::evaluate_access::CacheSettings;
use crate::http::authzen::{AuthzenSettings, IncludeContext};
use crate::http::body::BodyBounds;
use crate::http::serve::Bounds;
use crate::identity::jwt::{JwtSettings, Jwts};
use crate::identity::keys::{KeyFile, KeySource, KeyUrl, algorithm};
use crate::identity::oidc::{OidcClient, OidcSettings};
use crate::identity::tokens::TokenFile;
use crate::identity::{CertificateRule, Identity, NamedCaller, Proofs};
use crate::notify::{Backoff, Mailer, WebhookSender};
use crate::policy::bundle::Require;
use crate::policy::{Origin, SignedBundle};
use crate::renewal::PolicyFetch;
use crate::state::LeaseSettings;
use crate::tls::{ServerFiles, ServerTls};
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The log's view of time.
pub(super) struct LogTime(pub(super) Arc<dyn Clock>);

impl LogClock for LogTime {
    fn wall_ms(&self) -> u64 {
        u64::try_from(self.0.wall().as_ms()).unwrap_or(0)
    }

    fn boot_ms(&self) -> u64 {
        self.0.boot().as_ns() / 1_000_000
    }
}

pub(super) fn lease(config: &Config) -> LeaseSettings {
    let config::Lease { lease_ms, hold_ms, drift_rate_max } = config.lease;
    // Bounds are checked at load: 0 ≤ ρ < 1, so the product is a small positive number.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 <= drift_rate_max < 1 is checked with the configuration"
    )]
    let drift_ppm_max = (drift_rate_max * 1_000_000.0).ceil() as u32;
    LeaseSettings { lease: Duration::from_millis(lease_ms), hold: Duration::from_millis(hold_ms), drift_ppm_max }
}

pub(super) fn log(config: &Config) -> decision_log::Settings {
    let config::Log { dir: _, durability: _, segment_bytes_max, in_flight_max, stall_ms_max } = config.log;
    let in_flight_max = usize::try_from(in_flight_max).unwrap_or(usize::MAX);
    decision_log::Settings { segment_bytes_max, in_flight_max, stall_ms_max, ..decision_log::Settings::default() }
}

pub(super) fn durability(config: &Config) -> decision_log::Durability {
    match config.log.durability {
        config::Durability::Disk => decision_log::Durability::Disk,
        config::Durability::Process => decision_log::Durability::Process,
    }
}

pub(super) fn cache(config: &Config) -> Option<CacheSettings> {
    let config::Cache { enabled, entries_max, ttl_ms_max } = config.cache;
    enabled.then(|| CacheSettings { entries_max, ttl: Duration::from_millis(ttl_ms_max) })
}

pub(super) fn bounds(config: &Config) -> Bounds {
    let config::Limits { connections_max, header_timeout_ms, shutdown_ms_max, .. } = config.limits;
    Bounds {
        connections_max,
        head_deadline: Duration::from_millis(header_timeout_ms),
        stop_deadline: Duration::from_millis(shutdown_ms_max),
        ..Bounds::default()
    }
}

pub(super) fn body(config: &Config, bytes_max: u64) -> BodyBounds {
    BodyBounds {
        bytes_max: usize::try_from(bytes_max).unwrap_or(usize::MAX),
        deadline: Duration::from_millis(config.limits.body_timeout_ms),
    }
}

pub(super) fn authzen(config: &Config, addresses: &Addresses) -> AuthzenSettings {
    let config::Sidecar { public_url, authzen, batch_max, .. } = &config.sidecar;
    let config::Authzen { include_context, subject_types, resource_prefix } = authzen.clone();
    let public_url = public_url.as_ref().map(|url| url.as_str().to_owned());
    AuthzenSettings {
        include_context: match include_context {
            config::IncludeContext::Always => IncludeContext::Always,
            config::IncludeContext::OnDeny => IncludeContext::OnDeny,
            config::IncludeContext::Never => IncludeContext::Never,
        },
        subject_types,
        resource_prefix,
        batch_max: usize::try_from(*batch_max).unwrap_or(usize::MAX),
        public_url: public_url.unwrap_or_else(|| format!("http://{}", addresses.sidecar)),
    }
}

pub(super) fn identity(config: &Config, clock: &Arc<dyn Clock>) -> Result<Identity, StartError> {
    let config::Identity { tokens_file, jwt, oidc: _, unix_peers, certificates } = &config.identity;
    let tokens = tokens_file.as_ref().map(TokenFile::open).transpose();
    let tokens = tokens.map_err(|error| StartError::Identity(error.to_string()))?;
    // The configuration is refused when it names more than one issuer.
    let jwt = jwt.first().map(issuer).transpose()?;
    let mut peers = BTreeMap::new();
    for (uid, config::UnixPeer { name, workload }) in unix_peers {
        let named = NamedCaller { name: CallerName::parse(name)?, workload: WorkloadName::parse(workload)? };
        peers.insert(uid.get(), named);
    }
    let trust_loopback = match (config.sidecar.callers, &config.sidecar.loopback_workload) {
        (config::Callers::TrustLoopback, Some(workload)) => Some(WorkloadName::parse(workload)?),
        // Trust without a workload is refused with the configuration.
        (config::Callers::TrustLoopback, None) | (config::Callers::Tokens, _) => None,
    };
    let certificates = certificates.iter().map(certificate).collect::<Result<_, NameError>>()?;
    let proofs = Proofs { tokens, jwt, peers, certificates, trust_loopback };
    Ok(Identity::new(proofs, Arc::clone(clock))?)
}

/// The client of the issuer that people sign in at; without an address of its own none, for which the
/// configuration is refused.
pub(super) fn oidc(config: &Config) -> Result<Option<Arc<OidcClient>>, StartError> {
    let (Some(oidc), Some(public_url)) = (&config.identity.oidc, &config.authority.public_url) else {
        return Ok(None);
    };
    let client = OidcClient::new(OidcSettings::of(oidc, public_url));
    let client = client.map_err(|error| StartError::Identity(format!("`identity.oidc`: {error}")))?;
    Ok(Some(Arc::new(client)))
}

fn certificate(rule: &config::CertificateRule) -> Result<CertificateRule, NameError> {
    let config::CertificateRule { name, id, workload } = rule;
    let workload = workload.as_ref().map(|workload| WorkloadName::parse(workload)).transpose()?;
    Ok(CertificateRule { name: name.clone(), id: id.clone(), workload })
}

fn issuer(jwt: &config::Jwt) -> Result<Jwts, StartError> {
    let config::Jwt {
        issuer,
        audience,
        algorithms,
        jwks_file,
        jwks_url,
        leeway_s,
        refresh_s,
        refresh_s_min,
        keep_s,
        claims,
    } = jwt;
    let wrong = |why: String| StartError::Identity(format!("issuer `{issuer}`: {why}"));
    let source: Box<dyn KeySource> = match (jwks_file, jwks_url) {
        (Some(path), _) => Box::new(KeyFile(path.clone())),
        (None, Some(url)) => Box::new(KeyUrl::new(url.as_str()).map_err(|error| wrong(error.to_string()))?),
        (None, None) => return Err(wrong("give `jwks_file` or `jwks_url`".to_owned())),
    };
    let settings = JwtSettings {
        algorithms: algorithms.iter().filter_map(|name| algorithm(&format!("{name:?}"))).collect(),
        person_claim: claims.person.clone(),
        roles_claim: claims.roles.clone(),
        tenant_claim: claims.tenant.clone(),
        roles: role_names(&claims.role_names),
        leeway_s: *leeway_s,
        refresh: Duration::from_secs(*refresh_s),
        refresh_min: Duration::from_secs(*refresh_s_min),
        keep: Duration::from_secs(*keep_s),
        ..JwtSettings::of(issuer, audience)
    };
    Jwts::new(settings, source).map_err(|error| wrong(error.to_string()))
}

/// What a fetched bundle is called in the folder that it is kept in.
const KEPT: &str = "policies.tar.gz";

/// Where the policies are from, and who fetches them if somebody does. Their own folder is made if it is
/// not there.
pub(super) fn policies(config: &Config) -> Result<(Origin, Option<PolicyFetch>), StartError> {
    let config::Policies {
        dir,
        schema,
        bundle,
        bundle_url,
        bundle_token_file,
        trusted_keys,
        require_evidence,
        keep_dir,
        shadow: _,
        poll_ms: _,
        grace_s: _,
    } = &config.policies;
    // Address and folder are there together, or the configuration is refused.
    let fetched = bundle_url.as_ref().zip(keep_dir.as_ref());
    let path = match (bundle, fetched) {
        (Some(path), _) => path.clone(),
        (None, Some((_, kept))) => kept.join(KEPT),
        (None, None) => return Ok((Origin::Directory { dir: dir.clone(), schema: schema.clone() }, None)),
    };
    if let Some(dir) = keep_dir {
        std::fs::create_dir_all(dir)
            .map_err(|error| StartError::System(format!("cannot make the folder `{}`: {error}", dir.display())))?;
    }
    let asks = |kind| require_evidence.contains(&kind);
    let bundle = SignedBundle {
        path,
        trusted_keys: trusted_keys.clone(),
        require: Require { tests: asks(config::EvidenceKind::Tests), proof: asks(config::EvidenceKind::Proof) },
        keep_dir: keep_dir.clone(),
    };
    let files = super::sidecar::authority_files(config);
    let fetch = fetched
        .map(|(url, _)| PolicyFetch::new(url.as_str().to_owned(), bundle_token_file.clone(), bundle.clone(), &files));
    Ok((Origin::Bundle(bundle), fetch.transpose()?))
}

/// The issuer's role names to ours; what names no role of ours was refused with the configuration.
fn role_names(names: &BTreeMap<String, String>) -> BTreeMap<String, Role> {
    names.iter().filter_map(|(theirs, ours)| Some((theirs.clone(), Role::parse(ours)?))).collect()
}

/// How long sessions of the page last.
pub(super) fn sessions(config: &Config) -> SessionBounds {
    let config::Console { session_idle_s, session_s_max, proof_s_max, token_sign_in: _ } = config.console;
    let [idle, longest, proof] = [session_idle_s, session_s_max, proof_s_max].map(Duration::from_secs);
    SessionBounds { idle, longest, proof }
}

/// A listener's TLS, kept current; `None` where none is configured.
pub(super) fn tls(
    name: &'static str,
    tls: Option<&config::Tls>,
    on: &mut Listening,
) -> Result<Option<Arc<ServerTls>>, StartError> {
    let Some(config::Tls { certificate_file, key_file, client_ca_file }) = tls else { return Ok(None) };
    let files =
        ServerFiles { certificate: certificate_file.clone(), key: key_file.clone(), client_ca: client_ca_file.clone() };
    let tls = Arc::new(ServerTls::open(files)?);
    on.background.keep_tls(name, Arc::clone(&tls));
    Ok(Some(tls))
}

/// The address this authority has among others, for people.
pub(super) fn own_address(config: &Config) -> String {
    let configured = config.authority.public_url.as_ref().map(|url| url.as_str().to_owned());
    configured.unwrap_or_else(|| config.authority.listen.to_string())
}

/// The address that people use; made from where the authority listens if none is configured.
pub(super) fn page(config: &Config, addresses: &Addresses) -> String {
    let configured = config.authority.public_url.as_ref().map(|url| url.as_str().to_owned());
    configured.unwrap_or_else(|| format!("http://{}", addresses.authority))
}

/// The ways that notices go: mail and webhooks, each if it is configured.
#[expect(clippy::type_complexity, reason = "two pairs, taken apart at once where it is called")]
pub(super) fn ways(
    config: &Config,
    ids: &Arc<dyn Ids>,
) -> Result<(Option<(Mailer, Backoff)>, Option<(WebhookSender, Backoff)>), StartError> {
    let mailer = Mailer::new(&config.mail).map_err(|error| StartError::Notices(error.to_string()))?;
    let sender = WebhookSender::new(&config.webhooks, Arc::clone(ids));
    let sender = sender.map_err(|error| StartError::Notices(error.to_string()))?;
    let mail = mailer.map(|mailer| (mailer, Backoff::from(&config.mail)));
    Ok((mail, sender.map(|sender| (sender, Backoff::from(&config.webhooks)))))
}
