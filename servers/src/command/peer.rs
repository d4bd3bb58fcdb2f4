//! `peer`: this operator's part of an agreement between two, ready to be pasted.

use std::net::SocketAddr;

use super::{new_link, say};
use crate::account_role::AccountRole;
use crate::config::{Config, Tls};
use crate::data_dir;
use crate::failure::Failure;
use crate::reach;
use crate::server::Roles;

/// Each line that this machine does not know says where it comes from.
pub(super) async fn introduce(config: Config, roles: Roles) -> Result<(), Failure> {
    say("# For the configuration of the other operator's DC:")?;
    say("[[dc.peers]]")?;
    say(&format!("domains = [\"{}\"]", config.domain.0))?;
    coordinator(&config, roles)?;
    account_server(&config, roles).await
}

fn coordinator(config: &Config, roles: Roles) -> Result<(), Failure> {
    if !roles.dc {
        return say("# key and address: `ntm-dc peer` prints them");
    }
    let _held = data_dir::claim(config, "keys")?;
    let key = data_dir::key_pair(config, "dc.key")?.server();
    say(&format!("key = \"{key}\""))?;
    let listen: Vec<SocketAddr> = config.dc.listen.iter().map(|e| e.0).collect();
    let public = reach::public(&config.dc.public, &config.public_addresses, &listen);
    match public.iter().find(|a| a.port() != 0) {
        Some(addr) => say(&format!("address = \"{addr}\"")),
        None => say("# address: where this DC is reached"),
    }
}

async fn account_server(config: &Config, roles: Roles) -> Result<(), Failure> {
    if !roles.account {
        return say("# authority: `ntm-as peer` prints it");
    }
    let account = AccountRole::beside(config).await?;
    say(&format!("authority = \"{}\"", account.authority()))?;
    if config.account_server.tls == Tls::SelfSigned {
        say("# Each of their people, once, for this server has no public certificate:")?;
        say(&format!("# ntm operator add {}", account.server_ref()))?;
    }
    new_link(&account);
    account.stop().await;
    Ok(())
}
