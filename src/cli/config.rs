//! `lockbox config`: checks the configuration, shows it, and makes tokens.

mod token;

use super::error::CliError;
use super::{Exit, output::Output};
use crate::config::Config;
use clap::Subcommand;
use std::path::{Path, PathBuf};

/// Check the configuration, show it, or make a token.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lockbox config check --config lockbox.toml\n  lockbox config token --kind person --id ana@provider.example --role engineer --file tokens.toml"
)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

/// Which configuration.
#[derive(Debug, clap::Args)]
pub(super) struct Source {
    /// The configuration; without it `lockbox.toml` of this folder, if there is one.
    #[arg(long, value_name = "FILE", env = "LOCKBOX_CONFIG")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Say what is in force, where each value is from, and what is wrong or worth a second thought.
    #[command(after_help = "Example:\n  lockbox config check --config lockbox.toml")]
    Check(Source),
    /// Print the JSON Schema of lockbox.toml.
    #[command(after_help = "Example:\n  lockbox config schema > schemas/config.schema.json")]
    Schema,
    /// Print what is in force as a lockbox.toml.
    #[command(after_help = "Example:\n  LOCKBOX_LEASE__HOLD_MS=400 lockbox config show")]
    Show(Source),
    /// Make a token: it is printed once, and only its hash is kept.
    Token(token::Args),
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    match args.verb {
        Verb::Check(source) => {
            let explanation = source.load()?.explain();
            let json = serde_json::to_value(&explanation).map_err(CliError::failed)?;
            output.answer(&json, || format!("{explanation}the configuration is fine"))?;
        }
        Verb::Schema => output.print(&Config::schema())?,
        Verb::Show(source) => {
            let config = source.load()?;
            let json = serde_json::to_value(&config).map_err(CliError::failed)?;
            let text = config.to_toml().map_err(CliError::failed)?;
            output.answer(&json, || text)?;
        }
        Verb::Token(args) => token::run(args, output)?,
    }
    Ok(Exit::Fine)
}

impl Source {
    pub(super) fn load(&self) -> Result<Config, CliError> {
        let usual = Path::new("lockbox.toml");
        let path = self.config.as_deref().or_else(|| usual.exists().then_some(usual));
        Ok(Config::load(path, environment())?)
    }
}

/// The environment as text; a variable that is no text is no setting.
fn environment() -> Vec<(String, String)> {
    std::env::vars_os().filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok())).collect()
}
