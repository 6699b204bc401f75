//! Which training images the distillation learns from, and which the search looks at: never the same ones.

use crate::config::DataConfig;
use anyhow::{Context, Result, ensure};
use semrel_data::{DataError, PairFolder, PairLayout, Side};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Config keys of list files.
const DISTILL_SOURCE: &str = "data.distill_list.source";
const DISTILL_TARGET: &str = "data.distill_list.target";
const SEARCH: &str = "data.search_list";

/// Those of `train` that the distillation learns from, and those that the search looks at. Each domain is divided by
/// itself, pairs by the lists of the source.
///
/// # Errors
/// Names the config key and the file.
pub(super) fn divided(data: &DataConfig, train: &PairFolder) -> Result<(PairFolder, PairFolder)> {
    let (source, target) = (data.direction.source(), data.direction.target());
    let lists = &data.distill_list;
    let whole = (train.clone(), train.clone());
    let of_source = (DISTILL_SOURCE, lists.source.as_deref());
    let parts = of_side(whole, source, data.held_back, of_source, data.search_list.as_deref())?;
    if train.layout != PairLayout::Unaligned {
        return Ok(parts);
    }
    of_side(parts, target, data.held_back, (DISTILL_TARGET, lists.target.as_deref()), None)
}

/// Divides a side, which is whole in both parts so far. The stage with a list has what it names, the other one what it
/// leaves; without lists, `held_back` images go to the search.
fn of_side(
    (mut distill, mut search): (PairFolder, PairFolder),
    side: Side,
    held_back: usize,
    (key, distill_list): (&str, Option<&Path>),
    search_list: Option<&Path>,
) -> Result<(PairFolder, PairFolder)> {
    if let Some(list) = distill_list {
        distill = distill.listed(side, list).with_context(|| format!("config key `{key}`"))?;
    }
    if let Some(list) = search_list {
        search = search.listed(side, list).with_context(|| format!("config key `{SEARCH}`"))?;
    }
    match (distill_list, search_list) {
        (Some(_), Some(_)) => check_disjoint(distill.files(side), search.files(side), key)?,
        (Some(_), None) => search = search.without(side, &distill).chosen_by_name(side, held_back),
        (None, Some(_)) => {
            distill = distill.without(side, &search);
            ensure!(
                !distill.files(side).is_empty(),
                "config key `{SEARCH}`: it names every image of {}; leave some to the distillation",
                distill.folder(side).display()
            );
        }
        (None, None) => {
            let (path, found) = (distill.folder(side).to_owned(), distill.files(side).len());
            if found <= held_back {
                let too_few = DataError::TooFew { path, found, needed: held_back + 1 };
                return Err(too_few).context("config key `data.held_back`");
            }
            search = search.chosen_by_name(side, held_back);
            distill = distill.without(side, &search);
        }
    }
    Ok((distill, search))
}

fn check_disjoint(distill: &[PathBuf], search: &[PathBuf], key: &str) -> Result<()> {
    let learnt: BTreeSet<&PathBuf> = distill.iter().collect();
    let both: Vec<&PathBuf> = search.iter().filter(|file| learnt.contains(file)).collect();
    ensure!(
        both.is_empty(),
        "config keys `{key}` and `{SEARCH}`: {} image(s) in both, such as {}; the search must look at none that the \
         distillation learns from: take them out of one list",
        both.len(),
        both[0].display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::tests::opened;
    use crate::data::{Data, Stage};
    use serde_json::json;

    /// Names of the images of a side that distillation and search have.
    fn parts(data: &Data, side: Side) -> [Vec<String>; 2] {
        let name = |file: &PathBuf| file.file_name().unwrap().to_string_lossy().into_owned();
        let names = |folder: &PairFolder| folder.files(side).iter().map(name).collect();
        [names(data.of_stage(Stage::Distill)), data.search.as_ref().map(names).unwrap_or_default()]
    }

    const LISTED: [&str; 2] = ["1.png", "4.png"];
    const OTHERS: [&str; 4] = ["0.png", "2.png", "3.png", "5.png"];

    #[test]
    fn the_distillation_does_not_see_what_is_held_back() {
        for layout in ["unaligned", "aligned"] {
            let (_dir, data) = opened(layout, json!({ "held_back": 2 }));
            let data = data.unwrap();
            assert_eq!(data.of_stage(Stage::Teacher).len(), 6);
            assert_eq!(data.of_stage(Stage::Finetune).len(), 6);
            for side in [Side::A, Side::B] {
                let [distill, search] = parts(&data, side);
                assert!(distill.iter().all(|name| !search.contains(name)));
                assert_eq!((distill.len(), search.len()), (4, 2));
            }
            let sources = data.search_sources().unwrap();
            assert_eq!(sources.len(), 2);
            assert!(sources.read(0).unwrap().get_pixel(3, 3).0[0] >= 100, "B is translated");
        }
    }

    #[test]
    fn a_list_leaves_the_rest_to_the_other_stage() {
        for layout in ["unaligned", "aligned"] {
            let open = |keys| opened(layout, keys).1.unwrap();
            // All that the list does not name, but no more than are to be held back.
            for (held_back, searched) in [(5, 4), (3, 3)] {
                let data = open(json!({ "held_back": held_back, "distill_list": { "source": "list.txt" } }));
                let [distill, search] = parts(&data, Side::B);
                assert_eq!((distill, search.len()), (LISTED.map(str::to_owned).to_vec(), searched));
                assert!(search.iter().all(|name| OTHERS.contains(&name.as_str())), "{search:?}");
            }
            let data = open(json!({ "held_back": 1, "search_list": "list.txt" }));
            assert_eq!(parts(&data, Side::B), [OTHERS.map(str::to_owned).to_vec(), LISTED.map(str::to_owned).to_vec()]);
            // What is held back counts for the domain without a list alone.
            let targets = if layout == "aligned" { [4, 2] } else { [5, 1] };
            assert_eq!(parts(&data, Side::A).map(|names| names.len()), targets);
        }
    }

    #[test]
    fn lists_take_the_place_of_what_is_held_back() {
        let lists = json!({ "held_back": 2, "distill_list": { "source": "rest.txt" }, "search_list": "list.txt" });
        let (_dir, data) = opened("unaligned", lists);
        let data = data.unwrap();
        assert_eq!(parts(&data, Side::B), [["0.png", "5.png"], LISTED].map(|names| names.map(str::to_owned).to_vec()));
        assert_eq!(parts(&data, Side::A).map(|names| names.len()), [4, 2]);
        let (_dir, data) = opened("unaligned", json!({ "held_back": 2, "distill_list": { "target": "list.txt" } }));
        let [distill, search] = parts(&data.unwrap(), Side::A);
        assert_eq!((distill, search.len()), (LISTED.map(str::to_owned).to_vec(), 2));
        assert!(search.iter().all(|name| OTHERS.contains(&name.as_str())), "{search:?}");
    }

    #[test]
    fn images_of_both_stages_and_of_none_are_refused() {
        let refused = |keys| format!("{:#}", opened("aligned", keys).1.unwrap_err());
        let text = refused(json!({ "distill_list": { "source": "list.txt" }, "search_list": "list.txt" }));
        for words in ["`data.distill_list.source` and `data.search_list`: 2 image(s) in both", "trainB/1.png"] {
            assert!(text.contains(words), "{text}");
        }
        let text = refused(json!({ "search_list": "all.txt" }));
        assert!(text.contains("`data.search_list`: it names every image of") && text.contains("trainB"), "{text}");
        let text = refused(json!({ "held_back": 6 }));
        assert!(text.contains("`data.held_back`: ") && text.contains("6 image(s); at least 7"), "{text}");
        for keys in [json!({}), json!({ "held_back": 2, "distill_list": { "source": "all.txt" } })] {
            let (_dir, data) = opened("unaligned", keys);
            let text = format!("{:#}", data.unwrap().search_sources().unwrap_err());
            assert!(text.contains("`data.held_back`: 0"), "{text}");
        }
    }

    #[test]
    fn a_search_refers_to_two_images_of_its_own_or_none() {
        let targets = |held_back: usize| {
            let (_dir, data) = opened("aligned", json!({ "held_back": held_back }));
            data.unwrap().search_targets().map(|targets| targets.len()).map_err(|error| error.to_string())
        };
        assert_eq!(targets(2), Ok(2));
        for few in [0, 1] {
            let text = targets(few).unwrap_err();
            assert!(text.contains(&format!("`search.reference`: search: {few} image(s)")), "{text}");
        }
    }
}
