//! Orders over HTTP: stop, and read the files of the web configuration again.
//!
//! Whoever reaches the port can give them, so they are refused unless `Push.EnableLifecycle` says
//! otherwise.

use http::StatusCode;

use super::HttpContext;
use super::reply::{self, Response};

/// `/-/quit`: as SIGTERM.
pub(super) fn quit(context: &HttpContext) -> Response {
    if !context.push_config.enable_lifecycle {
        return disabled();
    }
    tracing::info!("stopping, as /-/quit asked: draining, then a final checkpoint");
    context.shutdown.cancel();
    reply::text(StatusCode::OK, "stopping\n")
}

/// `/-/reload`: as SIGHUP.
pub(super) async fn reload(context: HttpContext) -> Response {
    if !context.push_config.enable_lifecycle {
        return disabled();
    }
    match context.security.reload().await {
        Ok(()) => reply::text(StatusCode::OK, "reloaded\n"),
        Err(error) => reply::text(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("not reloaded; what was in force stays so: {error}\n"),
        ),
    }
}

fn disabled() -> Response {
    reply::text(
        StatusCode::FORBIDDEN,
        "/-/quit and /-/reload are not enabled; set Push.EnableLifecycle=true\n",
    )
}
