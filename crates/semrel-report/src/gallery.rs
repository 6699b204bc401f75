//! Pictures: those of tables, figures, and samples of runs.

use super::asset::{Asset, Source};
use super::labels::group_of;
use super::members::short_title;
use super::problems::{files_below, shown};
use super::run_folders::RunFolder;
use super::sources::{EvidenceFile, Sources, TableFile};
use semrel_run::input;
use semrel_tables::spec::Method;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Bytes of all pictures together, at most: a report is sent by mail. Those that come later are left out.
const MOST_BYTES: u64 = 11_000_000;

/// Of these, bytes that grids of tables and figures leave to the samples of runs.
const OF_SAMPLES: u64 = 3_000_000;

/// Samples shown of a run: the first, some between, the last.
const SAMPLES: usize = 3;

/// Pictures that belong together.
#[derive(Debug, Serialize)]
pub struct Gallery {
    /// What they are of.
    pub title: String,
    /// Them.
    pub pictures: Vec<Picture>,
}

/// A picture.
#[derive(Debug, Serialize)]
pub struct Picture {
    /// Its address.
    pub src: String,
    /// Size in pixels.
    pub width: u32,
    /// Size in pixels.
    pub height: u32,
    /// What is below it.
    pub title: String,
    /// What it shows.
    pub alt: String,
}

/// Pictures by place, and the files that they need.
pub struct Galleries {
    /// Of tables, in their order.
    pub tables: Vec<Gallery>,
    /// Of figures.
    pub figures: Option<Gallery>,
    /// Samples of runs, by what is compared.
    pub samples: Vec<Gallery>,
    /// Files beside the page.
    pub assets: BTreeMap<String, Asset>,
    left_out: usize,
    bytes: u64,
    /// For all bytes that are added.
    room: u64,
}

/// All pictures, the most telling first: there may not be room for all, but where the page is `live` and nothing is sent.
pub fn collect(sources: &Sources, live: bool) -> Galleries {
    let (room, of_samples) = if live { (u64::MAX, 0) } else { (MOST_BYTES, OF_SAMPLES) };
    let mut all = Galleries {
        tables: vec![],
        figures: None,
        samples: vec![],
        assets: BTreeMap::new(),
        left_out: 0,
        bytes: 0,
        room: room - of_samples,
    };
    // Before any picture of one method come those of all methods, of every table.
    let mut tables: Vec<Vec<(Candidate, Option<Picture>)>> = sources
        .tables
        .iter()
        .map(|file| of_table(file).into_iter().map(|candidate| (candidate, None)).collect())
        .collect();
    let of_claims = |file| of_evidence(file).into_iter().map(|candidate| (candidate, None)).collect();
    tables.extend(sources.evidence.iter().map(of_claims));
    for of_all in [true, false] {
        for (candidate, picture) in tables.iter_mut().flatten().filter(|(candidate, _)| candidate.of_all == of_all) {
            *picture = all.add_one(sources, candidate);
        }
    }
    let titles = sources.tables.iter().map(TableFile::title).chain(sources.evidence.iter().map(EvidenceFile::title));
    for (title, pictures) in titles.zip(tables) {
        let pictures: Vec<Picture> = pictures.into_iter().filter_map(|(_, picture)| picture).collect();
        if !pictures.is_empty() {
            all.tables.push(Gallery { title, pictures });
        }
    }
    let figures = all.add(sources, figures(&sources.folders.results));
    all.figures = (!figures.is_empty()).then(|| Gallery { title: "Figures".into(), pictures: figures });
    all.room = room;
    let mut groups: BTreeMap<(usize, String), Vec<Candidate>> = BTreeMap::new();
    for run in sources.runs.iter().filter(|run| !run.samples.is_empty()) {
        groups.entry(group_of(run, sources.member(run))).or_default().extend(samples(run, sources.label(run)));
    }
    for ((_, title), candidates) in groups {
        let pictures = all.add(sources, candidates);
        if !pictures.is_empty() {
            all.samples.push(Gallery { title, pictures });
        }
    }
    if all.left_out > 0 {
        let room = MOST_BYTES / 1_000_000;
        sources.problems.add("pictures", format!("{} are left out: there is room for {room} MB", all.left_out));
    }
    all
}

/// A file that may be shown.
struct Candidate {
    path: PathBuf,
    /// Whether it shows all methods of a table.
    of_all: bool,
    title: String,
    alt: String,
}

impl Galleries {
    fn add(&mut self, sources: &Sources, candidates: Vec<Candidate>) -> Vec<Picture> {
        candidates.iter().filter_map(|candidate| self.add_one(sources, candidate)).collect()
    }

    fn add_one(&mut self, sources: &Sources, Candidate { path, title, alt, .. }: &Candidate) -> Option<Picture> {
        let folders = &sources.folders;
        let place = if path.starts_with(&folders.runs) {
            shown("runs", &folders.runs, path)
        } else {
            shown("results", &folders.results, path)
        };
        let bytes = sources.problems.keep(&place, input::read(path).map_err(|e| format!("cannot be read: {e}")))?;
        let size = semrel_data::image_io::dimensions(path).map_err(|_| "not a picture; left out");
        let (width, height) = sources.problems.keep(&place, size)?;
        // By content: the same picture is written once, and one that an open page shows never changes.
        let src = format!("pictures/{}.png", &hex::encode(Sha256::digest(&bytes))[..16]);
        if !self.assets.contains_key(&src) {
            if self.bytes + bytes.len() as u64 > self.room {
                self.left_out += 1;
                return None;
            }
            self.bytes += bytes.len() as u64;
            self.assets.insert(src.clone(), Asset { source: Source::File(path.clone()), media_type: "image/png" });
        }
        Some(Picture { src, width, height, title: title.clone(), alt: alt.clone() })
    }
}

/// The pictures that were made with a table as it is: not what an earlier one has left of rows that failed since.
fn of_table(file: &TableFile) -> Vec<Candidate> {
    let (name, short) = (file.spec.name, short_title(file.spec));
    let mut found = vec![];
    for dataset_name in file.table.datasets.iter().map(|dataset| &dataset.name) {
        let all = (
            format!("{name}-{dataset_name}.png"),
            format!("{dataset_name}, all methods"),
            "inputs and each method’s translations".to_owned(),
            true,
        );
        let one = |m: &'static Method| {
            (
                format!("{name}-{dataset_name}-{}.png", m.name),
                format!("{dataset_name}, {}", m.title),
                format!("translations by {}", m.title),
                false,
            )
        };
        for (picture, title, what, of_all) in std::iter::once(all).chain(file.spec.methods.iter().map(one)) {
            let path = file.folder.join(&picture);
            let of_now = file.table.pictures.contains(&picture);
            if of_now && path.is_file() {
                let alt = format!("{short}, {dataset_name}: a grid of {what}");
                found.push(Candidate { path, of_all, title, alt });
            }
        }
    }
    found
}

/// The pictures of the rows that claims are about.
fn of_evidence(file: &EvidenceFile) -> Vec<Candidate> {
    let candidate = |(title, picture): &(String, String)| {
        let path = file.folder.join(picture);
        // Those of all rows list them.
        let of_all = title.contains(", from the top: ");
        let (title, alt) = (title.clone(), format!("A grid of {title}"));
        (path.is_file() && picture.ends_with(".png")).then_some(Candidate { path, of_all, title, alt })
    };
    file.evidence.pictures.iter().filter_map(candidate).collect()
}

/// Whatever lies in `results/figures`.
fn figures(results: &Path) -> Vec<Candidate> {
    let files = files_below(&results.join("figures")).into_iter();
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "png"));
    let candidate = |path: PathBuf| {
        let inner = path.strip_prefix(results.join("figures")).unwrap_or(&path).with_extension("");
        let title = inner.to_string_lossy().replace(['-', '_'], " ").replace('/', ", ");
        Candidate { alt: format!("Figure: {title}"), of_all: false, title, path }
    };
    files.map(candidate).collect()
}

fn samples(run: &RunFolder, label: &str) -> Vec<Candidate> {
    let last = run.samples.len() - 1;
    let mut places: Vec<usize> = (0..SAMPLES).map(|i| i * last / (SAMPLES - 1)).collect();
    places.dedup();
    let candidate = |i: usize| {
        let path = run.samples[i].clone();
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let step = stem.strip_prefix("step-").map(|rest| rest.trim_start_matches('0')).unwrap_or(&stem);
        let title = format!("{label}, step {step}");
        Candidate { alt: format!("A grid of samples while training: {title}"), of_all: false, title, path }
    };
    places.into_iter().map(candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::Folders;
    use semrel_tables::ALL;
    use semrel_tables::written::Written;
    use serde_json::json;
    use std::fs;

    #[test]
    fn pictures_of_an_earlier_table_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let name = |tail: &str| format!("{}-street{tail}.png", ALL[1].name);
        for tail in ["", "-cut", "-lsesim", "-ours"] {
            fs::write(dir.path().join(name(tail)), "").unwrap();
        }
        let titles = |pictures: &[String]| -> Vec<String> {
            let dataset = json!({"dataset": "street", "paper": null, "no_translation": {"failed": "x"}, "runs": []});
            let json = json!({"profile": "sample", "seeds": [1], "set": [], "device": "cpu", "processor": null,
                "threads": 1, "jobs": 1, "datasets": [dataset], "pictures": pictures, "paper": [], "caption": []});
            let table = Written::read(ALL[1], &json.to_string()).unwrap();
            let file = TableFile { spec: ALL[1], table, written: 0, folder: dir.path().to_owned(), within: None };
            of_table(&file).into_iter().map(|candidate| candidate.title).collect()
        };
        assert_eq!(titles(&[name("-ours")]), ["street, Ours"]);
        assert_eq!(titles(&[name(""), name("-ours"), name("-gcgan")]), ["street, all methods", "street, Ours"]);
        assert!(titles(&[]).is_empty());
    }

    #[test]
    fn pictures_of_all_methods_come_before_those_of_one() {
        let dir = tempfile::tempdir().unwrap();
        let results = dir.path().join("results");
        fs::create_dir(&results).unwrap();
        // The first table's methods alone would take all the room.
        for (spec, method, bytes) in [(ALL[0], "-ours", 7_500_000), (ALL[1], "-cut", 1_000_000)] {
            let names = ["", method].map(|tail| format!("{}-street{tail}.png", spec.name));
            for (name, length) in names.iter().zip([400_000, bytes]) {
                image::RgbImage::new(2, 2).save(results.join(name)).unwrap();
                // What is behind the picture in its file counts, too.
                let mut picture = fs::read(results.join(name)).unwrap();
                picture.extend(name.bytes().cycle().take(length));
                fs::write(results.join(name), picture).unwrap();
            }
            let dataset = json!({"dataset": "street", "paper": null, "no_translation": {"failed": "x"}, "runs": []});
            let table = json!({"profile": "sample", "seeds": [1], "set": [], "device": "cpu", "processor": null,
                "threads": 1, "jobs": 1, "datasets": [dataset], "pictures": names, "paper": [], "caption": []});
            fs::write(results.join(format!("{}.json", spec.name)), table.to_string()).unwrap();
        }
        let out = dir.path().join("out");
        let folders = Folders { results, runs: dir.path().join("runs"), out };
        let galleries = collect(&Sources::read(&folders).unwrap(), false);
        let titles = |gallery: &Gallery| gallery.pictures.iter().map(|p| p.title.clone()).collect::<Vec<_>>();
        let shown: Vec<_> = galleries.tables.iter().map(titles).collect();
        assert_eq!(shown, [vec!["street, all methods"], vec!["street, all methods", "street, CUT"]]);
    }
}
