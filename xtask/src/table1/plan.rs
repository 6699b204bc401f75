//! What a table consists of, and the calls that make it.

use super::jobs::{Job, Step};
use super::results::{self, Baseline, Eval, Summary};
use super::rows::{Method, Profile, Row};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Checkpoints that are evaluated.
pub const CHECKPOINTS: [&str; 2] = ["last", "best"];

/// A data set of the table.
pub struct Half {
    /// Its name.
    pub name: String,
    /// The user's own images.
    pub own: Option<PathBuf>,
}

impl Half {
    /// One of the paper's.
    pub fn of_paper(name: &str) -> Self {
        Self { name: name.into(), own: None }
    }
}

/// Everything that the command line decides.
pub struct Plan {
    pub profile: Profile,
    pub halves: Vec<Half>,
    pub rows: Vec<Row>,
    pub seeds: Vec<u64>,
    pub resume: bool,
    pub overwrite: bool,
    /// Jobs at a time.
    pub parallel: usize,
    /// Threads a job.
    pub threads: usize,
    pub device: String,
    /// Changes to every configuration, `key=value`.
    pub sets: Vec<String>,
    pub configs: PathBuf,
    pub runs: PathBuf,
    pub out: PathBuf,
}

impl Plan {
    /// Indices of the halves that rows need.
    pub fn halves_in_use(&self) -> Vec<usize> {
        (0..self.halves.len()).filter(|&h| self.rows.iter().any(|row| row.half == h)).collect()
    }

    /// Rows and seeds, in the order of their jobs, which follow one job a half in use.
    pub fn trainings(&self) -> Vec<(Row, u64)> {
        self.seeds.iter().flat_map(|&seed| self.rows.iter().map(move |&row| (row, seed))).collect()
    }

    /// Run folder of a row with a seed.
    pub fn run_dir(&self, row: Row, seed: u64) -> PathBuf {
        let (profile, half) = (self.profile.name(), &self.halves[row.half].name);
        self.runs.join(format!("table1-{profile}-{half}-{}-s{seed}", row.method.name()))
    }

    /// Folder of a half's scores without translation.
    fn baseline_dir(&self, half: usize) -> PathBuf {
        self.runs.join(format!("table1-{}-{}-no-translation", self.profile.name(), self.halves[half].name))
    }

    /// Scores of no translation at all.
    pub fn baseline_file(&self, half: usize) -> PathBuf {
        self.baseline_dir(half).join("baseline.json")
    }

    /// Name of the picture of a row, in the folder of results.
    pub fn picture(&self, row: Row) -> String {
        format!("table1-{}-{}.png", self.halves[row.half].name, row.method.name())
    }

    fn config(&self, half: usize, method: Method) -> PathBuf {
        let half = &self.halves[half];
        let stem = if half.own.is_some() { "data" } else { half.name.as_str() };
        self.configs.join(format!("{stem}-{}.yaml", method.name()))
    }

    /// Changes to the configuration of a half's rows.
    fn settings(&self, half: usize) -> Vec<String> {
        // The value is YAML, which holds JSON's strings whatever is in them.
        let own = self.halves[half].own.iter().map(|dir| format!("data.root={}", json!(dir.to_string_lossy())));
        own.chain(self.sets.iter().cloned()).collect()
    }

    /// Checks that every row has a configuration.
    pub fn check_configs(&self) -> Result<()> {
        for row in &self.rows {
            let path = self.config(row.half, row.method);
            if !path.is_file() {
                bail!("{}: no such configuration; profile {} cannot run this row", path.display(), self.profile.name());
            }
        }
        Ok(())
    }

    /// Checks that existing run folders are neither overwritten unasked nor mixed up with other settings.
    pub fn check_run_folders(&self) -> Result<()> {
        for (row, seed) in self.trainings() {
            let dir = self.run_dir(row, seed);
            if self.overwrite || !has_run(&dir) {
                continue;
            }
            if !self.resume {
                bail!(
                    "{}: there is a run already; --resume goes on with it (or keeps it, if it is finished), \
                     --overwrite starts anew",
                    dir.display()
                );
            }
            if let Ok(found) = fs::read_to_string(stamp_file(&dir))
                && found != self.stamp(row)?
            {
                bail!("{}: finished with another configuration or other --set; --overwrite redoes it", dir.display());
            }
        }
        Ok(())
    }

    /// What results are made with: the configuration, with those that it extends, and the changes to it.
    fn stamp(&self, row: Row) -> Result<String> {
        let (mut hash, mut next) = (Sha256::new(), Some(self.config(row.half, row.method)));
        // Bounded, because files may extend each other in a circle, which is for the program to tell.
        for _ in 0..16 {
            let Some(path) = next else { break };
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            hash.update(&text);
            let keys: serde_yaml::Value = serde_yaml::from_str(&text).unwrap_or_default();
            next = keys.get("extends").and_then(|base| Some(path.parent()?.join(base.as_str()?)));
        }
        Ok(json!({"config_sha256": hex::encode(hash.finalize()), "set": self.settings(row.half)}).to_string())
    }

    /// The calls still to be made: a job for each half's baseline, then one for each row and seed.
    pub fn jobs(&self, workspace: &Workspace, program: &Path) -> Result<Vec<Job>> {
        let program = Program { plan: self, workspace, path: program };
        let baselines = self.halves_in_use().into_iter().map(|half| program.baseline(half));
        let rows = self.trainings().into_iter().map(|(row, seed)| program.row(row, seed));
        baselines.chain(rows).collect()
    }

    /// Log of a job.
    pub fn log(&self, name: &str) -> PathBuf {
        self.out.join("logs").join(format!("{}.log", name.replace(['/', ' '], "-")))
    }
}

/// Scores of a checkpoint, in the run folder.
pub fn eval_file(run: &Path, checkpoint: &str) -> PathBuf {
    run.join(format!("eval-{checkpoint}.json"))
}

fn has_run(dir: &Path) -> bool {
    dir.join("config.yaml").exists()
}

fn stamp_file(run: &Path) -> PathBuf {
    run.join("table1.json")
}

/// Calls of `stargan2-multi`.
struct Program<'a> {
    plan: &'a Plan,
    workspace: &'a Workspace,
    path: &'a Path,
}

impl Program<'_> {
    fn call(&self, action: &str) -> Command {
        let threads = self.plan.threads.to_string();
        let mut command = self.workspace.command(self.path);
        command.env("OMP_NUM_THREADS", &threads);
        command.args([action, "--device", &self.plan.device, "--threads", &threads]);
        command
    }

    fn baseline(&self, half: usize) -> Result<Job> {
        let plan = self.plan;
        let name = format!("{}/no translation", plan.halves[half].name);
        let (file, stamp) = (plan.baseline_file(half), stamp_file(&plan.baseline_dir(half)));
        // What is measured does not depend on the method.
        let row = Row { half, method: Method::Ours };
        let row = *plan.rows.iter().find(|row| row.half == half).unwrap_or(&row);
        let made_with = plan.stamp(row)?;
        let kept = plan.resume
            && fs::read_to_string(&stamp).is_ok_and(|found| found == made_with)
            && results::read::<Baseline>(&file).is_ok();
        let mut steps = vec![];
        if !kept {
            let mut command = self.call("baseline");
            command.arg(plan.config(half, row.method)).arg("--out").arg(&file);
            command.args(plan.settings(half).iter().flat_map(|set| ["--set", set]));
            let outdates = vec![file, stamp.clone()];
            steps.push(Step { outdates, stamp: Some((stamp, made_with)), ..step("measuring", command) });
        }
        Ok(Job { log: plan.log(&name), name, steps })
    }

    fn row(&self, row: Row, seed: u64) -> Result<Job> {
        let plan = self.plan;
        let half = &plan.halves[row.half].name;
        let mut name = format!("{half}/{}", row.method.name());
        if plan.seeds.len() > 1 {
            name += &format!(" s{seed}");
        }
        let run = plan.run_dir(row, seed);
        let evals = CHECKPOINTS.map(|checkpoint| eval_file(&run, checkpoint));
        let made_with = plan.stamp(row)?;
        // Where nothing tells what a run was made with, training is called: it compares, and ends at once if all is done.
        let trained = plan.resume
            && results::read::<Summary>(&run.join("summary.json")).is_ok()
            && fs::read_to_string(stamp_file(&run)).is_ok_and(|found| found == made_with);
        let mut steps = vec![];
        if !trained {
            let mut command = self.call("train");
            command.arg(plan.config(row.half, row.method)).arg("--run-dir").arg(&run);
            if has_run(&run) {
                command.args(plan.resume.then_some("--resume")).args(plan.overwrite.then_some("--overwrite"));
            }
            command.args(plan.settings(row.half).iter().flat_map(|set| ["--set", set]));
            command.args(["--set", &format!("seed={seed}")]);
            steps.push(Step {
                outdates: evals.iter().cloned().chain([stamp_file(&run)]).collect(),
                stamp: Some((stamp_file(&run), made_with)),
                run: Some(run.clone()),
                ..step("training", command)
            });
        }
        for (checkpoint, file) in CHECKPOINTS.iter().zip(&evals) {
            if !(trained && results::read::<Eval>(file).is_ok()) {
                let mut command = self.call("eval");
                command.arg(&run).args(["--checkpoint", checkpoint, "--out"]).arg(file);
                let label = if *checkpoint == "last" { "evaluating the last" } else { "evaluating the best" };
                steps.push(step(label, command));
            }
        }
        let picture = plan.out.join(plan.picture(row));
        if seed == plan.seeds[0] && !(trained && picture.exists()) {
            let mut command = self.call("sample");
            command.arg(&run).args(["--checkpoint", "last", "--grid", "latent", "--out"]).arg(picture);
            steps.push(step("drawing", command));
        }
        Ok(Job { log: plan.log(&name), name, steps })
    }
}

fn step(label: &'static str, command: Command) -> Step {
    Step { label, command, outdates: vec![], stamp: None, run: None }
}
