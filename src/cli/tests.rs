//! The command line as a whole: it is consistent, every verb has help with an example, and no argument
//! takes a secret.

use super::*;
use clap::CommandFactory as _;

fn walk(command: &clap::Command, path: &str, check: &mut dyn FnMut(&clap::Command, &str)) {
    check(command, path);
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        walk(verb, &format!("{path} {}", verb.get_name()), check);
    }
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_verb_says_what_it_does_with_an_example_of_itself() {
    walk(&Cli::command(), "lockbox", &mut |command, path| {
        assert!(command.get_about().is_some(), "`{path}` says nothing");
        let example = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(example.contains(path), "`{path}` has no example of itself: {example}");
        for argument in
            command.get_arguments().filter(|argument| !matches!(argument.get_id().as_str(), "help" | "version"))
        {
            assert!(argument.get_help().is_some(), "`{path}` does not explain `{}`", argument.get_id());
        }
    });
}

#[test]
fn no_argument_takes_a_secret() {
    walk(&Cli::command(), "lockbox", &mut |command, path| {
        for argument in command.get_arguments() {
            let name = argument.get_long().unwrap_or_default();
            assert!(
                !["token", "password", "secret"].contains(&name),
                "`{path} --{name}` would show in the process list"
            );
        }
    });
}

#[test]
fn every_example_is_understood() {
    walk(&Cli::command(), "lockbox", &mut |command, path| {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default().replace(" \\\n   ", "");
        let lines = help.lines().map(str::trim).filter(|line| line.starts_with("lockbox "));
        for line in lines {
            let line = line.split(" > ").next().unwrap_or_default().split("   ").next().unwrap_or_default();
            let mut words: Vec<String> = Vec::new();
            for (index, part) in line.split('\'').enumerate() {
                if index % 2 == 0 {
                    words.extend(part.split_whitespace().map(str::to_owned))
                } else {
                    words.push(part.to_owned())
                }
            }
            assert!(
                Cli::try_parse_from(&words).is_ok(),
                "`{path}` shows `{line}`: {:?}",
                Cli::try_parse_from(&words).err()
            );
        }
    });
}

#[test]
fn the_verbs_of_the_contract_are_there() {
    let mut verbs = Vec::new();
    walk(&Cli::command(), "lockbox", &mut |_, path| verbs.push(path.to_owned()));
    for verb in [
        "serve",
        "authorize",
        "request submit",
        "request list",
        "request show",
        "request review",
        "request approve",
        "request deny",
        "request withdraw",
        "request close",
        "request revoke",
        "tenant list",
        "tenant show",
        "tenant set",
        "tenant export",
        "tenant apply",
        "policy check",
        "policy coverage",
        "policy explain",
        "policy test",
        "authority backup",
        "authority recover",
        "authority move",
        "log tail",
        "log export",
        "replay",
        "config check",
        "config schema",
        "config show",
        "config token",
        "openapi",
        "completions",
        "bench http",
        "version",
    ] {
        assert!(verbs.contains(&format!("lockbox {verb}")), "`{verb}` is gone");
    }
}
