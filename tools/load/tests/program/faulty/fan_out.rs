//! One notification to many: each recipient gets it as if it had been posted to alone, so that all faults of posts are faults of
//! it, too.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use signalbox_wire::{
    AudienceChange, AudienceChanged, AudienceNotification, JobAccepted, JobProgress, JobState,
    NotificationsRequest, base64url,
};

use super::book::{Book, Post};
use super::{Fault, Service};

/// What is known of audiences and jobs.
#[derive(Default)]
pub(super) struct FanOuts {
    /// Tokens.
    audiences: HashMap<String, Vec<String>>,
    jobs: Vec<JobProgress>,
}

pub(super) async fn change(
    State(service): State<Arc<Service>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Vec<u8> {
    let change: AudienceChange = serde_json::from_slice(&body).unwrap();
    let mut fan_outs = service.fan_outs.lock().unwrap();
    let mut tokens: Vec<_> = change.add.iter().map(|member| member.shown().to_owned()).collect();
    if service.fault == Fault::LeaveOut {
        tokens.pop();
    }
    let added = tokens.len() as u64;
    fan_outs.audiences.entry(name).or_default().extend(tokens);
    in_json(&AudienceChanged { added, removed: 0, refused: Vec::new() })
}

pub(super) async fn delete(State(service): State<Arc<Service>>, Path(name): Path<String>) -> StatusCode {
    service.fan_outs.lock().unwrap().audiences.remove(&name).unwrap();
    StatusCode::NO_CONTENT
}

pub(super) async fn to_audience(
    State(service): State<Arc<Service>>,
    Path(name): Path<String>,
    body: Bytes,
) -> (StatusCode, Vec<u8>) {
    let notification: AudienceNotification = serde_json::from_slice(&body).unwrap();
    let tokens = service.fan_outs.lock().unwrap().audiences[&name].clone();
    begin(&service, &tokens, notification.ttl, notification.body.as_deref())
}

pub(super) async fn to_list(State(service): State<Arc<Service>>, body: Bytes) -> (StatusCode, Vec<u8>) {
    let request: NotificationsRequest = serde_json::from_slice(&body).unwrap();
    let tokens: Vec<_> = request.recipients.iter().map(|recipient| recipient.shown().to_owned()).collect();
    begin(&service, &tokens, request.ttl, request.body.as_deref())
}

pub(super) async fn progress(State(service): State<Arc<Service>>, Path(job): Path<usize>) -> Vec<u8> {
    in_json(&service.fan_outs.lock().unwrap().jobs[job])
}

fn begin(service: &Service, tokens: &[String], ttl: u64, body: Option<&str>) -> (StatusCode, Vec<u8>) {
    let body = base64url::decode(body.unwrap()).unwrap();
    let mut fan_outs = service.fan_outs.lock().unwrap();
    let (first, job) = (fan_outs.jobs.is_empty(), fan_outs.jobs.len().to_string());
    let total = tokens.len() as u64;
    if let Fault::RefuseFanOut(status) = service.fault
        && first
    {
        // It is not understood as one that was accepted.
        let accepted = JobAccepted { job: job.clone(), total, refused: Vec::new() };
        fan_outs.jobs.push(nothing(job, total));
        return (StatusCode::from_u16(status).unwrap(), in_json(&accepted));
    }
    let mut progress = nothing(job.clone(), total);
    let mut book = service.book();
    for token in tokens {
        carry_out(&mut book, token, &body, ttl, &mut progress);
    }
    spoil(service.fault, first, &mut progress);
    fan_outs.jobs.push(progress);
    (StatusCode::ACCEPTED, in_json(&JobAccepted { job, total, refused: Vec::new() }))
}

/// To one of them.
fn carry_out(book: &mut Book, token: &str, body: &[u8], ttl: u64, progress: &mut JobProgress) {
    let connected = book.is_connected(token);
    let struck = book.next_is_struck();
    if struck && book.fault == Fault::RefuseRecipient {
        book.skip();
        progress.refused += 1;
        return;
    }
    if struck && book.fault == Fault::GiveUp {
        book.skip();
        progress.failed += 1;
        return;
    }
    book.post(token, Post { body: body.to_vec(), topic: None, ttl });
    match (connected, ttl) {
        (true, _) => progress.posted += 1,
        (false, 0) => progress.missed += 1,
        (false, _) => progress.stored += 1,
    }
}

/// What the job says of itself.
fn spoil(fault: Fault, first: bool, progress: &mut JobProgress) {
    match fault {
        Fault::Miscount if first => {
            progress.posted -= 1;
            progress.stored += 1;
        }
        Fault::CountTwice if first => {
            progress.posted += 1;
            progress.total += 1;
        }
        Fault::NeverEnd if first => {
            progress.state = JobState::Running;
            progress.pending = 1;
        }
        _ => {}
    }
}

fn in_json(of: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(of).unwrap()
}

fn nothing(job: String, total: u64) -> JobProgress {
    JobProgress {
        job,
        state: JobState::Done,
        total,
        posted: 0,
        stored: 0,
        missed: 0,
        refused: 0,
        failed: 0,
        pending: 0,
        dead: Vec::new(),
        refusals: Vec::new(),
        next: None,
    }
}
