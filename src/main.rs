//! The rowbill command: parse arguments, run one command, choose the exit code.

fn main() -> std::process::ExitCode {
    // One TLS provider for all clients in the process; it builds faster than the default one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    rowbill::cli::main().into()
}
