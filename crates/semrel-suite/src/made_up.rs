//! What a program would have left, made up, for tests of what reads it.

use semrel_run::search::{Budget, Cost, Measure, Member, SearchResults, Winner};

/// The results of a small search without limits that has found this configuration, with a Fréchet distance of 40.
pub fn search(channels: &str) -> SearchResults {
    let member = Member { channels: channels.to_owned(), quality: Measure::Fd.of(40.0) };
    SearchResults {
        name: "row".to_owned(),
        settings: String::new(),
        super_net: None,
        set: "test".to_owned(),
        set_size: 4,
        budget: Budget::default(),
        size: (64, 64),
        quality: "FD(effnet-lite0)".to_owned(),
        images: 5,
        reals: None,
        reference: None,
        step: 8,
        evaluated: 4,
        winner: Winner { member, cost: Cost { macs: 30, parameters: 7, milliseconds: None } },
        spread: None,
        searches: vec![],
    }
}
