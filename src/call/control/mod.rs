//! The seam to scripts: a script reaches its call only by these messages; the call's task answers them one at a time.
//!
//! The `lua` application owns the receiving end while its script runs. A request whose reply nobody waits for any more
//! (the script was stopped) is abandoned at the next event.

use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::{mpsc, oneshot};

mod activity;
mod order;
mod request;
mod script;

pub use activity::{Activity, Progress, Verdict};
pub use order::{DisplaceOrder, Execution, Order, RecordOrder, Whom};
pub use request::{Digits, PlayAndGetSpec, ReadSpec, Request, SessionState};
pub use script::{ScriptEntry, ScriptHost, ScriptOutcome, ScriptRun, ScriptStatus};

/// Requests that may wait in one session's queue. A script makes one at a time; its hooks may nest a few.
pub const SESSION_QUEUE: usize = 8;

/// Serves what needs nothing but the channel while the call's task only waits for its script. It spares the way through
/// two threads, and most of what scripts ask is of this kind.
pub trait Desk: Send + Sync {
    /// Serves the request on the spot, or gives it back.
    fn serve_now(&self, request: Request) -> Option<Request>;
}

/// A request and whom it is for.
#[derive(Debug)]
pub struct Addressed {
    /// Uuid of a leg that the script dialled; none: the call's own channel.
    pub leg: Option<Arc<str>>,
    /// What is asked; apart, because a queue keeps room for many.
    pub request: Box<Request>,
}

/// A script's handle on its call. When the call's task is gone every request fails at once.
#[derive(Clone)]
pub struct SessionHandle {
    uuid: Arc<str>,
    queue: mpsc::Sender<Addressed>,
    /// It is a leg that a script dialled, in the task of the script's call.
    leg: bool,
    desk: Option<Arc<dyn Desk>>,
}

impl std::fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SessionHandle").field(&self.uuid).finish()
    }
}

/// The call is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the call is gone")]
pub struct CallGone;

impl SessionHandle {
    /// A handle and the end the call's task serves.
    pub fn new(uuid: Arc<str>) -> (Self, mpsc::Receiver<Addressed>) {
        let (queue, receiver) = mpsc::channel(SESSION_QUEUE);
        (Self { uuid, queue, leg: false, desk: None }, receiver)
    }

    /// Asks this desk first.
    #[must_use]
    pub fn with_desk(mut self, desk: Arc<dyn Desk>) -> Self {
        self.desk = Some(desk);
        self
    }

    /// A leg that this call's task dialled for the script.
    #[must_use]
    pub fn for_leg(&self, uuid: Arc<str>) -> Self {
        Self { uuid, queue: self.queue.clone(), leg: true, desk: None }
    }

    /// Whether it is such a leg.
    pub fn is_leg(&self) -> bool {
        self.leg
    }

    /// Whether two handles lead to one task.
    pub fn same_task(&self, other: &Self) -> bool {
        self.queue.same_channel(&other.queue)
    }

    /// Uuid of the channel.
    pub fn uuid(&self) -> &Arc<str> {
        &self.uuid
    }

    /// Comes when the call's task has dropped its end of the queue.
    pub async fn gone(&self) {
        self.queue.closed().await;
    }

    /// Sends a request made around its reply channel and waits for the answer.
    pub async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, CallGone> {
        let (reply, answer) = oneshot::channel();
        let request = request(reply);
        let left = match &self.desk {
            Some(desk) => desk.serve_now(request),
            None => Some(request),
        };
        if let Some(request) = left {
            let leg = self.leg.then(|| Arc::clone(&self.uuid));
            self.queue.send(Addressed { leg, request: Box::new(request) }).await.map_err(|_| CallGone)?;
            // The task may answer at once. Whether a request is a wait must not depend on who is faster.
            let mut waited = false;
            let wait_once = |context: &mut Context<'_>| {
                if std::mem::replace(&mut waited, true) {
                    return Poll::Ready(());
                }
                context.waker().wake_by_ref();
                Poll::Pending
            };
            std::future::poll_fn(wait_once).await;
        }
        answer.await.map_err(|_| CallGone)
    }
}
