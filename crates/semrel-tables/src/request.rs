//! What the command line asks for, and the plan that it makes.

use super::chosen;
use super::error::TableError;
use super::machine::cores;
use super::plan::{Dataset, Plan};
use super::profile::Profile;
use super::rows::select;
use super::spec::Spec;
use super::study::Variant;
use semrel_data::Direction;
use std::fs;
use std::path::{Path, PathBuf};

/// The first seed.
pub const FIRST_SEED: u64 = 777;

/// What the user asks for; what is left out has a default.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Extent of data, networks and training: `sample`, or `small` with images of the user's own.
    pub profile: Option<Profile>,
    /// The user's own images.
    pub data: Option<PathBuf>,
    /// Which way these are translated, where there are two domains.
    pub direction: Option<Direction>,
    /// Number of seeds per row, from 1 on.
    pub seeds: u64,
    /// Rows to run; all, where none is named.
    pub only: Vec<String>,
    /// Go on with rows that were interrupted, keep those that are finished.
    pub resume: bool,
    /// Redo rows that have a run folder.
    pub overwrite: bool,
    /// Show the checkpoint that does best on the test images as well.
    pub best_on_test: bool,
    /// Rows trained at a time.
    pub jobs: Option<u64>,
    /// Threads per row.
    pub threads: Option<u64>,
    /// Device to train on.
    pub device: String,
    /// Changes to every configuration, `key=value`.
    pub sets: Vec<String>,
    /// Folder of the results.
    pub out: Option<PathBuf>,
    /// Folder of the run folders.
    pub runs: Option<PathBuf>,
    /// Folder of the configurations.
    pub configs: Option<PathBuf>,
    /// By method, where rows are configurations with changes; otherwise empty.
    pub variants: Vec<Variant>,
}

impl Request {
    /// The plan of a table in the checkout at `root`. Nothing is written.
    ///
    /// # Errors
    /// Whatever is wrong with the request: settings, rows, images, configurations.
    pub fn plan(self, spec: &'static Spec, root: &Path) -> Result<Plan, TableError> {
        let program = spec.program;
        let profile = self.profile.unwrap_or(if self.data.is_some() { Profile::Small } else { Profile::Sample });
        self.sets.iter().try_for_each(|set| check_set(set))?;
        if self.best_on_test && !chosen::chooses(program) {
            return Err(TableError::NothingToChoose(spec.name));
        }
        let datasets = match &self.data {
            Some(dir) => {
                program.check_data(dir)?;
                vec![own_dataset(dir, program.own_stem(dir), program.own_settings(dir, self.direction))?]
            }
            None => (0..spec.datasets.len()).map(|index| paper_dataset(spec, profile, index)).collect(),
        };
        let names: Vec<String> = datasets.iter().map(|dataset| dataset.name.clone()).collect();
        let mut rows = select(&names, spec.methods, |method| program.needs(method), &self.only)?;
        let pairs_are_known = self.data.is_none() && profile == Profile::Sample;
        rows.retain(|row| {
            let (dataset, method) = (&names[row.dataset], spec.methods[row.method].name);
            let named = |only: &String| only == method || *only == format!("{dataset}/{method}");
            spec.supervised != Some(method) || pairs_are_known || self.only.iter().any(named)
        });
        if self.data.is_none() && profile != Profile::Sample {
            for dataset in rows.iter().map(|row| &datasets[row.dataset].name) {
                program.check_data(&root.join("data").join(dataset)).map_err(|source| TableError::NoImages {
                    profile: profile.name(),
                    dataset: dataset.clone(),
                    source: Box::new(source),
                })?;
            }
        }
        let absolute = |path: Option<PathBuf>, default: &str| match path {
            Some(path) => std::path::absolute(&path).map_err(TableError::io(&path)),
            None => Ok(root.join(default)),
        };
        let parallel = side_by_side(profile, &self.device, self.jobs);
        let plan = Plan {
            spec,
            root: root.to_owned(),
            profile,
            datasets,
            rows,
            variants: self.variants,
            seeds: (FIRST_SEED..FIRST_SEED + self.seeds).collect(),
            resume: self.resume,
            overwrite: self.overwrite,
            best_on_test: self.best_on_test,
            parallel,
            threads: self.threads.map_or((cores() / parallel).max(1), |t| t as usize),
            device: self.device,
            sets: self.sets,
            configs: absolute(self.configs, &format!("configs/{}/{}", program.name(), profile.name()))?,
            runs: absolute(self.runs, &format!("runs/{}", program.name()))?,
            out: absolute(self.out, "results")?,
        };
        plan.check_configs()?;
        Ok(plan)
    }
}

/// How many rows are trained at a time: what was asked for, or as many as there are cores where one thread trains a row.
pub fn side_by_side(profile: Profile, device: &str, asked: Option<u64>) -> usize {
    let own_core = profile != Profile::Paper && device == "cpu";
    asked.map_or(if own_core { cores() } else { 1 }, |jobs| jobs as usize)
}

/// Checks that a change to the configurations is one, and that no option says it better.
///
/// # Errors
/// [`TableError::Set`].
pub fn check_set(set: &str) -> Result<(), TableError> {
    let why = if !set.contains('=') {
        "expected KEY=VALUE, as in --set train.batch_size=2"
    } else if set.starts_with("seed=") {
        "seeds are 777, 778, ...; --seeds N says how many"
    } else if set.starts_with("data.root=") {
        "--data DIR names the images"
    } else {
        return Ok(());
    };
    Err(TableError::Set(format!("{set}: {why}")))
}

/// A data set of the paper, or what stands in for it.
fn paper_dataset(spec: &Spec, profile: Profile, index: usize) -> Dataset {
    let dataset = &spec.datasets[index];
    let name = if profile == Profile::Sample { dataset.sample.name() } else { dataset.name };
    Dataset { name: name.into(), paper: Some(index), own: None, stem: name.into(), settings: vec![] }
}

/// The data set of the user's own images, named after the folder.
fn own_dataset(dir: &Path, stem: &str, settings: Vec<String>) -> Result<Dataset, TableError> {
    let dir = fs::canonicalize(dir).map_err(TableError::io(dir))?;
    let name = dir.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    let name = if name.is_empty() { "data".into() } else { name };
    Ok(Dataset { name, paper: None, own: Some(dir), stem: stem.into(), settings })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ALL;
    use crate::entries::of_paper;
    use crate::table_single::TABLE_SINGLE;
    use crate::table2::TABLE_2;

    #[test]
    fn supervised_rows_are_made_where_pairs_are_known_or_when_named() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let own = tempfile::tempdir().unwrap();
        for folder in ["trainA", "trainB", "testA", "testB"] {
            fs::create_dir(own.path().join(folder)).unwrap();
            fs::write(own.path().join(folder).join("1.ppm"), b"P6 2 1 255\n012345").unwrap();
        }
        let supervised = |profile, data: Option<&Path>, only: &[&str]| {
            let only = only.iter().map(|name| (*name).to_owned()).collect();
            let data = data.map(Path::to_owned);
            let request =
                Request { profile: Some(profile), data, only, seeds: 1, device: "cpu".into(), ..Request::default() };
            let plan = request.plan(&TABLE_SINGLE, &root).unwrap();
            plan.rows.iter().filter(|row| plan.method(**row).name == "supervised").count()
        };
        assert_eq!(supervised(Profile::Sample, None, &[]), 2);
        assert_eq!(supervised(Profile::Sample, None, &["street"]), 1);
        assert_eq!(supervised(Profile::Sample, None, &["ours"]), 0);
        for profile in [Profile::Sample, Profile::Small] {
            assert_eq!(supervised(profile, Some(own.path()), &[]), 0);
            assert_eq!(supervised(profile, Some(own.path()), &["supervised"]), 1);
        }
    }

    #[test]
    fn every_row_has_a_configuration_and_a_place_in_the_paper() {
        let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
        for spec in ALL {
            for profile in [Profile::Sample, Profile::Small, Profile::Paper] {
                let mut datasets: Vec<String> =
                    (0..spec.datasets.len()).map(|index| paper_dataset(spec, profile, index).name).collect();
                datasets.push("data".into());
                if spec.name == TABLE_2.name {
                    datasets.push("pairs".into());
                }
                for (dataset, method) in
                    datasets.iter().flat_map(|dataset| spec.methods.iter().map(move |m| (dataset, m)))
                {
                    let method = spec.program.configuration(method.name);
                    let file = format!("{}/{}/{dataset}-{method}.yaml", spec.program.name(), profile.name());
                    assert!(configs.join(&file).is_file(), "{file}");
                }
            }
            for method in spec.methods.iter().filter(|m| m.name != "fastcut" && Some(m.name) != spec.supervised) {
                for dataset in spec.datasets {
                    let numbers = of_paper(spec.program.columns(), method, dataset.name);
                    assert!(numbers.is_some(), "{}/{}/{}", spec.name, dataset.name, method.name);
                }
            }
            let known = |name: &&str| spec.methods.iter().any(|method| method.name == *name);
            assert!(!spec.first.is_empty() && spec.first.iter().all(known), "{}", spec.name);
            // Every number has a place.
            for (dataset, metric, _) in spec.methods.iter().flat_map(|method| method.paper) {
                assert!(spec.datasets.iter().any(|known| known.name == *dataset), "{dataset}");
                assert!(spec.program.columns().iter().any(|column| column.is_called(metric)), "{metric}");
            }
        }
    }
}
