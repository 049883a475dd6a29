//! A stack of its own, from its first deployment to its end: its key is replaced, it is updated, an update fails, and it is
//! deleted, with a terminal on its connection all the time.

mod end;
mod flow;
mod rotation;
mod update;

use crate::aws::Aws;
use crate::deployment::Deployment;
use crate::stack::Stack;
use flow::Flow;
use rotation::Rotation;

const STACK: &str = "signalbox-life";

/// One test, as each of its parts goes on with what the one before has left, and a deployment takes long.
#[tokio::test]
async fn a_stack_lives_through_rotation_update_and_rollback_until_its_end() {
    let aws = Aws::start();
    let deployment = Deployment::of(STACK);
    deployment.run(&[]).await.expect("the first deployment");
    let stack = Stack::read(&aws, STACK).await;
    let mut flow = Flow::begin(stack.service()).await;

    let rotation = Rotation::new(&aws, &stack);
    rotation.add().await;
    flow.push().await;

    update::changes_what_it_is_to(&aws, &deployment, &stack, &mut flow).await;
    update::is_rolled_back_where_it_fails(&aws, &deployment, &stack, &mut flow).await;

    rotation.promote(&mut flow).await;
    let successor = rotation.retire(&mut flow).await;
    end::leaves_what_is_to_be_kept(&aws, &deployment, &stack, &successor).await;
}
