//! Memory stays bounded while checkpoints fail: reading stops above a limit, and goes on at half.

/// Opens and closes by the number of runs of ids that are applied and not acknowledged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate {
    most: u64,
    closed: bool,
}

impl Gate {
    pub(super) fn new(most: u64) -> Self {
        Self { most, closed: false }
    }

    /// Half is far enough from the limit not to open and close at every acknowledgement: each
    /// opening reads the pending list again.
    pub(super) fn lets_through(&mut self, runs: u64) -> bool {
        self.closed = runs > if self.closed { self.most / 2 } else { self.most };
        !self.closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_closes_above_the_limit_and_opens_at_half() {
        let mut gate = Gate::new(10);
        let expected = [(10, true), (11, false), (10, false), (6, false), (5, true), (10, true)];
        for (runs, open) in expected {
            assert_eq!(gate.lets_through(runs), open, "{runs}");
        }
    }
}
