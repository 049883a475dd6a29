use std::collections::BTreeSet;

use super::function::Function;
use super::operation::Operation;
use super::permission::{On, Permission, taken_by_lambda};
use super::{
    connection, drain, fanout, fanout_page, issue_token, keep_alive, notify, provision, supervise,
    validate_token,
};

/// By SAM on every role: to write logs, `logs:CreateLogGroup`, `logs:CreateLogStream` and `logs:PutLogEvents` on everything. It is
/// Lambda that uses it, in the function's name, and the emulator does not ask for it.
pub(super) const MANAGED: &str = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";

/// What a function may do and why.
pub(super) struct Table {
    pub(super) function: Function,
    pub(super) operations: Vec<Operation>,
    /// What cannot be shown to be needed here, and who needs it.
    pub(super) unproven: Vec<(Permission, &'static str)>,
}

impl Table {
    pub(super) fn of(function: Function) -> Self {
        let unproven = match function {
            Function::Drain => taken_by_lambda(On::DrainQueue),
            Function::FanoutPage => taken_by_lambda(On::PageQueue),
            _ => Vec::new(),
        };
        let operations = match function {
            Function::Connection => connection::operations(),
            Function::Provision => provision::operations(),
            Function::IssueToken => issue_token::operations(),
            Function::ValidateToken => validate_token::operations(),
            Function::Notify => notify::operations(),
            Function::Drain => drain::operations(),
            Function::Fanout => fanout::operations(),
            Function::FanoutPage => fanout_page::operations(),
            Function::Supervise => supervise::operations(),
            Function::KeepAlive => keep_alive::operations(),
        };
        Self { function, operations, unproven }
    }

    /// All that it names.
    pub(super) fn permissions(&self) -> impl Iterator<Item = Permission> {
        let unproven = self.unproven.iter().map(|(permission, _)| *permission);
        self.needed().into_iter().chain(unproven)
    }

    /// What an operation needs.
    pub(super) fn needed(&self) -> BTreeSet<Permission> {
        self.operations.iter().flat_map(|operation| operation.needs.iter().copied()).collect()
    }
}
