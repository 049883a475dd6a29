//! What a call of an AWS client costs by itself, on wires that answer at once: `cargo bench -p signalbox-local-aws --bench calls`.
//! Times are of a thread that does nothing else. Figures are for one machine; compare runs of one machine only.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints")]

use std::sync::Arc;
use std::time::Instant;

use aws_sdk_apigatewaymanagement::config::IdentityCache;
use aws_sdk_apigatewaymanagement::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use signalbox_local_aws::{Connections, ConnectionsWire, InlineDynamo, PostFuture, Unadorned, config};

/// The host's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CALLS: u32 = 50_000;

struct Nowhere;

impl Connections for Nowhere {
    fn post(&self, _: &str, _: Bytes) -> PostFuture<'_> {
        Box::pin(async { Ok(()) })
    }

    fn close(&self, _: &str) -> PostFuture<'_> {
        Box::pin(async { Ok(()) })
    }
}

fn main() {
    let wire = config(ConnectionsWire::new(Arc::new(Nowhere)));
    let plain = aws_sdk_apigatewaymanagement::config::Builder::from(&wire);
    let mut bare = plain
        .clone()
        .allow_no_auth()
        .auth_scheme_preference(["noAuth".into()])
        .identity_cache(IdentityCache::no_cache());
    bare.push_interceptor(Unadorned::interceptor());
    for (name, config) in [("as in the cloud", plain), ("as on one machine", bare)] {
        let client = || aws_sdk_apigatewaymanagement::Client::from_conf(config.clone().build());
        let shared = client();
        measure(&format!("post, {name}"), std::slice::from_ref(&shared), post);
        measure(&format!("post, {name}, two threads with one client"), &[shared.clone(), shared], post);
        measure(&format!("post, {name}, two threads with a client each"), &[client(), client()], post);
    }
    let plain = aws_sdk_dynamodb::config::Builder::from(&config(InlineDynamo::memory(|| 0).unwrap()));
    let mut bare = plain
        .clone()
        .allow_no_auth()
        .auth_scheme_preference(["noAuth".into()])
        .identity_cache(IdentityCache::no_cache());
    bare.push_interceptor(Unadorned::interceptor());
    for (name, config) in [("as in the cloud", plain), ("as on one machine", bare)] {
        let client = aws_sdk_dynamodb::Client::from_conf(config.build());
        measure(&format!("get from no table, {name}"), &[client], get);
    }
}

async fn post(client: aws_sdk_apigatewaymanagement::Client) {
    let frame = Blob::new(vec![b'x'; 500]);
    client.post_to_connection().connection_id("abcdefghijklm=").data(frame).send().await.unwrap();
}

async fn get(client: aws_sdk_dynamodb::Client) {
    let key = AttributeValue::S("a".to_owned());
    client.get_item().table_name("none").key("pk", key).send().await.unwrap_err();
}

/// A thread for each client.
fn measure<C: Clone + Sync, F: Future<Output = ()>>(
    name: &str,
    clients: &[C],
    call: impl Fn(C) -> F + Copy + Send,
) {
    let started = Instant::now();
    std::thread::scope(|scope| {
        for client in clients {
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                runtime.block_on(async {
                    for _ in 0..CALLS {
                        call(client.clone()).await;
                    }
                });
            });
        }
    });
    println!("{name}: {:.1} µs", started.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS));
}
