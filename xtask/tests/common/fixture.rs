//! Results and runs as tables leave them, made up: small, but with everything that a report shows.

use image::{Rgb, RgbImage};
use semrel_run::search::{Budget, SearchResults};
use semrel_run::work::{ExportSummary, SearchSummary, Work};
use semrel_suite::made_up;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Folders of results and runs.
pub struct Fixture {
    dir: tempfile::TempDir,
}

impl Fixture {
    /// All tables but one, their runs, pictures and searches; one run goes on, one has failed.
    pub fn new() -> Self {
        let fixture = Self { dir: tempfile::tempdir().unwrap() };
        fixture.multi();
        fixture.single();
        fixture.compression();
        fixture.evidence();
        fixture
    }

    /// Claims of each verdict, one of them not tested whole.
    fn evidence(&self) {
        let test = |dataset: &str, measure: &str, of_row: [f64; 4], verdict: &str| {
            let of_other = [1.31, 1.28, 1.36, 1.3];
            json!({
                "dataset": dataset, "row": "dce-src", "than": "dce", "measure": measure, "more_is_better": false,
                "of_row": of_row, "of_other": of_other, "difference": (of_row[0] - of_other[0]),
                "interval": [of_row[0] - 1.4, of_row[0] - 1.25], "p": 0.0143, "p_against": 0.98, "verdict": verdict,
            })
        };
        let claim = |name: &str, verdict: &str, tests: Vec<Value>, missing: &[&str]| {
            json!({
                "name": name, "says": format!("SRC makes translations better ({name})."), "source": "Table 3",
                "verdict": verdict, "tests": tests, "missing": missing, "needed": missing.first().map(|_| 6),
            })
        };
        let measure = "PD(effnet-lite0) to truth ↓";
        let better = test("horse2zebra", measure, [1.02, 1.05, 1.01, 1.04], "holds");
        let worse = test("street", measure, [1.52, 1.55, 1.51, 1.54], "does-not-hold");
        let same = test("street", "relations ↓", [1.3, 1.29, 1.33, 1.31], "undecided");
        let claims = [
            claim("C1", "holds", vec![better.clone()], &[]),
            claim("C2", "does-not-hold", vec![better, worse], &[]),
            claim("C3", "undecided", vec![same], &["street: ours against dce: ours, seed 779: no memory (training)"]),
        ];
        let how = "4 seeds for each row, 24 runs, 1.6 hours of training.";
        let evidence =
            json!({"profile": "sample", "seeds": [777, 778, 779, 780], "how": how, "claims": claims, "pictures": []});
        self.json("results/evidence.json", &evidence);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn json(&self, name: &str, value: &Value) {
        self.write(name, serde_json::to_string_pretty(value).unwrap());
    }

    /// A run folder: configuration, log of `terms` with a value a step, summary, evaluation, samples.
    pub fn run(&self, name: &str, data: &str, seed: u64, terms: &[&str], finished: bool) {
        let folder = format!("runs/{name}");
        self.write(
            &format!("{folder}/config.yaml"),
            format!("name: {name}\nseed: {seed}\ndata:\n  root: data/sample-64/{data}\n"),
        );
        let steps = if finished { 120 } else { 47 };
        let wave = |step: u64, k: usize| {
            let t = step as f64;
            (1.5 / (1.0 + t / 20.0) + 0.1 * (t * 0.9 + k as f64).sin() + 0.02 * seed as f64 % 0.5)
                * 10f64.powi(1 - k as i32)
        };
        let line = |step: u64| {
            let mut line = json!({"step": step * 10, "seconds": step as f64 * 1.5});
            terms.iter().enumerate().for_each(|(k, term)| line[*term] = json!(wave(step, k)));
            if step.is_multiple_of(40) {
                line["fd"] = json!(200.0 - step as f64 * 0.5);
            }
            line.to_string() + "\n"
        };
        self.write(&format!("{folder}/metrics.jsonl"), (1..=steps).map(line).collect::<String>());
        if let Some(manifest) = manifest_of(name) {
            self.json(&format!("{folder}/manifest.json"), &manifest);
        }
        for step in [400, 800, 1200] {
            self.picture(&format!("{folder}/samples/step-{step:08}.png"), 4, 2, step + seed as u32);
        }
        if finished {
            self.json(&format!("{folder}/summary.json"), &summary(seed));
        }
    }

    /// A grid of small landscapes.
    fn picture(&self, name: &str, columns: u32, rows: u32, kind: u32) {
        let pixel = |x: u32, y: u32| {
            let (u, v, cell) = (x % 66, y % 66, x / 66 * 7 + y / 66 * 3 + kind);
            if u >= 64 || v >= 64 {
                return Rgb([255, 255, 255]);
            }
            let ridge = 30.0 + 9.0 * (f64::from(u + cell * 11) * 0.13).sin();
            match f64::from(v) < ridge {
                true => Rgb([(90 + v * 2 + cell * 5) as u8, (140 + v) as u8, 220]),
                false => Rgb([(60 + cell * 23 % 90) as u8, (150 - v + u / 4) as u8, 60]),
            }
        };
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        RgbImage::from_fn(columns * 66 - 2, rows * 66 - 2, pixel).save(path).unwrap();
    }

    fn multi(&self) {
        let methods = [("stargan-v2", 96.0), ("lsesim", 91.5), ("ours", 84.25)];
        let (mut datasets, mut pictures) = (vec![], vec![]);
        for dataset in ["seasons", "weather"] {
            let mut runs = vec![];
            for (i, (method, fd)) in methods.iter().enumerate() {
                let name = format!("table1-sample-{dataset}-{method}-s777");
                self.run(
                    &format!("stargan2-multi/{name}"),
                    dataset,
                    777 + i as u64,
                    &["g/adv", "g/sty", "d/real", "gamma"],
                    true,
                );
                let eval = |fd: f64| {
                    let scores = |fd: f64| json!({"fd": pairs(fd), "pd": pairs(0.21 + fd / 1000.0), "target_accuracy": pairs(0.8)});
                    with(
                        domains(),
                        json!({"checkpoint": "last", "step": 1200, "latent": scores(fd), "reference": scores(fd + 7.0), "seconds": 1.0}),
                    )
                };
                self.json(&format!("runs/stargan2-multi/{name}/eval-last.json"), &eval(*fd));
                runs.push(json!({"method": method, "seed": 777, "run": format!("runs/stargan2-multi/{name}"),
                    "summary": summary(777), "last": eval(*fd), "best": eval(fd - 2.5)}));
                pictures.push(format!("table1-{dataset}-{method}.png"));
                self.picture(&format!("results/table1-{dataset}-{method}.png"), 6, 4, i as u32 * 5);
            }
            let baseline = with(domains(), json!({"fd": pairs(140.0), "target_accuracy": pairs(0.02)}));
            datasets.push(json!({"dataset": dataset, "paper": dataset, "no_translation": baseline, "runs": runs}));
        }
        self.table("table1", datasets, &pictures);
    }

    fn single(&self) {
        let methods = ["cut", "fastcut", "lsesim", "ours"];
        let mut runs = vec![];
        for seed in [777, 778] {
            for (i, method) in methods.iter().enumerate() {
                let name = format!("table-single-sample-street-{method}-s{seed}");
                let path = format!("cut-single/{name}");
                if *method == "lsesim" && seed == 778 {
                    runs.push(json!({"method": method, "seed": seed, "run": format!("runs/{path}"), "failed": "`G` is NaN; the run has diverged"}));
                    continue;
                }
                self.run(
                    &path,
                    "street",
                    seed,
                    &["G_GAN", "D", "NCE", "SRC"][..if i == 3 { 4 } else { 3 }],
                    (i, seed) != (1, 778),
                );
                let eval = |fd: f64| {
                    let seen = json!({"mean_iou": 24.0 + i as f64, "pixel_accuracy": 70.5, "class_accuracy": 31.0});
                    let scores =
                        json!({"checkpoint": "last", "step": 1200, "fd": fd, "segmentation": seen, "seconds": 1.0});
                    with(pair(json!("a head on EfficientNet-Lite0")), scores)
                };
                let fd = 120.0 - 9.0 * i as f64 + (seed - 777) as f64;
                self.json(&format!("runs/{path}/eval-last.json"), &eval(fd));
                runs.push(json!({"method": method, "seed": seed, "run": format!("runs/{path}"), "summary": summary(seed), "last": eval(fd), "best": eval(fd - 1.0)}));
            }
        }
        // That of the row that failed is of an earlier table.
        for (i, method) in methods.iter().enumerate() {
            self.picture(&format!("results/table-single-street-{method}.png"), 8, 2, i as u32 * 9);
        }
        let pictures = ["", "-cut", "-fastcut", "-ours"].map(|tail| format!("table-single-street{tail}.png"));
        self.picture("results/table-single-street.png", 8, 5, 3);
        let ceiling = json!({"mean_iou": 50.0, "pixel_accuracy": 88.0, "class_accuracy": 61.0});
        let baseline = with(pair(json!("a head on EfficientNet-Lite0")), json!({"fd": 210.0, "ceiling": ceiling}));
        let dataset = json!({"dataset": "street", "paper": "cityscapes", "no_translation": baseline, "runs": runs});
        self.table("table-single", vec![dataset], &pictures);
    }

    fn compression(&self) {
        let mut runs = vec![];
        for (i, method) in ["teacher", "fast", "ours"].iter().enumerate() {
            let name = format!("table2-sample-maps-{method}-s777");
            let path = format!("gancomp-fast/{name}");
            let eval = json!({"name": name, "of": "export", "channels": null, "step": 1200, "milliseconds": 1.0, "threads": 1,
                "fd": 60.0 + 10.0 * i as f64, "parameters": 800_000 - 300_000 * i,
                "macs": 900_000_000u64 - 350_000_000 * i as u64, "segmentation": null, "images": "x", "seconds": 1.0});
            let eval = with(pair(Value::Null), eval);
            if i == 0 {
                self.run(&path, "maps", 777, &["G", "D"], true);
            } else {
                self.run(&format!("{path}/distill"), "maps", 777, &["distill", "G"], true);
                self.search(&format!("runs/{path}/search"), i as u64);
                let work = Work { seconds: 1.5, threads: 1, device: "Cpu".to_owned() };
                self.json(&format!("runs/{path}/export/summary.json"), &exported(work));
            }
            self.json(&format!("runs/{path}/eval-measured.json"), &eval);
            runs.push(json!({"method": method, "seed": 777, "run": format!("runs/{path}"), "summary": summary(777), "measured": eval}));
        }
        let dataset = json!({"dataset": "maps", "paper": "maps", "no_translation": with(pair(Value::Null), json!({"fd": 150.0, "ceiling": null})), "runs": runs});
        self.table("table2", vec![dataset], &[]);
    }

    fn search(&self, folder: &str, kind: u64) {
        let mut text = "channels,macs,parameters,fd,front,winner\n".to_owned();
        let mut best = f64::INFINITY;
        for k in 0..60u64 {
            let widths = [16, 24, 32].map(|w| w - (k * kind) % 8);
            let quality = 120.0 / (1.0 + k as f64 / 15.0) + ((k * 37 + kind * 11) % 23) as f64;
            let macs = 100_000_000 + k * 7_000_000 + kind * 1_000_000;
            let front = quality < best;
            best = best.min(quality);
            text += &format!(
                "{}_{}_{},{macs},{},{quality},{front},{}\n",
                widths[0],
                widths[1],
                widths[2],
                90_000 + k * 5_000,
                k == 52
            );
        }
        self.write(&format!("{folder}/front.csv"), text);
        let budget = Budget { macs: Some(480e6), ..Budget::default() };
        self.json(&format!("{folder}/search.json"), &search_results("FD(effnet-lite0)", budget));
        let work = Work { seconds: 75.0, threads: 1, device: "Cpu".to_owned() };
        self.json(&format!("{folder}/summary.json"), &searched(60, work));
    }

    fn table(&self, name: &str, datasets: Vec<Value>, pictures: &[String]) {
        let caption = [
            "Profile sample; data: the procedural sample world; seeds: 777.",
            "FD: Fréchet distance, FD(effnet-lite0).",
        ];
        let json = json!({"profile": "sample", "seeds": [777], "set": [], "device": "cpu", "processor": "A processor", "threads": 1, "jobs": 2, "datasets": datasets, "pictures": pictures, "paper": [], "caption": caption});
        self.json(&format!("results/{name}.json"), &json);
    }
}

/// What a table tells a run of itself, whose folder is named as tables name theirs.
pub fn manifest_of(path: &str) -> Option<Value> {
    let (program, rest) = path.split_once('/')?;
    let name = rest.split('/').next()?;
    let table = ["table-single", "table1", "table2", "table3"].into_iter().find(|table| name.starts_with(table))?;
    let parts: Vec<&str> =
        name.strip_prefix(table)?.trim_start_matches('-').split("-s7").next()?.splitn(3, '-').collect();
    let seed: u64 = format!("7{}", name.split("-s7").nth(1)?.get(..2)?).parse().ok()?;
    let [profile, data_set, row] = parts[..] else { return None };
    Some(json!({"format": 1, "program": program, "table": table, "profile": profile, "data_set": data_set, "row": row,
        "seed": seed, "name": name}))
}

/// What scores of two domains refer to.
fn pair(segmenter: Value) -> Value {
    json!({"extractor": "effnet-lite0", "fd_name": "FD(effnet-lite0)", "sources": 40, "reals": 40, "reference": "test",
        "size": 64, "segmenter": segmenter})
}

/// What scores of several domains refer to.
fn domains() -> Value {
    json!({"extractor": "effnet-lite0", "fd_name": "FD(effnet-lite0)", "pd_name": "PD(effnet-lite0)", "num_outs": 10,
        "sources_per_domain": 10, "reals_per_domain": 40, "img_size": 64, "classified_at": 4, "real_accuracy": 0.97})
}

/// A score of one pair of domains.
fn pairs(mean: f64) -> Value {
    json!({"mean": mean, "pairs": {"a2b": mean}})
}

/// Both objects in one.
fn with(mut first: Value, second: Value) -> Value {
    first.as_object_mut().unwrap().extend(second.as_object().unwrap().clone());
    first
}

fn summary(seed: u64) -> Value {
    json!({"name": "x", "seed": seed, "warmup": 0, "batch_size": 1, "parameters": {}, "seconds": 185.5,
        "seconds_waiting_for_images": 0.0, "unreadable_images": 0, "threads": 1, "device": "Cpu", "peak_memory_mib": 742,
        "best_step": 800, "last_step": 1200})
}

/// Bytes of all files in a folder.
pub fn size_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|e| if e.path().is_dir() { size_of(&e.path()) } else { e.metadata().unwrap().len() }).sum()
}

/// The summary of a search.
pub fn searched(evaluations: u64, work: Work) -> Value {
    let (name, stage) = ("x".to_owned(), "search".to_owned());
    json!(SearchSummary { name, stage, winner: None, evaluations, computed: evaluations, work })
}

/// The summary of an export.
fn exported(work: Work) -> Value {
    json!(ExportSummary {
        name: "x".to_owned(),
        stage: "export".to_owned(),
        of: "export".to_owned(),
        channels: None,
        step: 5,
        parameters: 90_000,
        macs: 100_000_000,
        size: (64, 64),
        files: vec![],
        bytes: vec![],
        onnx_opset: 17,
        onnx_largest_difference: 0.0,
        work,
    })
}

/// The file of a search's results; of its answers, reports read none.
pub fn search_results(quality: &str, budget: Budget) -> Value {
    json!(SearchResults { quality: quality.to_owned(), budget, ..made_up::search("16_16") })
}
