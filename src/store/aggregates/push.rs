//! Pushes: tried as a whole, then done as a whole.

use super::Aggregates;
use super::plan::Plan;
use super::stage::Stage;
use crate::model::push::Operation;
use crate::model::{Push, PushApplied, PushRefusal, Timestamp};
use crate::store::refusal::Refusal;
use crate::store::step::When;

impl Aggregates {
    /// What [`Aggregates::apply_push`] would answer.
    pub(in crate::store) fn check_push(&self, push: &Push) -> Result<PushApplied, PushRefusal> {
        if self.is_repeated(push, push.at)? {
            return Ok(PushApplied { repeated: true, ..PushApplied::default() });
        }
        let Some(stage) = stage(&push.operation)? else { return Ok(PushApplied::default()) };
        Plan::new(self, &stage, when(push, push.at))?;
        Ok(written(&stage))
    }

    pub(super) fn apply_push(
        &mut self,
        push: &Push,
        now: Timestamp,
    ) -> Result<PushApplied, PushRefusal> {
        // Whoever writes to a stream may say what they like.
        let came = push.at.min(now);
        if self.is_repeated(push, came)? {
            return Ok(PushApplied { repeated: true, ..PushApplied::default() });
        }
        let mut applied = PushApplied::default();
        let when = when(push, now);
        if let Some(stage) = stage(&push.operation)? {
            let plan = Plan::new(self, &stage, when)?;
            self.commit(&stage, plan, when);
            applied = written(&stage);
        }
        match &push.operation {
            Operation::Write(_) | Operation::Events(_) => {}
            Operation::DeleteGroup(group) => self.delete_group(&group.labels, when),
            Operation::DeleteMatching(matching) => self.delete_matching(matching, when),
            Operation::Wipe => self.wipe(when),
        }
        if let Some(key) = push.idempotency {
            self.keys.insert(key, came);
        }
        Ok(applied)
    }

    fn is_repeated(&self, push: &Push, came: Timestamp) -> Result<bool, Refusal> {
        push.idempotency.map_or(Ok(false), |key| self.keys.is_repeated(&key, came))
    }
}

/// What the operation writes, if that is what it does.
fn stage(operation: &Operation) -> Result<Option<Stage<'_>>, Refusal> {
    match operation {
        Operation::Write(write) => Stage::of_write(write).map(Some),
        Operation::Events(batch) => Stage::of_events(batch).map(Some),
        Operation::DeleteGroup(_) | Operation::DeleteMatching(_) | Operation::Wipe => Ok(None),
    }
}

fn when(push: &Push, now: Timestamp) -> When {
    When { at: push.at, started: push.at, now }
}

fn written(stage: &Stage<'_>) -> PushApplied {
    PushApplied { series: stage.pushed as u64, repeated: false }
}
