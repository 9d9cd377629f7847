//! Lives that were stopped, and go on when another may have taken over: the one thing they may do
//! then is to find out.

use std::time::Duration;

use tokio::time::sleep;

use crate::life::{Ended, Life, Window};
use crate::world::World;

#[derive(Default)]
pub(crate) struct Zombies(pub(crate) Vec<Life>);

impl Zombies {
    /// Freezes the life and lets it go on after that long.
    pub(crate) fn add(&mut self, life: Life, for_ms: u64, world: &World) {
        life.freeze();
        let (world, thaw) = (world.clone(), life.thawing());
        tokio::spawn(async move {
            sleep(Duration::from_millis(for_ms)).await;
            world.note("thawed");
            thaw.open();
        });
        self.0.push(life);
    }

    pub(crate) fn windows(&self) -> Vec<Window> {
        self.0.iter().map(|life| life.window.clone()).collect()
    }

    /// Ends them; those that ended before must have done so because they were superseded.
    pub(crate) async fn end(self) -> Result<(), String> {
        for mut life in self.0 {
            if life.has_ended() {
                let ended = life.ended().await?;
                if ended != Ended::Fenced {
                    return Err(format!("a zombie ended: {ended:?}"));
                }
            } else {
                life.crash(Duration::ZERO).await;
            }
        }
        Ok(())
    }
}
