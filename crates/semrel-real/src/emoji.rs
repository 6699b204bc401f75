//! Emoji that are drawn in several styles.

use crate::RealError;
use crate::archive::Archive;
use crate::draw::draw;
use crate::layout::{self, Written};
use crate::parts::{four, in_order};
use image::RgbImage;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Test pictures of each domain.
const TESTS: usize = 200;

/// Test pictures of each of several domains, all of the same subjects.
const TESTS_OF_DOMAINS: usize = 100;

/// OpenMoji's list of emoji.
const LIST: &str = "data/openmoji.json";

/// Domains of the Fluent emoji, in the order of their packages.
const STYLES: [&str; 3] = ["flat", "shaded", "contrast"];

/// An emoji of OpenMoji's list.
#[derive(Debug, Clone, Deserialize)]
struct Emoji {
    hexcode: String,
    group: String,
    /// A number from 1 to 5, several of them, or nothing.
    #[serde(default)]
    skintone: Value,
}

impl Emoji {
    fn is_in_a_tone(&self) -> bool {
        !(self.skintone.is_null() || self.skintone == "")
    }
}

/// OpenMoji in two of its styles, `black` and `color`, which are A and B. Flags, whose lines say nothing, parts of emoji and repeats in
/// other skin tones are left out.
pub fn openmoji(package: &Path, styles: [&str; 2], dir: &Path, size: u32) -> Result<Written, RealError> {
    let archive = Archive::open(package, |name| name == LIST || name.ends_with(".svg"))?;
    let all: Vec<Emoji> = archive.json(LIST)?;
    let count = all.len();
    let (tones, rest): (Vec<Emoji>, Vec<Emoji>) = all.into_iter().partition(Emoji::is_in_a_tone);
    let kept = |emoji: &Emoji| !["flags", "component"].contains(&emoji.group.as_str());
    let (subjects, flags): (Vec<Emoji>, Vec<Emoji>) = rest.into_iter().partition(kept);
    let subjects: Vec<String> = subjects.into_iter().map(|emoji| emoji.hexcode).collect();
    let subjects = in_order(subjects, |name| name);
    let too_few = || RealError::TooFew { path: package.to_owned(), found: subjects.len(), needed: 4 * TESTS };
    let parts = four(&subjects, TESTS).ok_or_else(too_few)?;
    let jobs = layout::two_domains(parts, |name| format!("{name}.png"));
    let picture = |(name, side): &(String, usize)| {
        let member = format!("{}/svg/{name}.svg", styles[*side]);
        drawn(&archive, &member, archive.member(&member)?, size)
    };
    debug_assert_eq!(count, tones.len() + flags.len() + subjects.len());
    let left_out =
        vec![("repeats in other skin tones".to_owned(), tones.len()), ("flags and parts".to_owned(), flags.len())];
    layout::write(dir, &jobs, picture, left_out)
}

fn drawn(archive: &Archive, member: &str, svg: &[u8], size: u32) -> Result<RgbImage, RealError> {
    let failed = |why| RealError::Drawing { path: archive.path().to_owned(), member: member.to_owned(), why };
    draw(svg, size).map_err(failed)
}

/// Icons as Iconify packs them.
#[derive(Debug, Deserialize)]
struct Icons {
    icons: BTreeMap<String, Icon>,
    width: Option<f64>,
    height: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Icon {
    body: String,
    width: Option<f64>,
    height: Option<f64>,
}

impl Icons {
    /// An icon as a whole drawing.
    fn svg(&self, name: &str) -> Option<String> {
        let icon = self.icons.get(name)?;
        let side = |own: Option<f64>, usual: Option<f64>| own.or(usual).unwrap_or(16.0);
        Some(format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 {} {}">{}</svg>"#,
            side(icon.width, self.width),
            side(icon.height, self.height),
            icon.body
        ))
    }
}

/// Fluent emoji in three styles, each subject that all of them show. Training pictures of the domains are of different subjects, test
/// pictures of the same; `truth/<target>/<source>` has what each should become. The one flag is left out; the package of high contrast has no skin
/// tones.
pub fn fluent(packages: &[PathBuf], dir: &Path, size: u32) -> Result<Written, RealError> {
    let open = |path: &PathBuf| Archive::open(path, |name| name == "icons.json");
    let archives = packages.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let styles = archives.iter().map(|archive| archive.json("icons.json")).collect::<Result<Vec<Icons>, _>>()?;
    let in_all = |name: &&String| styles.iter().all(|style| style.icons.contains_key(*name));
    let shared: Vec<&String> = styles[0].icons.keys().filter(in_all).collect();
    let left = styles.iter().map(|style| style.icons.len() - shared.len()).max().unwrap_or(0);
    let (flags, subjects): (Vec<&String>, Vec<&String>) = shared.into_iter().partition(|name| name.contains("flag"));
    let subjects = in_order(subjects, |name| name.as_str());
    let needed = 4 * TESTS_OF_DOMAINS;
    if subjects.len() < needed {
        return Err(RealError::TooFew { path: packages[0].clone(), found: subjects.len(), needed });
    }
    let (tests, training) = subjects.split_at(TESTS_OF_DOMAINS);
    let share = training.len() / STYLES.len();
    let mut jobs = vec![];
    let file = |name: &String| format!("{name}.png");
    for (style, label) in STYLES.iter().enumerate() {
        for name in &training[style * share..(style + 1) * share] {
            jobs.push((format!("train/{label}"), file(name), (*name, style)));
        }
        for name in tests {
            jobs.push((format!("val/{label}"), file(name), (*name, style)));
            for source in STYLES.iter().filter(|source| *source != label) {
                jobs.push((format!("truth/{label}/{source}"), file(name), (*name, style)));
            }
        }
    }
    let picture = |&(name, style): &(&String, usize)| {
        let missing = || RealError::Missing { path: packages[style].clone(), member: name.clone() };
        let svg = styles[style].svg(name).ok_or_else(missing)?;
        drawn(&archives[style], name, svg.as_bytes(), size)
    };
    let left_out = vec![
        ("subjects that not all styles show, skin tones among them".to_owned(), left),
        ("flags".to_owned(), flags.len()),
    ];
    layout::write(dir, &jobs, picture, left_out)
}
