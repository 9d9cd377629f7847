//! SIGSTOP for a life: while its gate is closed, nothing of it is polled, and time goes on.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

/// Handle to one life's gate; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Gate {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    closed: bool,
    waiting: Vec<Waker>,
}

impl Gate {
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
    }

    pub(crate) fn open(&self) {
        let mut state = self.state.lock();
        state.closed = false;
        state.waiting.drain(..).for_each(Waker::wake);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// The same future, stopped whenever the gate is closed.
    pub(crate) fn through<F: Future>(&self, future: F) -> Gated<F> {
        Gated { gate: self.clone(), future: Box::pin(future) }
    }
}

pub(crate) struct Gated<F> {
    gate: Gate,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Gated<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        {
            let mut state = self.gate.state.lock();
            if state.closed {
                state.waiting.push(context.waker().clone());
                return Poll::Pending;
            }
        }
        self.future.as_mut().poll(context)
    }
}
