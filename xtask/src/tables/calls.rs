//! The calls that make a table.

use super::jobs::{Job, Step, last_error};
use super::plan::{CHECKPOINTS, Plan, eval_file, has_run};
use super::results::{self, Summary};
use super::rows::Row;
use super::spec::Column;
use crate::workspace::{Workspace, cores};
use anyhow::{Context, Result, anyhow};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program of a table.
pub struct Calls<'a> {
    pub plan: &'a Plan,
    pub workspace: &'a Workspace,
    pub program: &'a Path,
}

/// What is left of a row with a seed.
struct Left {
    trained: bool,
    run: PathBuf,
    made_with: String,
}

impl Calls<'_> {
    fn call(&self, action: &str) -> Command {
        let threads = self.plan.threads.to_string();
        let mut command = self.workspace.command(self.program);
        command.env("OMP_NUM_THREADS", &threads);
        command.args([action, "--device", &self.plan.device, "--threads", &threads]);
        command
    }

    /// The calls still to be made: a job for each half's baseline, then one for each row and seed.
    ///
    /// Before that, the configuration and the data of each row that is to be trained are checked: nothing is removed or
    /// trained for a table whose settings are mistyped.
    pub fn jobs(&self) -> Result<Vec<Job>> {
        let plan = self.plan;
        let left: Vec<(Row, u64, Left)> = plan
            .trainings()
            .into_iter()
            .map(|(row, seed)| Ok((row, seed, self.left(row, seed)?)))
            .collect::<Result<_>>()?;
        let rows: Vec<Row> =
            plan.rows.iter().copied().filter(|row| left.iter().any(|(r, _, l)| r == row && !l.trained)).collect();
        let lengths = self.check(&rows)?;
        let baselines = plan.halves_in_use().into_iter().map(|half| self.baseline(half));
        let length = |row: Row| rows.iter().position(|r| *r == row).and_then(|i| lengths[i]);
        let rows = left.into_iter().map(|(row, seed, left)| Ok(self.row(row, seed, left, length(row))));
        baselines.chain(rows).collect()
    }

    fn left(&self, row: Row, seed: u64) -> Result<Left> {
        let plan = self.plan;
        let (run, made_with) = (plan.run_dir(row, seed), plan.stamp(row)?);
        // Where nothing tells what a run was made with, training is called: it compares, and ends at once if all is done.
        let trained = plan.resume
            && results::read::<Summary>(&run.join("summary.json")).is_ok()
            && fs::read_to_string(plan.stamp_file(&run)).is_ok_and(|found| found == made_with);
        Ok(Left { trained, run, made_with })
    }

    /// Has the program check rows, several at a time; the number of their steps, where it tells.
    fn check(&self, rows: &[Row]) -> Result<Vec<Option<u64>>> {
        let one = |&row: &Row| self.check_row(row).with_context(|| self.plan.name(row));
        let share = rows.len().div_ceil(cores()).max(1);
        std::thread::scope(|scope| {
            let part = |rows: &'_ [Row]| rows.iter().map(one).collect::<Vec<_>>();
            let parts: Vec<_> = rows.chunks(share).map(|rows| scope.spawn(move || part(rows))).collect();
            parts.into_iter().flat_map(|part| part.join().expect("checking does not panic")).collect()
        })
    }

    fn check_row(&self, row: Row) -> Result<Option<u64>> {
        let mut command = self.call("train");
        command.arg(self.plan.config(row)).arg("--check");
        command.args(self.plan.settings(row.half).iter().flat_map(|set| ["--set", set]));
        let output = command.output().with_context(|| format!("{} cannot be started", self.program.display()))?;
        if !output.status.success() {
            let said = last_error(&String::from_utf8_lossy(&output.stderr));
            return Err(anyhow!(said.unwrap_or_else(|| format!("`train --check` ended with {}", output.status))));
        }
        let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        Ok(said["steps"].as_u64())
    }

    fn baseline(&self, half: usize) -> Result<Job> {
        let plan = self.plan;
        let name = format!("{}/no translation", plan.halves[half].name);
        let (file, stamp) = (plan.baseline_file(half), plan.baseline_stamp_file(half));
        // What is measured does not depend on the method.
        let row = *plan.rows.iter().find(|row| row.half == half).unwrap_or(&Row { half, method: 0 });
        let made_with = plan.stamp(row)?;
        let kept = plan.resume
            && fs::read_to_string(&stamp).is_ok_and(|found| found == made_with)
            && results::read_scores(&file, baseline_places(plan)).is_ok();
        let mut steps = vec![];
        if !kept {
            let mut command = self.call("baseline");
            command.arg(plan.config(row)).arg("--out").arg(&file);
            command.args(plan.settings(half).iter().flat_map(|set| ["--set", set]));
            let outdates = vec![file, stamp.clone()];
            steps.push(Step { outdates, stamp: Some((stamp, made_with)), ..step("measuring", command) });
        }
        Ok(Job { log: plan.log(&name), name, steps })
    }

    fn row(&self, row: Row, seed: u64, left: Left, length: Option<u64>) -> Job {
        let plan = self.plan;
        let Left { trained, run, made_with } = left;
        let mut name = plan.name(row);
        if plan.seeds.len() > 1 {
            name += &format!(" s{seed}");
        }
        let evals = CHECKPOINTS.map(|checkpoint| eval_file(&run, checkpoint));
        let mut steps = vec![];
        if !trained {
            let mut command = self.call("train");
            command.arg(plan.config(row)).arg("--run-dir").arg(&run);
            if has_run(&run) {
                command.args(plan.resume.then_some("--resume")).args(plan.overwrite.then_some("--overwrite"));
            }
            command.args(plan.settings(row.half).iter().flat_map(|set| ["--set", set]));
            command.args(["--set", &format!("seed={seed}")]);
            let stamp = plan.stamp_file(&run);
            steps.push(Step {
                outdates: evals.iter().cloned().chain([stamp.clone()]).collect(),
                stamp: Some((stamp, made_with)),
                metrics: Some(run.join("metrics.jsonl")),
                length,
                ..step("training", command)
            });
        }
        for (checkpoint, file) in CHECKPOINTS.iter().zip(&evals) {
            if !(trained && results::read_scores(file, eval_places(plan)).is_ok()) {
                let mut command = self.call("eval");
                command.arg(&run).args(["--checkpoint", checkpoint, "--out"]).arg(file);
                let label = if *checkpoint == "last" { "evaluating the last" } else { "evaluating the best" };
                steps.push(step(label, command));
            }
        }
        let picture = plan.out.join(plan.picture(row));
        if let Some([action, options @ ..]) = plan.spec.program.drawing
            && seed == plan.seeds[0]
            && !(trained && picture.exists())
        {
            let mut command = self.call(action);
            command.arg(&run).args(["--checkpoint", "last"]).args(options).arg("--out").arg(picture);
            steps.push(step("drawing", command));
        }
        Job { log: plan.log(&name), name, steps }
    }
}

/// Places of an evaluation's scores.
pub fn eval_places(plan: &Plan) -> impl Iterator<Item = &'static str> {
    plan.spec.program.columns.iter().map(|column| column.eval)
}

/// Places of a baseline's scores.
pub fn baseline_places(plan: &Plan) -> impl Iterator<Item = &'static str> {
    let places = |column: &'static Column| [column.untranslated, column.ceiling].into_iter().flatten();
    plan.spec.program.columns.iter().flat_map(places)
}

fn step(label: &'static str, command: Command) -> Step {
    Step { label, command, outdates: vec![], stamp: None, metrics: None, length: None }
}
