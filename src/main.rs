//! The binary: hands over to `lockbox::cli`, and does nothing else.

fn main() -> std::process::ExitCode {
    lockbox::cli::main()
}
