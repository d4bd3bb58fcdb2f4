//! Accepts connections, shakes hands, serves HTTP, and lets go of who dawdles.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source(pub(super) IpAddr);

/// Connections at once; more wait in the system's queue. A DC's long poll holds one.
const CONNECTIONS: usize = 4096;
/// For the TLS handshake, and for the head of each request.
const DAWDLE: Duration = Duration::from_secs(10);
/// For requests under way when the server stops.
const FAREWELL: Duration = Duration::from_secs(5);
/// After `accept` failed, as it does when files run out.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Serve {
    socket: TcpListener,
    tls: TlsAcceptor,
    router: Router,
    room: Arc<Semaphore>,
}

pub(super) fn serve(socket: TcpListener, tls: TlsAcceptor, router: Router) -> Serve {
    Serve {
        socket,
        tls,
        router,
        room: Arc::new(Semaphore::new(CONNECTIONS)),
    }
}

impl Serve {
    /// Serves until `stopped` says so.
    pub(super) async fn until(self, mut stopped: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        loop {
            let arrived = tokio::select! {
                // An error means that whoever could have said "stop" is gone.
                _ = stopped.wait_for(|stop| *stop) => break,
                arrived = self.arrival() => arrived,
            };
            if let Some((stream, source, place)) = arrived {
                let connection = self.connection(stream, source, stopped.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            while connections.try_join_next().is_some() {}
        }
        let farewell = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
            tracing::debug!("requests were cut off");
        }
    }

    async fn arrival(&self) -> Option<(TcpStream, Source, OwnedSemaphorePermit)> {
        let place = Arc::clone(&self.room).acquire_owned().await.ok()?;
        match self.socket.accept().await {
            Ok((stream, from)) => Some((stream, Source(from.ip()), place)),
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(PAUSE).await;
                None
            }
        }
    }

    fn connection(
        &self,
        stream: TcpStream,
        source: Source,
        mut stopped: watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + use<> {
        let tls = self.tls.clone();
        let router = self.router.clone().layer(Extension(source));
        async move {
            // Failures here are the network's and strangers', and are nobody's business.
            drop(stream.set_nodelay(true));
            let Ok(Ok(stream)) = tokio::time::timeout(DAWDLE, tls.accept(stream)).await else {
                return;
            };
            let http = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(DAWDLE)
                .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
            tokio::pin!(http);
            tokio::select! {
                _ = &mut http => return,
                _ = stopped.wait_for(|stop| *stop) => http.as_mut().graceful_shutdown(),
            }
            drop(http.await);
        }
    }
}
