//! The similarity explorer in a browser: its numbers are those of the losses, and it can be used.
#![cfg(unix)]

mod common;
#[path = "common/probe.rs"]
mod probe;

use common::{Place, assert, method, names, refuses, sets};
use cut_single::trained::{TrainedRun, open_run};
use ndarray::{Axis, stack};
use predicates::prelude::predicate;
use semrel_browser::{Tab, browser};
use semrel_data::read_translation_input;
use semrel_loss::hard_negative::hard_negative_weights;
use semrel_loss::patch_sampler::PatchSampler;
use semrel_loss::similarity::{query_distribution, similarity_matrix};
use semrel_loss::src::jensen_shannon;
use semrel_suite::{Skipped, suite};
use semrel_train::batches::tensor;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tch::{Device, Kind, Tensor, no_grad};

/// Runs of the page: the paper's method in both formulations, one whose loss has no weights, one without heads. Networks start
/// so that features differ from place to place without long training.
const RUNS: [(&str, &str, &[&str]); 4] = [
    ("official", "ours", &["name=tiny-official", KAIMING]),
    ("paper", "ours", &["name=tiny-paper", KAIMING, "loss.formulation=paper"]),
    ("cut", "cut", &["name=tiny-cut", KAIMING]),
    ("cycle", "cyclegan", &["name=tiny-cycle", KAIMING]),
];

const KAIMING: &str = "model.init=kaiming";

fn trained(place: &Place, (run, how, keys): (&str, &str, &[&str])) {
    let args = [method(how), sets(&["train.n_epochs_decay=0"]), sets(keys), vec!["--quiet"]].concat();
    assert(place.train(run, &args)).success();
}

/// A place with runs, and their explorer.
fn explorer() -> (Place, PathBuf) {
    let place = Place::new();
    RUNS.into_iter().for_each(|run| trained(&place, run));
    let runs = RUNS.map(|(run, _, _)| run);
    let rest = ["--input", "data/testA/0.png", "data/testA/1.png", "--out", "explorer", "--positions", "400"];
    let command = place.command(&[&["explore"], &runs[..], &rest, &["--threads", "1"]].concat());
    assert(command).success().stdout(predicate::str::contains("explorer/index.html"));
    let page = place.path("explorer/index.html");
    (place, page)
}

/// Features of the positions that the page looks at, by the networks and heads of the run itself.
fn features(run: &TrainedRun, input: &Tensor, layer: usize, rows: &[i64], columns: &[i64]) -> [Tensor; 2] {
    let layers = &run.config.model.nce_layers;
    no_grad(|| {
        let (output, source) = run.generator.forward_tapped(input, layers);
        [source, run.generator.encode(&output, layers)].map(|maps| {
            let areas: Vec<i64> = maps.iter().map(|map| map.size()[2] * map.size()[3]).collect();
            let mut at = PatchSampler::positions(&areas, 0, Device::Cpu);
            let width = maps[layer].size()[3];
            let picked: Vec<i64> = rows.iter().flat_map(|r| columns.iter().map(move |c| r * width + c)).collect();
            at[layer] = Tensor::from_slice(&picked);
            match &run.heads {
                Some(heads) => heads.project(&maps, &at).unwrap().remove(layer),
                None => PatchSampler::without_mlp().project(&maps, &at).unwrap().remove(layer),
            }
        })
    })
}

/// The features of input and output that the page holds of the current layer, `[N, r]`.
fn held(tab: &Tab, count: i64) -> [Tensor; 2] {
    ["input", "output"].map(|of| {
        let page = tab.evaluate(&format!("[...State.sample.layers[State.layer].{of}]")).unwrap();
        Tensor::from_slice(&numbers(&page)).view([count, -1]).to_kind(Kind::Float)
    })
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect()
}

fn ints(value: &Value) -> Vec<i64> {
    numbers(value).into_iter().map(|n| n as i64).collect()
}

/// Largest difference between a list in the page (NaN where it has none) and a tensor.
fn apart(page: &Value, ours: &Tensor) -> f64 {
    let ours = Vec::<f64>::try_from(ours.to_kind(Kind::Double).contiguous()).unwrap();
    let page = numbers(page);
    assert_eq!(page.len(), ours.len());
    page.iter().zip(&ours).filter(|(p, _)| !p.is_nan()).map(|(p, o)| (p - o).abs()).fold(0.0, f64::max)
}

fn maps_are_those_of_the_losses() -> Result<(), Skipped> {
    let browser = browser()?;
    let (place, page) = explorer();
    let tab = browser.open_file(page).unwrap();
    tab.evaluate("semrelExplorer.ready").unwrap();
    let (mut compared, mut varied) = (0, 0);
    for (r, (name, _, _)) in RUNS.iter().enumerate() {
        let run = open_run(&place.path(name), "last", None, &[], Device::Cpu).unwrap();
        for picture in 0..2 {
            let file = place.path(&format!("data/testA/{picture}.png"));
            let image = read_translation_input(&file, run.config.test_size()).unwrap();
            let input = tensor(&stack(Axis(0), &[image.view()]).unwrap(), Device::Cpu);
            for layer in 0..run.config.model.nce_layers.len() {
                let select = format!("semrelExplorer.select({{run: {r}, picture: {picture}, layer: {layer}}})");
                tab.evaluate(&select).unwrap();
                let at = tab.evaluate("semrelExplorer.values()").unwrap();
                let (rows, columns) = (ints(&at["rows"]), ints(&at["columns"]));
                assert_eq!(ints(&at["grid"]), [rows.len() as i64, columns.len() as i64]);
                assert!(rows.len() * columns.len() <= 400);
                let [z, w] = held(&tab, (rows.len() * columns.len()) as i64);
                let own = features(&run, &input, layer, &rows, &columns);
                for (of, held, ours) in [("z", &z, &own[0]), ("w", &w, &own[1])] {
                    let inner = |rows: &Tensor| similarity_matrix(&rows.to_kind(Kind::Double), 1).unwrap();
                    let difference = (inner(held) - inner(ours)).abs().max().double_value(&[]);
                    // Normalisation of small maps enlarges roundings, which are not the same with each kernel.
                    assert!(
                        difference < 1e-3,
                        "{name}, picture {picture}, layer {layer}: {of}·{of} differs by {difference}"
                    );
                }
                let (of_input, of_output) = (similarity_matrix(&z, 1).unwrap(), similarity_matrix(&w, 1).unwrap());
                let divergence = jensen_shannon(
                    &of_input.to_kind(Kind::Double).log_softmax(-1, None),
                    &of_output.to_kind(Kind::Double).log_softmax(-1, None),
                )
                .unwrap();
                for (row, column, gamma) in [(0, 0, 50.0), (3, 5, 10.0), (7, 2, 1.0), (1, 6, 0.1)] {
                    let query = format!("semrelExplorer.query({row}, {column}, {gamma})");
                    let page = tab.evaluate(&format!("({query}, semrelExplorer.values())")).unwrap();
                    let k = row * columns.len() as i64 + column;
                    let context = format!("{name}, picture {picture}, layer {layer}, patch {k}, γ {gamma}");
                    assert_eq!(page["k"], k, "{context}");
                    let formulation = run.config.loss.formulation;
                    let weights = hard_negative_weights(&of_input, gamma, formulation).unwrap().get(0).get(k);
                    // Probabilities as multiples of 1/N, which they are near: 1e-5 of them is 1e-8 and less.
                    let n = (rows.len() * columns.len()) as f64;
                    let (p, q) = (query_distribution(&z, k).unwrap(), query_distribution(&w, k).unwrap());
                    for (what, ours, unit) in [("p", &p, n), ("q", &q, n), ("weights", &weights, 1.0)] {
                        let difference = apart(&page[what], ours) * unit;
                        let most = ours.max().double_value(&[]) * unit;
                        assert!(difference < 1e-5 * most.max(1.0), "{context}: {what} differs by {difference}");
                    }
                    let range = (p.max() - p.min()).double_value(&[]) * n;
                    varied += usize::from(range > 0.2);
                    let jsd = divergence.get(0).double_value(&[k]);
                    let found = page["jsd"].as_f64().unwrap();
                    assert!((found - jsd).abs() < 1e-5 * jsd.max(1e-3), "{context}: JSD {found}, {jsd} by the loss");
                    compared += 1;
                }
                let mean = divergence.mean(None::<Kind>).double_value(&[]);
                assert!((at["mean"].as_f64().unwrap() - mean).abs() < 1e-7, "{name}: {} is not {mean}", at["mean"]);
            }
        }
    }
    assert_eq!(compared, 4 * 2 * 4 * 4);
    // Maps that are flat would agree whatever was wrong.
    assert!(varied > compared / 2, "{varied} of {compared} maps are not flat");
    assert_eq!(tab.troubles(), [""; 0]);
    Ok(())
}

/// γ by the page, after what was done is painted.
fn gamma(tab: &Tab) -> f64 {
    tab.settle().unwrap();
    tab.evaluate("semrelExplorer.values().gamma").unwrap().as_f64().unwrap()
}

fn patch(tab: &Tab) -> i64 {
    tab.settle().unwrap();
    tab.evaluate("semrelExplorer.values().k").unwrap().as_i64().unwrap()
}

fn the_page_can_be_used() -> Result<(), Skipped> {
    let browser = browser()?;
    let (place, page) = explorer();
    let tab = browser.open_file(&page).unwrap();
    tab.evaluate("semrelExplorer.ready").unwrap();
    pointer(&tab);
    keyboard(&tab);
    curriculum(&tab);
    tab.viewport(390, 844).unwrap();
    tab.move_to(1.0, 1.0).unwrap();
    probe::by_keyboard(&tab);
    probe::by_touch(&tab);
    // Another method brings its own words.
    tab.evaluate("semrelExplorer.select({run: 2})").unwrap();
    assert!(tab.evaluate("document.getElementById('weights-note').textContent").unwrap().as_str().unwrap().len() > 20);
    for scheme in ["light", "dark"] {
        tab.colour_scheme(scheme).unwrap();
        for (width, height) in [(1280, 900), (390, 844)] {
            tab.viewport(width, height).unwrap();
            for state in ["free", "held"] {
                tab.settle().unwrap();
                assert_eq!(tab.axe().unwrap(), [""; 0], "{scheme}, {width} pixels wide, {state}");
                let wider = tab.evaluate("document.documentElement.scrollWidth > innerWidth").unwrap();
                assert_eq!(wider, false, "{width} pixels, {state}: the page scrolls sideways");
                if let Some(folder) = std::env::var_os("SEMREL_SCREENSHOTS") {
                    let name = format!("explorer-{scheme}-{width}-{state}.png");
                    tab.screenshot(Path::new(&folder).join(name)).unwrap();
                }
                // Held after the first time, free after the second.
                tab.evaluate("document.getElementById('hold').click()").unwrap();
                if state == "free" {
                    probe::touch(&tab, "p", 0.7, 0.3);
                }
            }
        }
    }
    assert_eq!(tab.troubles(), [""; 0]);

    // A folder that lost a file says so.
    fs::remove_file(place.path("explorer/data/1-1.js")).unwrap();
    tab.evaluate("semrelExplorer.select({run: 1, picture: 1})").unwrap();
    let problem = tab.evaluate("document.getElementById('problem').textContent").unwrap();
    assert!(problem.as_str().unwrap().contains("data/1-1.js is missing"), "{problem}");
    Ok(())
}

/// Moves around a place; what an expression was meanwhile. It is repainted often, and each time quickly.
fn around(tab: &Tab, (x, y): (f64, f64), expression: &str) -> BTreeSet<String> {
    let before = tab.evaluate("semrelExplorer.repaints().count").unwrap().as_i64().unwrap();
    let mut seen = BTreeSet::new();
    for i in 0..60 {
        let turn = f64::from(i) / 10.0;
        tab.move_to(x + 80.0 * turn.cos(), y + 80.0 * turn.sin()).unwrap();
        tab.settle().unwrap();
        seen.insert(tab.evaluate(expression).unwrap().to_string());
    }
    let repaints = tab.evaluate("semrelExplorer.repaints()").unwrap();
    assert!(repaints["count"].as_i64().unwrap() - before >= 40, "{repaints}");
    let median = repaints["median"].as_f64().unwrap();
    eprintln!("repainted in {median:.2} ms (median)");
    assert!(median < 16.0, "{repaints}");
    seen
}

fn pointer(tab: &Tab) {
    tab.viewport(1280, 900).unwrap();
    let (x, y) = tab.middle_of("#input").unwrap();
    let queries = around(tab, (x, y), "semrelExplorer.values().k");
    assert!(queries.len() > 20, "{queries:?}");
    // A click holds the patch.
    tab.click(x, y).unwrap();
    let held = patch(tab);
    let probes = around(tab, (x, y), "document.getElementById('n-probe').textContent");
    assert!(probes.len() > 20 && probes.iter().all(|text| text.starts_with("\"Row ")), "{probes:?}");
    assert_eq!(patch(tab), held);
    tab.click(x, y).unwrap();
    tab.move_to(x + 60.0, y).unwrap();
    assert_ne!(patch(tab), held);
}

fn keyboard(tab: &Tab) {
    tab.evaluate("document.getElementById('input').focus()").unwrap();
    tab.evaluate("semrelExplorer.query(4, 4)").unwrap();
    let width = tab.evaluate("semrelExplorer.values().grid[1]").unwrap().as_i64().unwrap();
    let start = patch(tab);
    for (key, by) in [("ArrowRight", 1), ("ArrowDown", width), ("ArrowLeft", -1), ("ArrowUp", -width)] {
        let before = patch(tab);
        tab.press(key).unwrap();
        assert_eq!(patch(tab), before + by, "{key}");
    }
    assert_eq!(patch(tab), start);
    tab.press("Enter").unwrap();
    tab.settle().unwrap();
    assert_eq!(tab.evaluate("document.querySelector('.panels').classList.contains('held')").unwrap(), true);
    tab.press("Escape").unwrap();
    tab.settle().unwrap();
    assert_eq!(tab.evaluate("document.querySelector('.panels').classList.contains('held')").unwrap(), false);
    // It is told, a while later.
    tab.wait_for("document.getElementById('live').textContent.includes('(5, 5)')", Duration::from_secs(10)).unwrap();
    // Tab leads from the pictures to the sliders.
    tab.press("Tab").unwrap();
    assert_eq!(tab.evaluate("document.activeElement.id").unwrap(), "output");
    tab.press("Tab").unwrap();
    assert_eq!(tab.evaluate("document.activeElement.id").unwrap(), "gamma");
}

fn text(tab: &Tab, id: &str) -> String {
    tab.settle().unwrap();
    let text = tab.evaluate(&format!("document.getElementById('{id}').textContent")).unwrap();
    text.as_str().unwrap().to_owned()
}

/// One epoch of two: γ goes from 50 to 10. By hand it is what the slider says, until the curriculum is taken up again.
fn curriculum(tab: &Tab) {
    tab.evaluate("semrelExplorer.select({run: 0})").unwrap();
    tab.evaluate("document.getElementById('follow').click()").unwrap();
    assert_eq!(gamma(tab), 10.0);
    assert!(text(tab, "epoch-value").contains("γ 10"), "{}", text(tab, "epoch-value"));
    tab.evaluate("document.getElementById('gamma').focus()").unwrap();
    tab.press("ArrowLeft").unwrap();
    let by_hand = gamma(tab);
    assert!(by_hand < 10.0 && by_hand > 9.0, "{by_hand}");
    assert_eq!(text(tab, "follows"), "γ by hand");
    tab.evaluate("document.getElementById('follow').click()").unwrap();
    assert_eq!(gamma(tab), 10.0);
    assert_eq!(text(tab, "follows"), "γ by the curriculum");
}

fn what_cannot_be_explored() {
    let place = Place::new();
    trained(&place, RUNS[0]);
    trained(&place, ("other", "ours", &["name=tiny-other", "model.nce_layers=[0, 4, 8]"]));
    let explore = |runs: &[&str], rest: &[&str]| {
        let input: &[&str] = if rest.contains(&"--input") { &[] } else { &["--input", "data/testA/0.png"] };
        let out: &[&str] = if rest.contains(&"--out") { &[] } else { &["--out", "explorer"] };
        place.command(&[&["explore"], runs, input, out, rest].concat())
    };
    refuses(explore(&["gone"], &[]), &["gone: no such file or folder; expected a run's folder"]);
    refuses(explore(&["data"], &[]), &["data: not the folder of a run, which holds a `config.yaml`"]);
    refuses(explore(&["tiny.yaml"], &[]), &["tiny.yaml: this is a text file"]);
    refuses(explore(&["official"], &["--input", "gone.png"]), &["gone.png"]);
    refuses(explore(&["official"], &["--input", "tiny.yaml"]), &["tiny.yaml"]);
    refuses(explore(&["official"], &["--input", "data"]), &["data: a folder; expected a picture"]);
    refuses(
        explore(&["official", "other"], &[]),
        &["official compares the layers 0, 4, 8, 12, other the layers 0, 4, 8; name those to show with --layers"],
    );
    refuses(explore(&["official", "other"], &["--layers", "4,12"]), &["other: no projection head at layer 12"]);
    refuses(explore(&["official"], &["--layers", "4,4"]), &["--layers: 4 is given twice"]);
    refuses(explore(&["official"], &["--positions", "2"]), &["--positions"]);
    // Nothing was written so far.
    assert!(!place.path("explorer").exists());

    fs::create_dir(place.path("full")).unwrap();
    fs::write(place.path("full/thesis.tex"), "").unwrap();
    refuses(explore(&["official"], &["--out", "full"]), &["full: holds something else (thesis.tex)"]);
    refuses(explore(&["official"], &["--out", "tiny.yaml"]), &["tiny.yaml: expected a folder"]);

    let step = "official/checkpoints/step-00000003";
    assert(explore(&["official", step, "other"], &["--layers", "8,0"])).success();
    assert_eq!(names(&place.path("explorer/data")), ["0-0.js", "1-0.js", "2-0.js"]);
    let page = fs::read_to_string(place.path("explorer/index.html")).unwrap();
    for label in ["official, step 6", "official, step 3", "other"] {
        assert!(page.contains(&format!("\"label\":\"{label}\"")), "{label}");
    }
    // An explorer takes the place of one, but not where it cannot be made.
    let file = format!("{step}/net_G.safetensors");
    refuses(explore(&[&file], &["--layers", "0,99"]), &["net_G.safetensors: data/testA/0.png", "99"]);
    assert_eq!(names(&place.path("explorer/data")), ["0-0.js", "1-0.js", "2-0.js"]);
    assert(explore(&[&file], &["--layers", "0,8", "--size", "32x32"])).success();
    assert_eq!(names(&place.path("explorer/data")), ["0-0.js"]);
    fs::remove_file(place.path(&file)).unwrap();
    refuses(explore(&[step], &[]), &["step-00000003", "net_G.safetensors"]);
}

suite![maps_are_those_of_the_losses, the_page_can_be_used, what_cannot_be_explored,];
