pub(crate) mod batch;
pub(crate) mod conditional;
pub(crate) mod connections;
pub(crate) mod messages;
pub(crate) mod sessions;
pub(crate) mod terminals;
pub(crate) mod transaction;
