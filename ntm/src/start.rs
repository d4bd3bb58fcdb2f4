//! The one call of a ported program.

use std::io;
use std::sync::Arc;

use crate::account::Tickets;
use crate::node::Node;
use crate::profile::{Profile, ProfileKeeper};

/// Starts the node of the device that is signed in on this machine (`ntm sign-in`), and waits until its
/// coordinator knows it: from here on [`net`](crate::net) works. `NTM_PROFILE` names another profile.
/// Tickets are renewed and pins kept as long as the process runs.
pub async fn start_default() -> io::Result<Node> {
    let folder = Profile::default_folder().map_err(io::Error::other)?;
    let profile = Profile::open(&folder).map_err(io::Error::other)?;
    let lock = Profile::lock(&folder).map_err(io::Error::other)?;
    let config = profile.config();
    let keeper = ProfileKeeper::new(profile, Arc::new(Tickets)).holding(lock);
    let node = Node::start(config.with_keeper(Arc::new(keeper)))
        .await
        .map_err(io::Error::other)?;
    node.wait_registered().await.map_err(io::Error::other)?;
    Ok(node)
}
