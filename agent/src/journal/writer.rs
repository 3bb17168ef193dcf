//! Serves the journal's file: takes what waits, has it written as one frame and synced once, tells.

use super::book::Book;
use super::record::Entry;
use super::{Closed, NotDurable, Pause};
use tokio::sync::{mpsc, oneshot};

/// Most submissions that are synced together.
const BATCH_MAX: usize = 256;

/// What is asked of the writer.
pub enum Command {
    /// Make these durable, then tell.
    Append(Vec<Entry>, oneshot::Sender<Result<(), NotDurable>>),
    /// Close the file, then tell.
    Close(oneshot::Sender<Closed>),
}

/// Serves on a thread of its own, until told to close or until nobody can ask any more.
pub fn serve(mut book: Book, mut commands: mpsc::Receiver<Command>) {
    while let Some(first) = commands.blocking_recv() {
        if let Some(close) = turn(&mut book, first, &mut commands) {
            return end(book, close);
        }
    }
}

/// As [`serve`], within a runtime, where every write takes as long as `pause` says.
pub async fn serve_in_task(mut book: Book, mut commands: mpsc::Receiver<Command>, mut pause: Pause) {
    while let Some(first) = commands.recv().await {
        tokio::time::sleep(pause()).await;
        if let Some(close) = turn(&mut book, first, &mut commands) {
            return end(book, close);
        }
    }
}

/// Takes one batch; gives who waits for the end, if told to end.
fn turn(
    book: &mut Book,
    first: Command,
    commands: &mut mpsc::Receiver<Command>,
) -> Option<oneshot::Sender<Closed>> {
    let (mut submissions, mut waiting) = (Vec::new(), Vec::new());
    let mut next = Some(first);
    let mut close = None;
    while let Some(command) = next {
        match command {
            Command::Append(entries, done) => {
                submissions.push(entries);
                waiting.push(done);
            }
            Command::Close(done) => close = Some(done),
        }
        next = if submissions.len() < BATCH_MAX && close.is_none() { commands.try_recv().ok() } else { None };
    }
    for (done, result) in waiting.into_iter().zip(book.commit(submissions)) {
        let _nobody_waits = done.send(result);
    }
    close
}

fn end(mut book: Book, close: oneshot::Sender<Closed>) {
    book.finish();
    drop(book);
    let _nobody_waits = close.send(Closed);
}
