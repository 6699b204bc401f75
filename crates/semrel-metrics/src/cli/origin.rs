//! Which network is taken if none is named, and what is shown of its weights.

use anyhow::{Result, bail};
use semrel_metrics::MetricsError;
use semrel_metrics::networks::{DEFAULT, Network, SECOND};
use semrel_metrics::weights::{Check, Examined, WeightsError};
use semrel_nn::checkpoint::load_any;
use serde_json::{Value, json};
use std::path::Path;

/// Name of LPIPS among the extractors.
pub const LPIPS: &str = "lpips-alex";

/// A network by name, and why it was taken where it was not named.
#[derive(Debug, PartialEq)]
pub struct Choice {
    pub name: String,
    pub why: Option<String>,
}

impl Choice {
    /// The network that was named, else the one that a file of weights is of, else `preferred` where its published weights
    /// are at hand, else the default.
    pub fn make<T>(
        named: Option<&str>,
        weights: Option<&Path>,
        preferred: &str,
        at_hand: impl FnOnce() -> Result<T, MetricsError>,
    ) -> Result<Self> {
        let chosen = |name: &str, why: String| Self { name: name.to_owned(), why: Some(why) };
        if let Some(name) = named {
            return Ok(Self { name: name.to_owned(), why: None });
        }
        if let Some(file) = weights {
            return Ok(chosen(network_of(file, preferred == LPIPS)?, "by the keys and shapes of --weights".into()));
        }
        Ok(match at_hand() {
            Ok(_) => chosen(preferred, "by default, since its published weights are in the weights folder".into()),
            Err(MetricsError::Weights(WeightsError::Missing { .. })) => {
                let place = "are not in the weights folder (`cargo xtask weights` lists and fetches)";
                chosen(DEFAULT, format!("by default, since those of {preferred} {place}"))
            }
            Err(error) => chosen(
                DEFAULT,
                format!("by default, since those of {preferred} cannot be used: {:#}", anyhow::Error::from(error)),
            ),
        })
    }
}

/// The name of the network whose weights a file holds; of LPIPS only where that is among the choices.
fn network_of(file: &Path, lpips: bool) -> Result<&'static str> {
    let looks = match Network::of(&load_any(file)?) {
        Some(Network::EfficientNetLite0) => return Ok(DEFAULT),
        Some(Network::EfficientNetLite2) => return Ok(SECOND),
        Some(Network::InceptionFid) => return Ok("inception-fid"),
        Some(Network::InceptionTorchvision) => return Ok("inception-torchvision"),
        Some(Network::Vit(arch)) if arch.name().is_some() => return Ok(arch.name().unwrap_or_default()),
        Some(Network::AlexNet | Network::LpipsAlex | Network::LpipsAlexHeads) if lpips => return Ok(LPIPS),
        Some(other) => format!("looks like the weights of {}, which reads no such features", other.describe()),
        None => "does not look like the weights of any network here".into(),
    };
    bail!("{}: {looks}; --extractor names the network that it is for", file.display())
}

/// How a network came about.
#[derive(Debug, Default)]
pub struct Origin {
    /// Why it was taken, where it was not named.
    pub chosen: Option<String>,
    /// The files that its weights are from.
    pub weights: Vec<Examined>,
}

impl Origin {
    /// In words, one line each.
    pub fn describe(&self) -> Vec<(&'static str, String)> {
        let chosen = self.chosen.iter().map(|why| ("chosen", why.clone()));
        chosen.chain(self.weights.iter().map(|file| ("weights", file.describe()))).collect()
    }

    /// The files as JSON; `published` is null where no digest is published to compare with.
    pub fn weights_json(&self) -> Value {
        let file = |file: &Examined| {
            let published = match file.check {
                Check::Matches => Some(true),
                Check::Differs { .. } => Some(false),
                Check::Unpublished => None,
            };
            json!({ "file": file.path, "sha256": file.sha256, "published": published })
        };
        self.weights.iter().map(file).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use semrel_metrics::weights::{FID_INCEPTION, WeightsFile};

    #[test]
    fn published_weights_at_hand_are_preferred_and_what_is_named_goes_before() {
        let folder = tempfile::tempdir().unwrap();
        let file = WeightsFile { file: "abc.pth", sha256: Some("ba7816bf"), ..FID_INCEPTION };
        let at_hand = || Ok(file.locate_in(folder.path().to_owned())?);
        let choose = |named| Choice::make(named, None, "inception-fid", at_hand).unwrap();
        let why = |choice: Choice| choice.why.unwrap();
        assert_eq!(choose(None).name, "effnet-lite0");
        assert!(why(choose(None)).contains("not in the weights folder"), "{}", why(choose(None)));
        std::fs::write(folder.path().join("abc.pth"), "damaged").unwrap();
        assert_eq!(choose(None).name, "effnet-lite0");
        assert!(why(choose(None)).contains("abc.pth: SHA-256"), "{}", why(choose(None)));
        std::fs::write(folder.path().join("abc.pth"), "abc").unwrap();
        assert_eq!(choose(None).name, "inception-fid");
        assert!(why(choose(None)).contains("its published weights are in"));
        let named = Choice { name: "effnet-lite0".into(), why: None };
        assert_eq!(choose(Some("effnet-lite0")), named);
    }
}
