//! The way back over lines: by the device's own checkpoint, then by lines until it is the same to the byte. Whoever
//! carries them.

use super::script::Script;
use crate::executor::WritePass;
use crate::executor::device::{Restored, Running, WriteEnd};
use futures_util::future::BoxFuture;
use switchyard_shared::configuration::{Block, spared, way};
use switchyard_shared::outcome::LeftAs;

/// Rounds in which a device is brought back, each after a look at what it has.
const ROUNDS_MAX: u32 = 4;

/// Why a list is not put back of which no single line can be taken away.
pub(super) const ALL_OR_NOTHING: &str =
    "there is no way to give it back what it had but to take all of it away";

/// Who carries the lines of a way back.
pub(in crate::executor) trait Carries: Send {
    /// Its lines.
    fn script(&self) -> &Script;

    /// What the device has now.
    fn reread(&mut self) -> BoxFuture<'_, Result<Running, WriteEnd>>;

    /// Goes back to the place that was kept before the write. What the device refused of it, if anything.
    fn roll_back<'a>(
        &'a mut self,
        pass: &'a WritePass,
        before: &'a Running,
    ) -> BoxFuture<'a, Result<Option<String>, WriteEnd>>;

    /// Says `steps` to a device that `has` these lines, where a candidate can be emptied as all that shall stay: `whole`.
    /// What the device refused of them and was passed over, if anything.
    fn bring_back<'a>(
        &'a mut self,
        pass: &'a WritePass,
        steps: &'a [Block],
        has: &'a [Block],
        whole: bool,
    ) -> BoxFuture<'a, Result<Option<String>, WriteEnd>>;

    /// Why `steps` are not sent to a device that has the second lines, if they are too many.
    fn too_many(&self, _steps: &[Block], _has: &[Block]) -> Option<String> {
        None
    }
}

/// Brings a device that has `running` back to `before`.
pub(in crate::executor) async fn restore(
    carrier: &mut impl Carries,
    pass: &WritePass,
    running: &Running,
    before: &Running,
) -> Result<Restored, WriteEnd> {
    let platform = carrier.script().platform.clone();
    let mut now = running.clone();
    let (mut said, mut is_begun) = (None, false);
    if !platform.configure.rollback.is_empty() && now != *before {
        said = carrier.roll_back(pass, before).await?;
        now = carrier.reread().await?;
        // Of what was refused a part may be there.
        is_begun = said.is_none() || now != *running;
    }
    let had = carrier.script().blocks(&before.0);
    let (then, torn) = spared(&carrier.script().blocks(&now.0), &had, &platform.dialect);
    for round in 0..ROUNDS_MAX {
        if now == *before {
            return Ok(Restored::Whole);
        }
        let has = carrier.script().blocks(&now.0);
        let mut steps = way(&has, &then, &platform.dialect);
        let whole = (round > 0 || steps.is_empty())
            && !platform.configure.clear.is_empty()
            && carrier.too_many(&then, &[]).is_none();
        if whole {
            steps.clone_from(&then);
        } else if steps.is_empty() {
            break;
        }
        if let Some(why) = carrier.too_many(&steps, if whole { &[] } else { &has }) {
            let message = format!("the way back {why}{}", told(said));
            let left_as = if is_begun { LeftAs::Unknown } else { LeftAs::Changed };
            return Err(WriteEnd::Rejected { message, left_as });
        }
        let brought = carrier.bring_back(pass, &steps, &has, whole).await;
        match brought.map_err(|end| if is_begun { end.after_a_step() } else { end }) {
            Ok(refused) => said = refused.or(said),
            Err(WriteEnd::Rejected { message, .. }) => said = Some(message),
            Err(
                end @ (WriteEnd::NotSent(_) | WriteEnd::NoWay(_) | WriteEnd::Busy(_) | WriteEnd::Lost(_)),
            ) => return Err(end),
        }
        // Of what was refused a part may be there.
        is_begun = true;
        now = carrier.reread().await?;
    }
    let script = carrier.script();
    let stays = script.lists_named(&torn).map(|lists| format!("{lists} stays as it is: {ALL_OR_NOTHING}"));
    match (script.is_alike(&now, &then), stays) {
        (true, None) => Ok(Restored::Whole),
        (true, Some(stays)) => Ok(Restored::Except(stays)),
        (false, stays) => {
            let stays = stays.map(|stays| format!("; {stays}")).unwrap_or_default();
            Err(script.not_back(&now, &then, &(stays + &told(said))))
        }
    }
}

/// What the device said last, for the end of a sentence.
fn told(said: Option<String>) -> String {
    said.map(|said| format!("; it said: {said}")).unwrap_or_default()
}
