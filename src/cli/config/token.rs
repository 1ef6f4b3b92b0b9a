//! `lockbox config token`: makes a secret, shows it once, and keeps its hash.

use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::clock::SystemIds;
use crate::domain::{CallerName, NameError, PersonId, Role, TenantId, WorkloadName};
use crate::identity::tokens;
use clap::ValueEnum;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Somebody with roles.
    Person,
    /// A service that asks about one workload.
    Workload,
    /// A sidecar that renews from an authority.
    Sidecar,
}

/// Make a token: it is printed once, and only its hash is kept.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lockbox config token --kind person --id ana@provider.example --role engineer --file tokens.toml\n  lockbox config token --kind person --id csilla@contoso.example --role approver --tenant contoso\n  lockbox config token --kind workload --id exchange-frontend --workload exchange --file tokens.toml\n  lockbox config token --kind sidecar --id exchange-17 --file tokens.toml"
)]
pub(super) struct Args {
    /// Whose token.
    #[arg(long, value_enum)]
    kind: Kind,
    /// The person's id, or the name of the service or sidecar.
    #[arg(long)]
    id: String,
    /// A person's role: engineer, reviewer, approver, tenant_admin, auditor or operator; may be repeated.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// The tenant a person belongs to; none for the provider's people.
    #[arg(long)]
    tenant: Option<String>,
    /// The one workload a service may ask about.
    #[arg(long)]
    workload: Option<String>,
    /// The token file to append the hash to; without it the entry is printed to put there.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<(), CliError> {
    let token = tokens::generate(&SystemIds).map_err(CliError::failed)?;
    let entry = entry(&args, &token)?;
    // Read back as the next start will: an entry that it refuses is not written.
    tokens::parse_file(&entry).map_err(|error| CliError::Usage(error.to_string()))?;
    if let Some(path) = &args.file {
        append(path, &entry)?;
    }
    let json = serde_json::json!({ "id": args.id, "token": token, "entry": entry, "file": args.file });
    output.answer(&json, || match &args.file {
        // The token alone on standard output, so that a shell can put it into a file.
        Some(_) => token.clone(),
        None => format!("{token}\n\n# for the file that `identity.tokens_file` names:\n{entry}"),
    })?;
    if let (Some(path), false) = (&args.file, output.is_json()) {
        output.note(&format!("its hash is in `{}`; the token itself is shown only now", path.display()));
    }
    Ok(())
}

/// The `[[token]]` entry of the token file. The one place of this module that knows the file's format.
fn entry(args: &Args, token: &str) -> Result<String, CliError> {
    let Args { kind, id, roles, tenant, workload, file: _ } = args;
    let wrong = |error: NameError| CliError::Usage(error.to_string());
    let refuse = |text: &str| Err(CliError::Usage(text.to_owned()));
    let mut table = toml::Table::new();
    let mut put = |name: &str, value: toml::Value| table.insert(name.to_owned(), value);
    match kind {
        Kind::Person => {
            PersonId::parse(id).map_err(wrong)?;
            if roles.is_empty() || workload.is_some() {
                return refuse("a person needs at least one `--role`, and has no `--workload`");
            }
            for role in roles {
                if Role::parse(role).is_none() {
                    let known = Role::ALL.map(Role::as_str).join(", ");
                    return refuse(&format!("`{role}` is no role; there are {known}"));
                }
            }
            if let Some(tenant) = tenant {
                TenantId::parse(tenant).map_err(wrong)?;
                put("tenant", tenant.as_str().into());
            }
            put("kind", "person".into());
            put("roles", roles.clone().into());
        }
        Kind::Workload => {
            CallerName::parse(id).map_err(wrong)?;
            let (Some(workload), None, []) = (workload, tenant, roles.as_slice()) else {
                return refuse("a service needs `--workload`, and has no `--role` and no `--tenant`");
            };
            WorkloadName::parse(workload).map_err(wrong)?;
            put("kind", "workload".into());
            put("workload", workload.as_str().into());
        }
        Kind::Sidecar => {
            CallerName::parse(id).map_err(wrong)?;
            if workload.is_some() || tenant.is_some() || !roles.is_empty() {
                return refuse("a sidecar has no `--role`, no `--tenant` and no `--workload`");
            }
            put("kind", "sidecar".into());
        }
    }
    put("id", id.as_str().into());
    put("sha256", hex(&tokens::hash(token)).into());
    Ok(format!("[[token]]\n{table}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Appends in one write, to a file that only its owner reads.
fn append(path: &Path, entry: &str) -> Result<(), CliError> {
    let cannot = |error: std::io::Error| CliError::Failed(format!("cannot write `{}`: {error}", path.display()));
    let mut file = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(cannot)?;
    file.write_all(format!("\n{entry}").as_bytes()).and_then(|()| file.sync_all()).map_err(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SeededIds;
    use crate::domain::Caller;

    fn args(kind: Kind, id: &str) -> Args {
        Args { kind, id: id.to_owned(), roles: Vec::new(), tenant: None, workload: None, file: None }
    }

    #[test]
    fn a_token_is_long_and_only_its_hash_is_in_the_entry() {
        let token = tokens::generate(&SeededIds::new(7)).unwrap();
        let args = Args {
            roles: vec!["approver".into()],
            tenant: Some("contoso".into()),
            ..args(Kind::Person, "csilla@contoso.example")
        };
        let entry = entry(&args, &token).unwrap();
        assert!(!entry.contains(&token));
        let read = tokens::parse_file(&entry).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].sha256, tokens::hash(&token));
        let Caller::Person(person) = &read[0].caller else { panic!("{:?}", read[0].caller) };
        assert_eq!(person.id.as_str(), "csilla@contoso.example");
        assert!(person.roles.has(Role::Approver) && person.tenant.as_ref().unwrap().as_str() == "contoso");
    }

    #[test]
    fn what_does_not_fit_the_kind_is_refused() {
        assert!(entry(&args(Kind::Person, "ana@provider.example"), "t").is_err(), "no role");
        assert!(
            entry(&Args { roles: vec!["root".into()], ..args(Kind::Person, "ana@provider.example") }, "t").is_err()
        );
        assert!(
            entry(&Args { roles: vec!["engineer".into()], ..args(Kind::Person, "Ana@provider.example") }, "t").is_err()
        );
        assert!(entry(&args(Kind::Workload, "exchange-frontend"), "t").is_err(), "no workload");
        assert!(entry(&Args { tenant: Some("contoso".into()), ..args(Kind::Sidecar, "s1") }, "t").is_err());
        assert!(entry(&args(Kind::Sidecar, "s1"), "t").is_ok());
    }

    #[test]
    fn two_entries_make_one_file_that_only_its_owner_reads() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens.toml");
        for id in ["s1", "s2"] {
            append(&path, &entry(&args(Kind::Sidecar, id), id).unwrap()).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(tokens::parse_file(&text).unwrap().len(), 2);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
