# What is done often, by name. Everything also works without `just`: the commands are here to be read.

# Runs the push service.
run *options:
    cargo run -- {{options}}

# The quick checks, before a commit.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --all-features -- --deny warnings
    cargo test

# All checks, as before a landing.
ci:
    .ci/run

# Kills the service so many times under load, and looks at what is lost. SIGNALBOX_SEED repeats what a run has printed.
kill times="20":
    SIGNALBOX_KILLS={{times}} cargo test --package signalbox --test kill -- --nocapture

# Disks that are full, read-only or broken, on filesystems that it mounts (root).
disks:
    cargo test --package signalbox --features mounts --test disk

# Stock clients against the service: pywebpush (from `infra/emulator/install`), npm's web-push, Firefox ESR.
clients:
    npm ci --prefix tests/real_clients/npm --ignore-scripts --no-audit --no-fund
    SIGNALBOX_PYTHON="${SIGNALBOX_PYTHON:-$PWD/target/emulator-venv/emulator/bin/python}" cargo test --package signalbox --features real-clients --test real_clients

# docs/asyncapi.json and docs/openapi.json, made anew.
documents:
    SIGNALBOX_WRITE=1 cargo test --package signalbox --test surfaces

# The two documents against stock tools, and the service against the documents.
surfaces:
    tests/surfaces/stock/install
    tests/surfaces/stock/validate
    cargo build --package signalbox
    target/surfaces-venv/bin/python tests/surfaces/stock/conform.py

# The end-to-end suite against the template, deployed into a local emulator of AWS; then the stack's permissions, updates, end.
deployed *arguments:
    infra/emulator/test target/debug {{arguments}}

# Random histories by the thousand; with a seed as the argument, that one.
model seed="":
    SIGNALBOX_HISTORIES="{{ if seed == "" { "10000" } else { "1" } }}" {{ if seed == "" { "" } else { "SIGNALBOX_SEED=" + seed } }} cargo test --profile measure --package signalbox --test model -- --nocapture

# A fan-out at the size and by the limits of AWS, simulated: see docs/PERFORMANCE.md.
simulate *options:
    cargo run --profile measure --package signalbox-simulate -- {{options}}

# Puts known bugs back, one by one, and says how soon the model finds each.
put-back *names:
    tests/model/put-back {{names}}

# Known vulnerabilities among the dependencies; asks the advisory database on the network.
advisories:
    cargo deny check advisories

# A fuzz target of tools/fuzz/, from its seeds: names, vapid, payload or frames. Needs nightly Rust and cargo-fuzz. What it finds on
# the way is kept in tools/fuzz/corpus, and out of the repository. Files of vapid and payload are in the layout of `arbitrary`:
# the fields one behind the other, and at the end the length of each text, the first one's last.
fuzz target seconds="600":
    mkdir -p tools/fuzz/corpus/{{target}}
    cargo +nightly fuzz run --fuzz-dir tools/fuzz {{target}} tools/fuzz/corpus/{{target}} tools/fuzz/seeds/{{target}} -- -max_total_time={{seconds}}

# The functions as they are deployed, without SAM.
functions architecture="arm64":
    cargo lambda build --release --{{architecture}} --package signalbox-connection --package signalbox-provision --package signalbox-issue-token --package signalbox-validate-token --package signalbox-notify --package signalbox-drain --package signalbox-fanout --package signalbox-fanout-page --package signalbox-supervise --package signalbox-keep-alive

# Mutations of the domain's code that its tests do not notice. Needs cargo-mutants; works on a copy. Three are known: `|` for `^`
# between bits that never meet.
mutants:
    cargo mutants --package signalbox-domain --test-package signalbox-domain --timeout 60 --output target/mutants -- --lib
