//! Accepts connections and gives each its limits.
//!
//! warp's own server sets no time limit for a request's headers, so a client
//! that sends one byte a minute would hold its connection for ever, and a
//! shutdown would wait for it. Here hyper runs warp's service with limits:
//! headers arrive and answers are taken in time, connections are bounded in
//! number, and a shutdown ends. TLS is spoken here, too; a connection counts from
//! its first byte, and its handshake has its time.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use warp::Filter;
use warp::http::Request;
use warp::hyper::body::Incoming;
use warp::hyper::server::conn::http1;
use warp::hyper::service::Service;
use warp::reply::Response;

use super::HttpLimits;
use super::guard::Guard;
use super::security::Security;
use super::write_timeout::WriteTimeout;

/// How long to wait when no connection can be accepted, mostly for lack of file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Serves the routes to those whom `security` lets in until `shutdown`, then lets requests in
/// flight finish.
pub(super) async fn run<F>(
    listener: TcpListener,
    routes: F,
    security: Security,
    limits: HttpLimits,
    shutdown: CancellationToken,
) where
    F: Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static,
{
    let service = TowerToHyperService::new(warp::service(routes));
    let service = Guard::new(service, security.clone(), limits.password_checks);
    let slots = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = shutdown.cancelled() => break,
        };
        // Finished connections are forgotten as new ones come, so the set stays small.
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, slot)) => {
                let tls = security.rules().tls.clone().map(TlsAcceptor::from);
                let connection = open(stream, tls, service.clone(), limits, shutdown.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept an HTTP connection");
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

/// The next connection, once there is a slot for it.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.expect("the semaphore is never closed");
    let (stream, _peer) = listener.accept().await?;
    // Answers leave at once; without it a small last chunk may wait for an acknowledgement.
    stream.set_nodelay(true)?;
    Ok((stream, slot))
}

/// Serves one connection, once it is secured.
async fn open<S>(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    service: S,
    limits: HttpLimits,
    shutdown: CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible>,
{
    let stream = WriteTimeout::new(stream, limits.stall_timeout);
    let Some(tls) = tls else { return serve(stream, service, limits, shutdown).await };
    let handshake = timeout(limits.handshake_timeout, tls.accept(stream));
    let secured = tokio::select! {
        secured = handshake => secured,
        () = shutdown.cancelled() => return,
    };
    match secured {
        Ok(Ok(stream)) => serve(stream, service, limits, shutdown).await,
        // Its fault, and of interest to whoever looks for it: a wrong authority, an old client.
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

async fn serve<I, S>(stream: I, service: S, limits: HttpLimits, shutdown: CancellationToken)
where
    I: AsyncRead + AsyncWrite + Unpin,
    S: Service<Request<Incoming>, Response = Response, Error = Infallible>,
{
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .serve_connection(TokioIo::new(stream), service)
    );
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        // A client that went away; its fault and its business.
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}
