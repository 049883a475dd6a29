//! Many histories, and of one that fails the least that still does.

use std::time::Instant;

use crate::dice::derive;
use crate::play::{History, play};
use crate::program::Program;
use crate::rules::judge;
use crate::trace::trace;

/// In a plain `cargo test`.
const HISTORIES: u64 = 25;

#[test]
fn whatever_happens_the_promises_hold() {
    let seed = number("SIGNALBOX_SEED");
    let histories = number("SIGNALBOX_HISTORIES").unwrap_or(if seed.is_some() { 1 } else { HISTORIES });
    let began = Instant::now();
    for nth in 0..histories {
        // A seed that is asked for is that of the first history itself.
        let seed = match seed {
            Some(seed) => seed + nth,
            None => derive(0, nth) >> 16,
        };
        let program = Program::of(seed);
        let wrong = check(&program);
        if !wrong.is_empty() {
            let program =
                if std::env::var_os("SIGNALBOX_NO_SHRINKING").is_some() { program } else { shrink(program) };
            let history = run(&program);
            let wrong: Vec<_> = judge(&history).iter().map(|wrong| format!("broken: {wrong}")).collect();
            panic!(
                "history {} of {histories}, SIGNALBOX_SEED={seed}, after {:?}, shrunk to\n{program}\n{}\n{}",
                nth + 1,
                began.elapsed(),
                trace(&history.facts),
                wrong.join("\n"),
            );
        }
    }
    println!("{histories} histories in {:?}", began.elapsed());
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a number")))
}

/// What is wrong with this history.
fn check(program: &Program) -> Vec<String> {
    judge(&run(program))
}

fn run(program: &Program) -> History {
    fastrand::seed(program.seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(play(program))
}

/// Leaves out steps, pauses and kinds of trouble as long as something is wrong.
fn shrink(mut program: Program) -> Program {
    let mut chunk = program.steps.len() / 2;
    while chunk > 0 {
        let mut from = 0;
        while from < program.steps.len() {
            let mut fewer = program.clone();
            fewer.steps.drain(from..(from + chunk).min(program.steps.len()));
            if check(&fewer).is_empty() {
                from += chunk;
            } else {
                program = fewer;
            }
        }
        chunk /= 2;
    }
    for without in crate::mood::Mood::simpler(&program.mood) {
        let simpler = Program { mood: without(program.mood.clone()), ..program.clone() };
        if !check(&simpler).is_empty() {
            program = simpler;
        }
    }
    program
}
