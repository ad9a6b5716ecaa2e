//! systemd: tells it that the daemon is ready and alive, and writes a unit for it.

use std::path::Path;
use std::sync::Arc;

use sd_notify::NotifyState;

use super::world::World;
use crate::config::Project;
use crate::web::health::Vital as _;

/// Ready; and from now on a sign of life in time, as long as there is life.
pub fn ready(world: &Arc<World>) {
    say(&[NotifyState::Ready]);
    let Some(period) = sd_notify::watchdog_enabled() else { return };
    let world = Arc::clone(world);
    tokio::spawn(async move {
        loop {
            if world.ill().is_none() {
                say(&[NotifyState::Watchdog]);
            }
            tokio::time::sleep(period / 3).await;
        }
    });
}

/// The files are read again.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => say(&[NotifyState::Reloading, now]),
        Err(_) => say(&[NotifyState::Reloading]),
    }
}

/// They have been.
pub fn reloaded(world: &World) {
    let problems = world.problems().len();
    let status = if problems == 0 { "running".to_owned() } else { format!("running; {problems} mistakes in files") };
    say(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

/// No more begins.
pub fn stopping() {
    say(&[NotifyState::Stopping]);
}

/// Without systemd nobody listens, which is no mistake.
fn say(states: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(states);
}

/// A path as systemd reads it: blanks do not end it, and `%` means nothing.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string().replace('%', "%%");
    if text.contains([' ', '"', '\'', '\\']) { format!("{text:?}") } else { text }
}

/// A unit that runs this project's daemon as this user.
pub fn unit(project: &Project, binary: &Path, config: &Path, user: &str) -> String {
    let root = config.parent().unwrap_or(Path::new("/"));
    let state = project.settings.ledger.parent().unwrap_or(root);
    let mut written: Vec<String> = vec![quoted(root)];
    if !state.starts_with(root) {
        written.push(quoted(state));
    }
    format!(
        "# Made by `rowbill daemon --unit`.
[Unit]
Description=rowbill: rows in, bills out, once ({root})
Wants=network-online.target
After=network-online.target time-sync.target

[Service]
Type=notify
ExecStart={binary} daemon --config {config}
ExecReload=/bin/kill -HUP $MAINPID
User={user}
WorkingDirectory={root}
# Keys that rowbill.yaml takes from the environment: NAME=value lines, readable by root alone.
EnvironmentFile=-/etc/rowbill/environment
WatchdogSec=180
TimeoutStartSec=300
TimeoutStopSec=40
# 143: ended by SIGTERM, with everything finished.
SuccessExitStatus=143
Restart=on-failure
RestartSec=10
UMask=0077
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths={written}
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
CapabilityBoundingSet=

[Install]
WantedBy=multi-user.target
",
        root = root.display(),
        binary = quoted(binary).replace('$', "$$"),
        config = quoted(config).replace('$', "$$"),
        written = written.join(" "),
    )
}
