//! The calls that make a table.

use super::chosen::{BEST_ON_TEST, LAST};
use super::collected::read_summary;
use super::entries::MEASURED;
use super::error::TableError;
use super::jobs::{Job, Step, last_error};
use super::machine::cores;
use super::names::{self, DRAWING, METRICS, eval_file, has_run};
use super::plan::Plan;
use super::results;
use super::rows::Row;
use super::spec::Address;
use semrel_run::stored::CheckResult;
use semrel_run::{input, run_dir};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program of a table.
pub struct Calls<'a> {
    /// What is to be made.
    pub plan: &'a Plan,
    /// Starts the program, which lies at [`Calls::program`].
    pub command: &'a (dyn Fn(&Path) -> Command + Sync),
    /// Where the program lies.
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
        let mut command = (self.command)(self.program);
        command.env("OMP_NUM_THREADS", &threads);
        command.args([action, "--device", &self.plan.device, "--threads", &threads]);
        command
    }

    /// The call of a stage of a row with a seed, without its changes to the configuration.
    fn stage(&self, action: &str, row: Row, run: &Path) -> Command {
        let mut command = self.call(action);
        command.arg(self.plan.config(row));
        match self.plan.spec.program.address() {
            Address::Folder => command.arg("--run-dir").arg(run),
            Address::Names => command.arg("--runs").arg(&self.plan.runs),
        };
        command
    }

    /// Changes to the configuration of a row with a seed.
    fn settings(&self, row: Row, seed: u64) -> Vec<String> {
        let mut sets = self.plan.settings_of(row);
        sets.push(format!("seed={seed}"));
        if self.plan.spec.program.address() == Address::Names {
            let name = |row| self.plan.run_name(row, seed);
            let teacher = self.plan.needed(row).unwrap_or(row);
            sets.extend([format!("name={}", name(row)), format!("teacher.name={}", name(teacher))]);
        }
        sets
    }

    /// The calls still to be made: a job for each data set's baseline, then one for each row and seed.
    ///
    /// Before that, the configuration and the data of each row that is to be trained are checked: nothing is removed or
    /// trained for a table whose settings are mistyped.
    ///
    /// # Errors
    /// [`TableError::Row`] with what the program says, and those of reading configurations.
    pub fn jobs(&self) -> Result<Vec<Job>, TableError> {
        let plan = self.plan;
        let left: Vec<(Row, u64, Left)> = plan
            .trainings()
            .into_iter()
            .map(|(row, seed)| Ok((row, seed, self.left(row, seed)?)))
            .collect::<Result<_, TableError>>()?;
        let rows: Vec<Row> =
            plan.rows.iter().copied().filter(|row| left.iter().any(|(r, _, l)| r == row && !l.trained)).collect();
        let lengths = self.check(&rows)?;
        let datasets = plan.datasets_in_use();
        let lengths = |row: Row| rows.iter().position(|r| *r == row).map_or(&[][..], |i| &lengths[i]);
        let place = |row: Row, seed: u64| plan.trainings().iter().position(|training| *training == (row, seed));
        let after = |row, seed| plan.needed(row).and_then(|first| place(first, seed)).map(|i| datasets.len() + i);
        let rows = left
            .into_iter()
            .map(|(row, seed, left)| Ok(Job { after: after(row, seed), ..self.row(row, seed, left, lengths(row)) }));
        datasets.iter().map(|&dataset| self.baseline(dataset)).chain(rows).collect()
    }

    fn left(&self, row: Row, seed: u64) -> Result<Left, TableError> {
        let plan = self.plan;
        let (run, made_with) = (plan.run_dir(row, seed), plan.stamp(row)?);
        // Where nothing tells what a run was made with, training is called: it compares, and ends at once if all is done.
        let trained = plan.resume
            && plan.stages(row).last().is_some_and(|last| read_summary(&run, last).is_ok())
            && matches!(names::manifest(&run, plan.stages(row)), Ok(Some(found)) if found == plan.manifest(row, seed))
            && input::read_to_string(&plan.stamp_file(&run)).is_ok_and(|found| found == made_with);
        Ok(Left { trained, run, made_with })
    }

    /// Has the program check rows, several at a time; the number of steps of each stage.
    fn check(&self, rows: &[Row]) -> Result<Vec<Vec<u64>>, TableError> {
        let one = |&row: &Row| {
            self.check_row(row).map_err(|source| TableError::Row { row: self.plan.name(row), source: Box::new(source) })
        };
        let share = rows.len().div_ceil(cores()).max(1);
        std::thread::scope(|scope| {
            let part = |rows: &'_ [Row]| rows.iter().map(one).collect::<Vec<_>>();
            let parts: Vec<_> = rows.chunks(share).map(|rows| scope.spawn(move || part(rows))).collect();
            parts.into_iter().flat_map(|part| part.join().expect("checking does not panic")).collect()
        })
    }

    fn check_row(&self, row: Row) -> Result<Vec<u64>, TableError> {
        self.plan.stages(row).iter().map(|stage| self.check_stage(row, stage.action)).collect()
    }

    fn check_stage(&self, row: Row, action: &str) -> Result<u64, TableError> {
        let mut command = self.call(action);
        command.arg(self.plan.config(row)).arg("--check");
        command.args(self.plan.settings_of(row).iter().flat_map(|set| ["--set", set]));
        let output =
            command.output().map_err(|source| TableError::Start { program: self.program.to_owned(), source })?;
        if !output.status.success() {
            let said = last_error(&String::from_utf8_lossy(&output.stderr));
            let said = said.unwrap_or_else(|| format!("`{action} --check` ended with {}", output.status));
            return Err(TableError::Refused(said));
        }
        let answer = CheckResult::parse(&output.stdout);
        let answer =
            answer.map_err(|what| TableError::Refused(format!("`{action} --check` printed no answer: {what}")));
        Ok(answer?.steps)
    }

    fn baseline(&self, dataset: usize) -> Result<Job, TableError> {
        let plan = self.plan;
        let name = format!("{}/no translation", plan.datasets[dataset].name);
        let (file, stamp) = (plan.baseline_file(dataset), plan.baseline_stamp_file(dataset));
        // What is measured does not depend on the method.
        let row = *plan.rows.iter().find(|row| row.dataset == dataset).unwrap_or(&Row { dataset, method: 0 });
        let made_with = plan.baseline_stamp(row)?;
        let kept = plan.resume
            && input::read_to_string(&stamp).is_ok_and(|found| found == made_with)
            && results::read(&file, |value| plan.spec.program.baselined(value)).is_ok();
        let mut steps = vec![];
        if !kept {
            let mut command = self.call("baseline");
            command.arg(plan.config(row)).arg("--out").arg(&file);
            command.args(plan.settings(dataset).iter().flat_map(|set| ["--set", set]));
            let outdates = vec![file, stamp.clone()];
            steps.push(Step { outdates, stamp: Some((stamp, made_with)), ..step("measuring", command) });
        }
        let rank = usize::from(!plan.is_first(dataset));
        Ok(Job { log: plan.log(&name), name, steps, after: None, rank })
    }

    fn row(&self, row: Row, seed: u64, left: Left, lengths: &[u64]) -> Job {
        let plan = self.plan;
        let Left { trained, run, made_with } = left;
        let mut name = plan.name(row);
        if plan.seeds.len() > 1 {
            name += &format!(" s{seed}");
        }
        let checkpoints = plan.checkpoints();
        let evals: Vec<PathBuf> = checkpoints.iter().map(|checkpoint| eval_file(&run, checkpoint)).collect();
        let stamp = plan.stamp_file(&run);
        let sets = self.settings(row, seed);
        let mut steps = vec![];
        let stages = if trained { &[] } else { plan.stages(row) };
        for (i, stage) in stages.iter().enumerate() {
            let length = lengths.get(i).copied();
            if length == Some(0) {
                continue; // The row goes without.
            }
            let folder = run.join(stage.folder);
            let mut command = self.stage(stage.action, row, &run);
            if has_run(&folder) || !stage.folder.is_empty() && folder.exists() {
                command.args(plan.resume.then_some("--resume")).args(plan.overwrite.then_some("--overwrite"));
            }
            command.args(sets.iter().flat_map(|set| ["--set", set]));
            if stage.leaves.a_run() {
                command.arg("--manifest").arg(plan.manifest(row, seed).to_string());
            }
            let first = steps.is_empty() && stage.leaves.a_run();
            steps.push(Step {
                says: first.then(|| where_to_look(&name, &folder)),
                outdates: evals.iter().cloned().chain([stamp.clone(), run.join(DRAWING)]).collect(),
                stamp: (i + 1 == stages.len()).then(|| (stamp.clone(), made_with.clone())),
                metrics: Some(folder.join(METRICS)),
                length,
                ..step(stage.label, command)
            });
        }
        for (&checkpoint, file) in checkpoints.iter().zip(&evals) {
            if !(trained && results::read(file, |value| plan.spec.program.evaluated(value)).is_ok()) {
                let command = self.evaluation(checkpoint, row, &run, &sets, file);
                let label = match checkpoint {
                    MEASURED => "evaluating",
                    LAST => "evaluating the last",
                    BEST_ON_TEST => "evaluating all on the test images",
                    _ => "evaluating the best",
                };
                steps.push(step(label, command));
            }
        }
        let drawing = run.join(DRAWING);
        if let Some([action, options @ ..]) = plan.spec.program.drawing()
            && seed == plan.seeds[0]
            && !(trained && drawing.exists())
        {
            let mut command = self.call(action);
            command.arg(&run).args(["--checkpoint", "last"]).args(options).arg("--out").arg(drawing);
            steps.push(step("drawing", command));
        }
        Job { log: plan.log(&name), name, steps, after: None, rank: plan.rank(row, seed) }
    }

    fn evaluation(&self, checkpoint: &str, row: Row, run: &Path, sets: &[String], file: &Path) -> Command {
        let mut command = match self.plan.spec.program.address() {
            Address::Folder => {
                let mut command = self.call("eval");
                command.arg(run);
                match checkpoint {
                    BEST_ON_TEST => command.arg("--best-on-test"),
                    _ => command.args(["--checkpoint", checkpoint]),
                };
                command
            }
            Address::Names => {
                let what = if self.plan.needed(row).is_some() { "export" } else { "teacher" };
                let mut command = self.stage("eval", row, run);
                command.args(["--of", what]).args(sets.iter().flat_map(|set| ["--set", set]));
                command
            }
        };
        command.arg("--out").arg(file);
        command
    }
}

fn step(label: &'static str, command: Command) -> Step {
    Step { label, command, outdates: vec![], stamp: None, metrics: None, length: None, says: None }
}

/// A sentence that names the folder of pictures that a run makes while it trains, from where the user stands.
fn where_to_look(row: &str, run: &Path) -> String {
    let folder = run.join(run_dir::SAMPLES);
    let here = std::env::current_dir().ok().and_then(|here| Some(folder.strip_prefix(here).ok()?.to_owned()));
    format!("{row} is training: pictures of its progress appear in {}/", here.unwrap_or(folder).display())
}
