use std::sync::Arc;

use futures_util::future::join_all;

use super::function::Function;
use super::operation::{Act, Operation};
use super::permission::Permission;
use super::role::Role;
use super::scene::{Scene, eventually};
use super::table::Table;

/// A function's operations, with every permission and then without each.
pub(super) struct Rounds {
    scene: Arc<Scene>,
    table: Table,
    role: Role,
}

impl Rounds {
    pub(super) async fn new(scene: Arc<Scene>, function: Function) -> Self {
        let role = scene.role(function).await;
        Self { scene, table: Table::of(function), role }
    }

    /// What was not as the table says.
    pub(super) async fn run(&self) -> Vec<String> {
        let mut surprises = self.round(None).await;
        for permission in self.table.needed() {
            surprises.extend(self.round(Some(permission)).await);
        }
        surprises
    }

    /// Every operation that says something about it: all are prepared, and those that lack the same then act at once.
    async fn round(&self, taken: Option<Permission>) -> Vec<String> {
        let of_starts = |taken: Permission| {
            self.table.operations.iter().any(|operation| operation.starts && operation.needs.contains(&taken))
        };
        let telling = |operation: &&Operation| match taken {
            // Whether it works without it depends on whether an instance is free that has started with it.
            Some(taken) if of_starts(taken) => operation.needs.contains(&taken),
            // A start takes long, and tells nothing where it does not need the permission.
            Some(_) if operation.starts => false,
            // It lacks it anyhow.
            Some(taken) => !operation.lacks.contains(&taken),
            None => true,
        };
        let mut operations: Vec<_> = self.table.operations.iter().filter(telling).collect();
        // Behind the others: where a function does not start, none of them works.
        operations.sort_by_key(|operation| operation.starts);
        let mut left = self.prepare(&operations).await;
        let mut surprises = Vec::new();
        while let Some((first, _)) = left.first() {
            let alike = |one: &Operation| one.lacks == first.lacks && one.starts == first.starts;
            let (together, rest) = left.into_iter().partition(|(one, _)| alike(one));
            surprises.extend(self.act(together, taken).await);
            left = rest;
        }
        surprises
    }

    async fn prepare<'t>(&self, operations: &[&'t Operation]) -> Vec<(&'t Operation, Act)> {
        let acts = join_all(operations.iter().map(|operation| operation.prepare(self.scene.clone()))).await;
        operations.iter().copied().zip(acts).collect()
    }

    async fn act(&self, ready: Vec<(&Operation, Act)>, taken: Option<Permission>) -> Vec<String> {
        let (operations, acts): (Vec<_>, Vec<_>) = ready.into_iter().unzip();
        let lacks = operations[0].lacks.iter().copied();
        let missing: Vec<_> = lacks.chain(taken).map(|permission| self.scene.named(permission)).collect();
        self.role.without(&self.scene.aws, &missing).await;
        let done = join_all(acts).await;
        self.role.without(&self.scene.aws, &[]).await;
        if operations[0].starts {
            self.start_again(&operations).await;
        }
        let surprising = operations.iter().zip(done).filter_map(|(operation, done)| {
            let expected = taken.is_none_or(|taken| !operation.needs.contains(&taken));
            (done != expected).then(|| self.surprise(operation, taken, done))
        });
        surprising.collect()
    }

    /// The last of those instances that could not start may still be ending.
    async fn start_again(&self, operations: &[&Operation]) {
        let again = async || {
            let acts = self.prepare(operations).await.into_iter().map(|(_, act)| act);
            join_all(acts).await.into_iter().all(|started| started)
        };
        eventually(again).await;
    }

    fn surprise(&self, operation: &Operation, taken: Option<Permission>, done: bool) -> String {
        let name = self.table.function.name();
        let without = taken.map_or("with everything".to_owned(), |taken| {
            format!("without {} on the {}", taken.action, taken.on.name())
        });
        format!("{name} {without}: {} {}", operation.name, if done { "works" } else { "fails" })
    }
}
