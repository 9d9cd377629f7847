//! Pushes: from what was received to what is to be done.
//!
//! A [`PushRequest`] is a push as it came, decompressed and with its path taken apart. It is also
//! what a journal's record or a stream's entry holds, so a replay goes through the same code.
//!
//! [`interpret`] gives it the meaning of its dialect. `path` checks and renders the path's labels,
//! `effect` knows what values do in each dialect, `series_labels` writes label texts, and `write` puts
//! a parsed body together with all of them. JSON events go their own way, through `events`. What the
//! dialect `replace` says of its groups' last pushes is in `group_times`.

use std::sync::Arc;

use super::DecodeOptions;
use super::exposition::{self, ParseOptions};
use crate::model::exposition::Exposition;
use crate::model::push::{GroupWrite, Operation};
use crate::model::{Push, PushRefusal, Reason};

mod change;
mod duplicates;
mod effect;
mod events;
mod group_times;
mod idempotency;
mod path_labels;
mod request;
mod series_labels;
mod write;

#[cfg(test)]
mod tests;

pub use request::{BodyFormat, Dialect, Method, PushRequest, RecordError};

use self::path_labels::PathLabels;

/// Gives a push its meaning, or says why all of it is refused.
pub fn interpret(request: &PushRequest, options: &DecodeOptions) -> Result<Arc<Push>, PushRefusal> {
    let mut operation = match (request.method, request.format) {
        (Method::Wipe, _) => Operation::Wipe,
        (Method::Delete, _) => delete(&PathLabels::read(request, options)?, request.dialect)?,
        (Method::Post | Method::Put, BodyFormat::Events) => events::read(&request.body, options)?,
        (Method::Post | Method::Put, format) => {
            let path = PathLabels::read(request, options)?;
            let body = parse(request, format, options)?;
            write_of(&body, &path, request, options)?
        }
        (Method::Failed, _) => {
            let path = PathLabels::read(request, options)?;
            write_of(&Exposition::default(), &path, request, options)?
        }
    };
    Ok(Arc::new(Push {
        ticket: request.ticket,
        at: request.received_at(),
        idempotency: idempotency::key(request).or_else(|| events::key(&mut operation)),
        operation,
    }))
}

fn delete(path: &PathLabels<'_>, dialect: Dialect) -> Result<Operation, PushRefusal> {
    match dialect {
        Dialect::Replace => Ok(Operation::DeleteGroup(path.group())),
        Dialect::Aggregate | Dialect::Sum if path.is_empty() => Err(PushRefusal {
            reason: Reason::InvalidLabel,
            detail: "a deletion without labels in its path; expected /metrics/<label>/<value>, \
                     which all the series that go carry"
                .into(),
        }),
        Dialect::Aggregate | Dialect::Sum => Ok(Operation::DeleteMatching(path.matching())),
    }
}

fn parse(
    request: &PushRequest,
    format: BodyFormat,
    options: &DecodeOptions,
) -> Result<Exposition, PushRefusal> {
    let utf8_names = options.utf8_names;
    exposition::parse(&request.body, format, ParseOptions { utf8_names }).map_err(|error| {
        PushRefusal { reason: Reason::InvalidExposition, detail: error.to_string() }
    })
}

fn write_of(
    body: &Exposition,
    path: &PathLabels<'_>,
    request: &PushRequest,
    options: &DecodeOptions,
) -> Result<Operation, PushRefusal> {
    let mut write = write::write(body, path, request.dialect, options)?;
    if request.dialect == Dialect::Replace {
        let whole = request.method == Method::Put;
        write.group = Some(GroupWrite { group: path.group(), whole });
        let succeeded = request.method != Method::Failed;
        group_times::append(&mut write, path, succeeded, request.received_at(), options)?;
    }
    Ok(Operation::Write(write))
}
