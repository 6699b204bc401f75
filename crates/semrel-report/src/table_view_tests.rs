use super::*;
use semrel_tables::ALL;
use semrel_tables::written::Written;
use serde_json::{Value, json};
use std::path::PathBuf;

/// A table of these data sets.
fn table(datasets: Value) -> TableView {
    let json = json!({"profile": "sample", "seeds": [777], "set": [], "device": "cpu", "processor": null, "threads": 1,
        "jobs": 1, "datasets": datasets, "pictures": [], "paper": [], "caption": ["one"]});
    let table = Written::read(ALL[1], &json.to_string()).unwrap();
    view(&TableFile { spec: ALL[1], table, written: 0, folder: PathBuf::new(), within: None })
}

fn eval_by(name: &str, fd: f64) -> Value {
    json!({"checkpoint": "last", "step": 9, "extractor": "x", "fd_name": name, "sources": 3, "reals": 3, "reference": "test",
        "size": 64, "segmenter": null, "fd": fd, "segmentation": null, "seconds": 1.0})
}

fn eval(fd: f64) -> Value {
    eval_by("FID", fd)
}

fn baseline(fd: f64) -> Value {
    let mut baseline = eval(fd);
    baseline["ceiling"] = Value::Null;
    baseline
}

fn run(method: &str, seed: u64, last: Value, best: Value) -> Value {
    json!({"method": method, "seed": seed, "run": "x", "summary": {}, "last": last, "best": best})
}

fn of(dataset: &str, paper: Option<&str>, runs: &Value) -> Value {
    json!({"dataset": dataset, "paper": paper, "no_translation": {"failed": "x"}, "runs": runs})
}

#[test]
fn the_paper_stands_beside_what_was_measured() {
    let runs = json!([
        run("cut", 777, eval(40.0), eval(50.0)),
        run("ours", 777, eval(30.0), eval(34.4)),
        {"method": "lsesim", "seed": 777, "run": "x", "failed": "disk full"},
        run("new", 777, eval(31.0), eval(31.0)),
    ]);
    let mut horses = of("horse2zebra", Some("horse2zebra"), &runs);
    horses["no_translation"] = baseline(90.0);
    let view = table(json!([horses, of("mine", None, &runs)]));
    let dataset = &view.datasets[0];
    assert_eq!((dataset.columns.len(), dataset.columns[0].same), (1, true));
    assert_eq!((dataset.columns[0].heading.as_str(), dataset.columns[0].paper.as_str()), ("FID ↓", "FID ↓"));
    let labels: Vec<(&str, &str, usize)> =
        dataset.rows.iter().map(|row| (row.label.as_str(), row.source.as_str(), row.span)).collect();
    assert_eq!(labels[..3], [("no translation", "", 1), ("CUT", "last", 2), ("CUT", "best", 0)]);
    assert_eq!(dataset.rows[5].failed.as_deref(), Some("disk full"));
    let ours = &dataset.rows[3].cells[0];
    assert_eq!((ours.here.as_str(), ours.paper.as_str(), ours.best), ("30.00", "34.40", true));
    assert_eq!(ours.difference.as_ref().unwrap().verdict, "better");
    assert_eq!(dataset.rows[4].cells[0].difference.as_ref().unwrap().verdict, "equal");
    assert_eq!(dataset.rows[6].cells[0].paper, "");
    assert!(view.datasets[1].columns[0].paper.is_empty() && !view.datasets[1].rows[0].reference);
}

#[test]
fn another_metric_has_no_difference_to_the_papers() {
    let runs = |name: &str| {
        json!([run("cut", 1, eval(40.0), eval(40.0)), run("ours", 1, eval_by(name, 331.0), eval_by(name, 331.0))])
    };
    for (name, heading) in [("FD(effnet-lite0)", "FD ↓"), ("FID", "FID ↓"), ("FID(inception-v3-torchvision)", "FD ↓")]
    {
        let view = table(json!([of("street", Some("cityscapes"), &runs(name))]));
        let dataset = &view.datasets[0];
        assert_eq!(dataset.columns[0].heading, heading);
        // The paper's number and the order of methods are shown whatever was measured.
        assert!(dataset.rows.iter().all(|row| !row.cells[0].paper.is_empty()));
        assert_eq!(dataset.charts[0].order, "0 of 1 pairs of methods in the paper’s order");
        let same = name == "FID";
        assert!(dataset.rows.iter().all(|row| row.cells[0].difference.is_some() == same), "{name}");
        assert_eq!(dataset.columns[0].same, same);
    }
}

#[test]
fn the_checkpoint_that_was_chosen_without_the_test_goes_first() {
    let by = |fd: f64| {
        let mut eval = eval(fd);
        eval["select"] = "val".into();
        eval
    };
    let mut ours = run("ours", 777, by(40.0), by(38.0));
    ours["best-on-test"] = by(30.0);
    let view = table(json!([of("street", None, &json!([ours]))]));
    let rows = &view.datasets[0].rows;
    let shown: Vec<(&str, &str, bool)> =
        rows.iter().map(|row| (row.source.as_str(), row.cells[0].here.as_str(), row.cells[0].best)).collect();
    let want = [("chosen on val", "38.00", true), ("last", "40.00", false), ("best on test†", "30.00", false)];
    assert_eq!(shown, want);
}

#[test]
fn seeds_have_means() {
    let runs = json!([run("ours", 1, eval(40.0), eval(40.0)), run("ours", 2, eval(42.0), eval(42.0))]);
    let view = table(json!([of("street", Some("cityscapes"), &runs)]));
    assert_eq!(view.datasets[0].rows[0].cells[0].here, "41.00 ± 1.41");
    assert_eq!(view.datasets[0].rows[0].cells[0].paper, "46.40");
    assert!(table(json!([of("street", None, &json!([]))])).datasets[0].rows.is_empty());
}

#[test]
fn a_method_has_its_lines_once_however_many_seeds_there_are() {
    let methods = ["cut", "fastcut", "lsesim", "ours"];
    let one = |seed: u64, method: &str| run(method, seed, eval(40.0 + seed as f64), eval(40.0 + seed as f64));
    let runs: Vec<Value> = (1..4).flat_map(|seed| methods.map(|method| one(seed, method))).collect();
    let view = table(json!([of("street", Some("cityscapes"), &json!(runs))]));
    let dataset = &view.datasets[0];
    let spans: Vec<(&str, usize)> = dataset.rows.iter().map(|row| (row.label.as_str(), row.span)).collect();
    let want = ["CUT", "FastCUT", "LSeSim", "Ours"].map(|label| [(label, 2), (label, 0)]);
    assert_eq!(spans, want.concat());
    assert!(dataset.rows.iter().all(|row| row.cells[0].here == "42.00 ± 1.00"));
    assert_eq!((dataset.charts.len(), dataset.charts[0].rows.len()), (1, 4));
}

#[test]
fn own_images_that_are_called_like_the_papers_have_no_numbers_of_it() {
    let runs = json!([run("ours", 1, eval(30.0), eval(30.0))]);
    let view = table(json!([of("street", None, &runs), of("street", Some("cityscapes"), &runs)]));
    let own = &view.datasets[0];
    assert!(own.columns[0].paper.is_empty() && own.rows[0].cells[0].difference.is_none());
    assert_eq!(view.datasets[1].rows[0].cells[0].paper, "46.40");
}
