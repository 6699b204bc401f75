//! The compression experiment against the published implementation.

#[path = "parity/evolution.rs"]
mod evolution;

fn main() {
    semrel_testkit::run("gancomp-fast", &[("compression/evolution", evolution::evolution)])
}
