//! Why the coordinator refused something, in the words of the domain; `api` turns it into a status.

use switchyard_shared::rollout::{CommandRefused, NotRestored, NotSettled};
use switchyard_shared::yaml::Problem;

/// A refusal; nothing changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refused {
    /// A rollout's own refusal.
    #[error(transparent)]
    Command(#[from] CommandRefused),
    /// A doubt that cannot be settled like this.
    #[error(transparent)]
    NotSettled(#[from] NotSettled),
    /// A device that cannot be put back.
    #[error(transparent)]
    NotRestored(#[from] NotRestored),
    /// Another rollout works on the device.
    #[error(
        "roll back {device}: rollouts/{rollout} holds it now; wait for its end, or abort it with: switchyard rollout \
         abort {rollout}; if it is UNKNOWN there, settle it with: switchyard device reconcile {device}"
    )]
    HeldByOther {
        /// The device.
        device: String,
        /// Who holds it.
        rollout: String,
    },
    /// No such resource.
    #[error("find {kind} {name}: there is none; list them with: {list}")]
    NotFound {
        /// What kind, such as `rollouts`.
        kind: &'static str,
        /// Which.
        name: String,
        /// The command that lists them.
        list: &'static str,
    },
    /// A request that cannot be understood.
    #[error("accept {field}: {why}")]
    BadRequest {
        /// The field.
        field: String,
        /// What is wrong with it.
        why: String,
    },
    /// A spec with problems, all of them.
    #[error("plan: the spec has {} problem(s)", .0.len())]
    SpecInvalid(Vec<Problem>),
    /// An inventory with problems, all of them.
    #[error("import: the inventory has {} problem(s)", .0.len())]
    InventoryInvalid(Vec<Problem>),
    /// The selection is empty.
    #[error("find a device: {0}")]
    NoTargets(String),
    /// The plan was made from something that has changed since.
    #[error("apply plans/{plan}: {why}; plan again")]
    PlanStale {
        /// The plan.
        plan: String,
        /// What changed.
        why: String,
    },
    /// A plan whose devices cannot be read.
    #[error(
        "compare plans/{plan}: its change has no `ssh.read`, so nobody can say what its devices have; write \
         change.ssh.read and plan again"
    )]
    CannotCompare {
        /// The plan.
        plan: String,
    },
    /// Other comparisons are going on.
    #[error("compare: {0} comparisons are going on already; wait for one to end")]
    TooManyComparisons(usize),
    /// The rollout of that name has not ended.
    #[error(
        "start rollouts/{name}: it is running already; follow it with: switchyard watch {name}; end it with: switchyard rollout abort {name}"
    )]
    AlreadyRunning {
        /// The rollout.
        name: String,
    },
    /// Devices would be removed.
    #[error("import: it would remove {} device(s): {}; say --prune if that is meant", .0.len(), sample(.0))]
    WouldRemove(Vec<String>),
    /// A device that would be removed is being worked on.
    #[error(
        "import: it would remove {device}, which rollouts/{rollout} holds now; wait for its end, or abort it with: switchyard rollout abort {rollout}; if it is UNKNOWN there, settle it with: switchyard device reconcile {device}"
    )]
    DeviceHeld {
        /// The device.
        device: String,
        /// Who holds it.
        rollout: String,
    },
    /// An operator holds it.
    #[error("{what} rollouts/{rollout}: {why}")]
    HeldByHand {
        /// What was asked.
        what: &'static str,
        /// Of which rollout.
        rollout: String,
        /// Who holds it, why, and what lets it go.
        why: String,
    },
    /// The site's agent is not here.
    #[error(
        "reach the agent of {site}: it is not connected; start it with: switchyard-agent run --site {site} --coordinator URL --data DIR"
    )]
    AgentAway {
        /// The site.
        site: String,
    },
    /// An agent that claims another site than its own.
    #[error("connect: {0}")]
    OtherSite(String),
    /// A join token that may not be used.
    #[error("enroll: {0}")]
    TokenRefused(String),
    /// Another agent serves the site.
    #[error(
        "connect agents/{agent}: site {site} is served by agents/{other}, {why}, and a site changes hands by an operator's word only: start that one again, or take the site from it with: switchyard agent rebind --site {site} --reason WHY"
    )]
    SiteTaken {
        /// The site.
        site: String,
        /// Who came.
        agent: String,
        /// Who is there.
        other: String,
        /// Why that one counts.
        why: String,
    },
    /// The agent knows more than this coordinator.
    #[error(
        "connect agents/{agent}: it has met a later state of a coordinator ({found}). If an old backup was restored here, results since then are missing: restore a newer one, or go on without them: switchyard admin adopt-epoch --reason WHY, after which every device that is not final is UNKNOWN and is read before anything else. If this is another coordinator, give the agent its own --data"
    )]
    RestoredBackup {
        /// The agent.
        agent: String,
        /// What was compared.
        found: String,
    },
    /// It was put away and must be read from the store first.
    #[error("find {0:?} in memory: it was put away; ask again")]
    ToRead(crate::driver::ToRead),
    /// An agent whose site was taken from it.
    #[error(
        "connect agents/{agent}: it no longer serves site {site}: {why}. Its devices are read by the agent that serves it now; to use this machine again, let it join anew with an empty --data: switchyard agent token create --site {site}"
    )]
    FormerAgent {
        /// The agent.
        agent: String,
        /// The site.
        site: String,
        /// Who took it, and why.
        why: String,
    },
    /// No agent knows more than this coordinator.
    #[error(
        "adopt a later epoch: no agent has called that has met one, so nothing is needed; if agents were refused, let them call again first"
    )]
    NothingToAdopt,
    /// The coordinator's disk is full: nothing can be changed, everything can be looked at.
    #[error("make it durable: {0}")]
    DiskFull(String),
    /// The store failed; the coordinator stops.
    #[error("make it durable: {0}")]
    Store(String),
    /// The coordinator is stopping.
    #[error("answer: the coordinator is stopping")]
    Stopping,
}

fn sample(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(5).map(String::as_str).collect();
    let more = names.len().saturating_sub(shown.len());
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}
