//! `rowbill sandbox`: the fake Stripe, for tests of one's own.

use std::net::{Ipv4Addr, SocketAddr};

use rowbill_connector::Problem;
use rowbill_stripe_sandbox::{Options, Sandbox};

use super::context::{Context, Problems};
use super::exit;

pub async fn sandbox(context: &Context, port: u16, live: bool) -> Result<u8, Problems> {
    let options = Options { livemode: live, ..Options::default() };
    let sandbox = start(port, options)?;
    context.screen.line(sandbox.url());
    context.screen.say("put it into rowbill.yaml as `api_base:`; Ctrl-C ends it, and nothing of it is kept");
    while !context.stop.asked() {
        context.stop.sleep(std::time::Duration::from_hours(1)).await;
    }
    sandbox.shutdown().await;
    Ok(exit::OK)
}

/// Starts a sandbox on loopback.
pub fn start(port: u16, options: Options) -> Result<Sandbox, Problems> {
    Sandbox::start(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), options).map_err(|error| {
        let problem = Problem::new("sandbox.port", format!("port {port} on 127.0.0.1 cannot be used: {error}"));
        vec![problem.advise("choose another one: rowbill sandbox --port 0")]
    })
}
