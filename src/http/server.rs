//! Accepts connections and gives each its limits.
//!
//! warp's own server sets no time limit for a request's headers, so a client
//! that sends one byte a minute would hold its connection for ever, and a
//! shutdown would wait for it. Here hyper runs warp's service with limits:
//! headers arrive and answers are taken in time, connections are bounded in
//! number ([`places`](super::places)), and a shutdown ends. TLS is spoken here, too; a connection
//! counts from its first byte, and its handshake has its time.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::guard::{Guard, Policy};
use super::places::{Place, Places};
use super::reply::Response;
use super::router::Router;
use super::write_timeout::WriteTimeout;
use super::{HttpContext, HttpLimits};
use crate::telemetry::OncePerMinute;

/// How long to wait when no connection can be accepted, mostly for lack of file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// How long a connection that has to make room may still take to finish what it began to say.
const LEAVING: Duration = Duration::from_secs(1);

/// Serves the routes to those whom `policy` lets in until `shutdown`, then lets requests in flight
/// finish.
pub(super) async fn run<S: Clone + Send + Sync + 'static>(
    listener: TcpListener,
    routes: Router<S>,
    policy: Policy,
    context: &HttpContext,
    shutdown: CancellationToken,
) {
    let (limits, metrics) = (context.limits, context.own_metrics.http());
    let service = TowerToHyperService::new(warp::service(routes.filter()));
    let places = Places::new(limits.connections, metrics.clone());
    let mut connections = JoinSet::new();
    let mut warnings = OncePerMinute::default();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = shutdown.cancelled() => break,
        };
        // Finished connections are forgotten as new ones come, so the set stays small.
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer, place)) => {
                let tls = policy.security.rules().tls.clone().map(TlsAcceptor::from);
                let guard = Guard {
                    service: service.clone(),
                    policy: policy.clone(),
                    address: peer.ip(),
                    place,
                };
                connections.spawn(open(stream, tls, guard, limits, shutdown.clone()));
            }
            Err(error) => {
                metrics.accept_failures.inc();
                if let Some(suppressed) = warnings.admit(Instant::now()) {
                    tracing::warn!(%error, suppressed, "cannot accept an HTTP connection");
                }
                // Its descriptor serves the next one.
                places.close_one();
                sleep(ACCEPT_RETRY).await;
            }
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if timeout(limits.drain_timeout, drained).await.is_err() {
        tracing::warn!(connections = connections.len(), "HTTP connections cut by the shutdown");
    }
}

/// The next connection, and its place.
async fn accept(
    listener: &TcpListener,
    places: &Places,
) -> io::Result<(TcpStream, SocketAddr, Arc<Place>)> {
    let (stream, peer) = listener.accept().await?;
    // Answers leave at once; without it a small last chunk may wait for an acknowledgement.
    stream.set_nodelay(true)?;
    Ok((stream, peer, places.take().await))
}

/// Serves one connection, once it is secured.
async fn open<S>(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    guard: Guard<S>,
    limits: HttpLimits,
    shutdown: CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let place = Arc::clone(&guard.place);
    let stream = WriteTimeout::new(stream, limits.stall_timeout, Arc::clone(&place));
    let Some(tls) = tls else { return serve(stream, guard, place, limits, shutdown).await };
    let handshake = timeout(limits.handshake_timeout, tls.accept(stream));
    let secured = tokio::select! {
        secured = handshake => secured,
        () = place.left() => return,
        () = shutdown.cancelled() => return,
    };
    match secured {
        Ok(Ok(stream)) => serve(stream, guard, place, limits, shutdown).await,
        // Its fault, and of interest to whoever looks for it: a wrong authority, an old client.
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

async fn serve<S>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    guard: Guard<S>,
    place: Arc<Place>,
    limits: HttpLimits,
    shutdown: CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .serve_connection(TokioIo::new(stream), guard)
    );
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = place.left() => {
            connection.as_mut().graceful_shutdown();
            match timeout(LEAVING, connection.as_mut()).await {
                Ok(result) => result,
                // Half a head, perhaps, of which the rest does not come.
                Err(_) if place.is_idle() => return,
                Err(_) => connection.await,
            }
        }
    };
    if let Err(error) = result {
        // A client that went away; its fault and its business.
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}
