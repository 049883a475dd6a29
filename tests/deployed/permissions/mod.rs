//! What each function may do, and that it needs it: every permission is taken away alone, through IAM's API, from the role
//! of a deployed function. The operations that need it must fail then, and the function's others must work.

mod connection;
mod drain;
mod fanout;
mod fanout_page;
mod function;
mod issue_token;
mod keep_alive;
mod many;
mod notify;
mod operation;
mod page;
mod permission;
mod provision;
mod role;
mod rounds;
mod scene;
mod supervise;
mod table;
mod validate_token;

use std::collections::BTreeSet;
use std::sync::Arc;

use function::Function;
use rounds::Rounds;
use scene::Scene;
use table::Table;
use tokio::sync::Mutex;

/// One test changes the roles of the suite's stack: what looks at them, or must not fail meanwhile, waits for it.
pub(crate) static ROLES: Mutex<()> = Mutex::const_new(());

/// No role holds a permission that the table does not name, nor the other way round.
#[tokio::test]
async fn roles_hold_what_the_table_names_and_nothing_else() {
    let _alone = ROLES.lock().await;
    let scene = Scene::of_the_suite().await;
    for function in Function::ALL {
        let role = scene.role(function).await;
        let table = Table::of(function);
        assert_eq!(role.managed, [table::MANAGED], "{function:?} has managed policies");
        let named: BTreeSet<_> = table.permissions().map(|permission| scene.named(permission)).collect();
        let held: Vec<_> = role.held.difference(&named).collect();
        assert!(held.is_empty(), "{function:?} holds what nothing is known to need: {held:?}");
        let lacking: Vec<_> = named.difference(&role.held).collect();
        assert!(lacking.is_empty(), "{function:?} lacks what the table names: {lacking:?}");
    }
}

/// Without a permission what needs it fails, and the function's other operations work (where an instance has started); with it
/// back, all do.
#[tokio::test]
async fn what_needs_a_permission_fails_without_it_and_nothing_else_does() {
    let _alone = ROLES.lock().await;
    let scene = Arc::new(Scene::of_the_suite().await);
    let mut surprises = Vec::new();
    for function in Function::ALL {
        surprises.extend(Rounds::new(scene.clone(), function).await.run().await);
    }
    assert!(surprises.is_empty(), "\n{}", surprises.join("\n"));
}
