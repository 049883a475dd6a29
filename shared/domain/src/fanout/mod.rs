//! One request for many terminals (R40 to R42): the job that it becomes, its pages, and audiences.

mod audience;
mod job;
mod page;
mod tally;

pub use audience::{Audience, AudienceName, HashRange, NotAnAudienceName, Owner, SHARDS};
pub use job::{IdempotencyKey, Job, JobId, NotAJobId, NotAnIdempotencyKey, Recipients, RequestDigest};
pub use page::{Addressee, Listed, Page, Pages, Work};
pub use tally::{RefusedRecipient, Tally, Who};

/// So long a job can be looked at, and its idempotency key is remembered.
pub const JOB_DAYS: u64 = 7;
