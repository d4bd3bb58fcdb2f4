//! `ntm id`: who this device is, and the numbers that two people compare.

use clap::Args;
use ntm_wire::kdf::sha256;
use ntm_wire::key::IdentityKey;
use serde_json::json;

use super::exit::Exit;
use super::failure::Failure;
use super::{Context, names, session};
use crate::profile::{Profile, safety_number};

/// Shows this device's fingerprint and its account's safety number; or a peer's.
#[derive(Debug, Args)]
pub(super) struct Id {
    /// Somebody else: what their device shows must be the same.
    name: Option<String>,
    /// Believe the new key of this account, after you have compared the numbers.
    #[arg(long, requires = "name")]
    trust_new_key: bool,
}

impl Id {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        match &self.name {
            Some(name) => self.of_peer(context, name).await,
            None => own(context),
        }
    }

    async fn of_peer(&self, context: &Context, name: &str) -> Result<Exit, Failure> {
        if self.trust_new_key {
            let profile = Profile::open(&context.folder)?;
            let account = names::parse(name, &profile.membership().domain)?;
            profile.forget_pin(&account)?;
        }
        let running = session::start(context).await?;
        let peer = running.resolve_first(name).await?;
        let number = safety_number(&peer.root);
        context.out.line(format!(
            "{}\n  safety number  {number}",
            names::device(&peer.fqdn)
        ));
        context.out.line("Compare it with what `ntm id` shows there, by a way you trust: in person, or on a call with a voice you know.");
        context.out.json(&json!({ "device": peer.fqdn.to_string(), "node": peer.node.to_string(), "safety_number": number }));
        running.finish().await;
        Ok(Exit::Ok)
    }
}

fn own(context: &Context) -> Result<Exit, Failure> {
    let profile = Profile::open(&context.folder)?;
    let certificate = &profile.membership().certificate;
    let number = safety_number(&certificate.root);
    let print = fingerprint(&certificate.identity);
    context.out.line(names::device(&certificate.fqdn));
    context.out.line(format!(
        "  safety number  {number}   (of the account: the same on each of its devices)"
    ));
    context
        .out
        .line(format!("  fingerprint    {print}   (of this device)"));
    context
        .out
        .line(format!("  node id        {}", certificate.node_id()));
    context.out.json(&json!({
        "device": certificate.fqdn.to_string(),
        "node": certificate.node_id().to_string(),
        "safety_number": number,
        "fingerprint": print,
    }));
    Ok(Exit::Ok)
}

/// The device's key, hashed, in groups of four.
fn fingerprint(identity: &IdentityKey) -> String {
    let hash = sha256(&[b"ntm device fingerprint", &identity.0]);
    let (pairs, _) = hash.as_chunks::<2>();
    pairs
        .iter()
        .take(8)
        .map(|p| format!("{:02x}{:02x}", p[0], p[1]))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use ntm_wire::key::RootKey;

    use super::*;

    #[test]
    fn a_safety_number_is_six_groups_and_changes_with_the_key() {
        let number = safety_number(&RootKey([1; 32]));
        assert_eq!(number.split(' ').count(), 6);
        assert!(
            number
                .split(' ')
                .all(|g| g.len() == 5 && g.bytes().all(|b| b.is_ascii_digit()))
        );
        assert_ne!(number, safety_number(&RootKey([2; 32])));
    }
}
