//! The driver's own thread: nothing else that runs in this process can keep it from deciding.

use super::Loop;
use crate::store::StoreError;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Runs the loop on a thread of its own; the handle ends with it, and aborting the handle stops it.
pub(super) fn spawn(running: Loop) -> Result<JoinHandle<Result<(), StoreError>>, StoreError> {
    let (ended, end) = oneshot::channel();
    let stop = running.stop.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| failed(&error))?;
    let body = move || {
        let _ = ended.send(runtime.block_on(running.run()));
    };
    std::thread::Builder::new().name("driver".into()).spawn(body).map_err(|error| failed(&error))?;
    Ok(tokio::spawn(async move {
        let guard = stop.drop_guard();
        let result = end.await;
        guard.disarm();
        result.unwrap_or_else(|_| Err(failed(&"its thread has ended")))
    }))
}

fn failed(cause: &impl ToString) -> StoreError {
    StoreError::Failed { place: "of the driver".into(), cause: cause.to_string() }
}
