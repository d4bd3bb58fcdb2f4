//! NAT64 by `tayga`, and the one answer of DNS64 that tells its prefix (RFC 7050).

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;

use crate::address::Site;
use crate::dns;
use crate::lease::Lease;
use crate::netns::Namespace;

/// The translator's own addresses; the home router's NAT hides them.
const POOL: Ipv4Addr = Ipv4Addr::new(192, 168, 255, 0);
const OWN: Ipv4Addr = Ipv4Addr::new(192, 168, 255, 1);
/// The responder looks at least this often whether it is to end.
const GLANCE: Duration = Duration::from_millis(200);

/// The translator and the name server; both end when dropped.
#[derive(Debug)]
pub(super) struct Nat64 {
    tayga: Child,
    end: Arc<AtomicBool>,
    names: Option<JoinHandle<()>>,
}

impl Nat64 {
    pub(super) fn start(lease: &Lease, router: &Namespace, site: Site) -> anyhow::Result<Self> {
        let config = write_config(lease, site)?;
        let mut make = router.command("tayga");
        let made = make.args(["--mktun", "-c"]).arg(&config).output()?;
        crate::netns::succeed("tayga --mktun", &made)?;
        router.ip(&format!(
            "link set nat64 up\nroute add {POOL}/24 dev nat64\nroute add {}/96 dev nat64\n",
            site.nat64_prefix()
        ))?;
        let mut tayga = router.command("tayga");
        tayga.args(["--nodetach", "-c"]).arg(&config);
        tayga.stdout(Stdio::null()).stderr(Stdio::null());
        let tayga = tayga.spawn().context("tayga")?;
        let end = Arc::new(AtomicBool::new(false));
        let names = Some(serve_names(router, site, Arc::clone(&end))?);
        Ok(Self { tayga, end, names })
    }
}

impl Drop for Nat64 {
    fn drop(&mut self) {
        drop(self.tayga.kill());
        drop(self.tayga.wait());
        self.end.store(true, Ordering::Relaxed);
        drop(self.names.take().map(JoinHandle::join));
    }
}

fn write_config(lease: &Lease, site: Site) -> anyhow::Result<PathBuf> {
    let data = lease.folder().join(format!("tayga-{}", site.number()));
    std::fs::create_dir_all(&data)?;
    let config = data.join("tayga.conf");
    let text = format!(
        "tun-device nat64\nipv4-addr {OWN}\nprefix {}/96\ndynamic-pool {POOL}/24\ndata-dir {}\n",
        site.nat64_prefix(),
        data.display()
    );
    std::fs::write(&config, text)?;
    Ok(config)
}

fn serve_names(
    router: &Namespace,
    site: Site,
    end: Arc<AtomicBool>,
) -> anyhow::Result<JoinHandle<()>> {
    let at = SocketAddr::new(site.lan_v6(1).into(), dns::PORT);
    let socket = router.enter(|| Ok(UdpSocket::bind(at)?));
    let socket = socket.with_context(|| at.to_string())?;
    socket.set_read_timeout(Some(GLANCE))?;
    let prefix = site.nat64_prefix();
    let serve = move || {
        let mut buffer = [0; 512];
        while !end.load(Ordering::Relaxed) {
            let Ok((len, from)) = socket.recv_from(&mut buffer) else {
                continue;
            };
            let question = buffer.get(..len).unwrap_or_default();
            if let Some(answer) = dns::answer(question, prefix) {
                // An asker that left needs no answer.
                drop(socket.send_to(&answer, from));
            }
        }
    };
    Ok(std::thread::Builder::new()
        .name("dns64".to_owned())
        .spawn(serve)?)
}
