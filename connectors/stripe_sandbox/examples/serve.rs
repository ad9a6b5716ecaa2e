//! Runs a sandbox until it is killed: `cargo run -p rowbill-stripe-sandbox --example serve [PORT]`.

use std::net::{Ipv4Addr, SocketAddr};

use rowbill_stripe_sandbox::{Options, Sandbox};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(0);
    let journal = std::env::var_os("NO_JOURNAL").is_none();
    let options = Options { journal, ..Options::default() };
    let sandbox = Sandbox::start(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), options)?;
    println!("{}", sandbox.url());
    std::future::pending().await
}
