//! [`ToSocketAddrs`]: what counts as an address, after tokio's trait of the same name.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use ntm_wire::fqdn::Fqdn;

use crate::Node;

/// Whatever becomes virtual socket addresses: addresses themselves, and `"name:port"` or `("name", port)`
/// after a tunnel was built. Sealed, as tokio's is.
pub trait ToSocketAddrs: sealed::Resolve {}

impl<T: sealed::Resolve + ?Sized> ToSocketAddrs for T {}

pub(crate) mod sealed {
    use super::*;

    /// Turns `self` into addresses, asking `node` for names.
    pub trait Resolve {
        #[doc(hidden)]
        fn resolve(&self, node: &Node) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;
    }

    macro_rules! plain {
        ($($kind:ty),*) => {$(
            impl Resolve for $kind {
                fn resolve(&self, _node: &Node) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send {
                    std::future::ready(Ok(vec![SocketAddr::from(*self)]))
                }
            }
        )*};
    }
    plain!(
        SocketAddr,
        SocketAddrV4,
        SocketAddrV6,
        (IpAddr, u16),
        (Ipv4Addr, u16),
        (Ipv6Addr, u16)
    );

    impl Resolve for [SocketAddr] {
        fn resolve(
            &self,
            _node: &Node,
        ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send {
            std::future::ready(Ok(self.to_vec()))
        }
    }

    impl Resolve for str {
        fn resolve(&self, node: &Node) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send {
            let parsed = split(self);
            let node = node.clone();
            async move {
                let (host, port) = parsed?;
                by_host(&node, &host, port).await
            }
        }
    }

    impl Resolve for (&str, u16) {
        fn resolve(&self, node: &Node) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send {
            let (host, port) = (self.0.to_owned(), self.1);
            let node = node.clone();
            async move { by_host(&node, &host, port).await }
        }
    }

    impl Resolve for (String, u16) {
        fn resolve(&self, node: &Node) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send {
            let (host, port) = self.clone();
            let node = node.clone();
            async move { by_host(&node, &host, port).await }
        }
    }

    impl Resolve for String {
        fn resolve(&self, node: &Node) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send {
            self.as_str().resolve(node)
        }
    }

    impl<T: Resolve + ?Sized> Resolve for &T {
        fn resolve(&self, node: &Node) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send {
            (**self).resolve(node)
        }
    }
}

/// `name:port`, `192.0.2.1:port`, `[2001:db8::1]:port`; the errors are the standard library's.
fn split(text: &str) -> io::Result<(String, u16)> {
    if let Ok(addr) = text.parse::<SocketAddr>() {
        return Ok((addr.ip().to_string(), addr.port()));
    }
    let invalid = |why| io::Error::new(io::ErrorKind::InvalidInput, why);
    let (host, port) = text
        .rsplit_once(':')
        .ok_or_else(|| invalid("invalid socket address"))?;
    let port = port.parse().map_err(|_| invalid("invalid port value"))?;
    Ok((host.to_owned(), port))
}

async fn by_host(node: &Node, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let name = Fqdn::parse(host).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
    let peers = node.resolve(&name).await?;
    let both = peers
        .iter()
        .flat_map(|p| [IpAddr::V6(p.addrs.v6), IpAddr::V4(p.addrs.v4)]);
    Ok(both.map(|ip| SocketAddr::new(ip, port)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_split_from_their_ports() {
        assert_eq!(
            split("bob.example.org:7").unwrap(),
            ("bob.example.org".to_owned(), 7)
        );
        assert_eq!(split("[fd00::1]:9").unwrap(), ("fd00::1".to_owned(), 9));
        assert_eq!(split("192.0.2.1:80").unwrap(), ("192.0.2.1".to_owned(), 80));
    }

    #[test]
    fn what_the_standard_library_refuses_is_refused_alike() {
        use std::net::ToSocketAddrs as _;
        for text in [
            "bob.example.org",
            "bob.example.org:70000",
            "bob.example.org:x",
        ] {
            let theirs = text.to_socket_addrs().unwrap_err();
            let ours = split(text).unwrap_err();
            assert_eq!(
                (ours.kind(), ours.to_string()),
                (theirs.kind(), theirs.to_string()),
                "{text}"
            );
        }
    }
}
