//! The report: its files, its page in a browser, and its server.

mod common;
#[path = "common/fixture.rs"]
mod fixture;
#[path = "common/reported.rs"]
mod reported;

use common::xtask;
use fixture::{Fixture, size_of};
use predicates::prelude::*;
use predicates::str::contains;
use reported::{NOTHING, SECONDS, Server, open, report, served, show_all};
use semrel_browser::Tab;
use semrel_suite::{Skipped, suite};
use serde_json::json;
use std::fs;
use std::process::Command;

/// Saves what a page looks like where `SEMREL_SCREENSHOTS` names a folder.
fn picture(page: &Tab, name: &str) {
    if let Some(folder) = std::env::var_os("SEMREL_SCREENSHOTS") {
        page.screenshot(std::path::Path::new(&folder).join(format!("{name}.png"))).unwrap();
    }
}

fn bad_input_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let fails = |args: &[&str], words: &str| {
        let told = contains(words).and(contains("panicked").not());
        xtask().args(args).current_dir(dir.path()).assert().failure().stdout("").stderr(told);
    };
    fails(&["report", "--results", "/nowhere"], "--results /nowhere: no such folder");
    fails(&["serve", "--runs", "/nowhere"], "--runs /nowhere: no such folder");
    fails(&["report", "--results", ".", "--runs", "."], "cargo xtask table1");
    fails(&["report", "--results", ".", "--runs", ".", "--out", "."], "choose another folder");
    fails(&["serve", "--results", ".", "--runs", ".", "--port", "0"], "nothing to report");
    fails(&["serve", "--port", "70000"], "70000");
    fs::write(dir.path().join("table1.json"), "{\"datasets\": []}").unwrap();
    fs::create_dir(dir.path().join("mine")).unwrap();
    fs::write(dir.path().join("mine/thesis.tex"), "").unwrap();
    fails(&["report", "--results", ".", "--runs", ".", "--out", "mine"], "it holds `thesis.tex`");
}

fn a_report_is_a_folder_that_can_be_sent() {
    let fixture = Fixture::new();
    let out = fixture.path("results/report");
    report(&fixture)
        .assert()
        .success()
        .stdout(contains("index.html"))
        .stderr(contains("3 tables").and(contains("warning").not()));
    assert!(size_of(&out) < 15_000_000, "{}", size_of(&out));
    let html = fs::read_to_string(out.join("index.html")).unwrap();
    for part in [
        "Table 1",
        "Single-modal",
        "Table 2",
        "failed: seed 778: `G` is NaN",
        "742 MiB",
        "3 min 06 s",
        "unfinished, at step 470",
        "cpu, 1 thread",
        "on A processor",
    ] {
        assert!(html.contains(part), "{part}");
    }
    let place = fixture.path("").display().to_string();
    assert!(!html.contains(&place), "the page tells where it was made");
    assert!(out.join("runs/gancomp-fast/table2-sample-maps-ours-s777/distill/config.yaml").is_file());
    assert!(!html.contains("explorer/index.html"));

    // Again, with the explorer beside it, damaged files, and a run that is gone.
    fs::create_dir(out.join("explorer")).unwrap();
    fs::write(out.join("explorer/index.html"), "").unwrap();
    fixture.write("results/table2.json", "{\"datasets\": [");
    let run = "runs/cut-single/table-single-sample-street-ours-s777";
    let mut log = fs::read_to_string(fixture.path(&format!("{run}/metrics.jsonl"))).unwrap();
    log.truncate(log.len() - 30);
    fixture.write(&format!("{run}/metrics.jsonl"), log);
    fixture.write("results/table1-seasons-ours.png", "no picture");
    fs::remove_dir_all(fixture.path("runs/gancomp-fast")).unwrap();
    let named = contains("results/table2.json: not JSON")
        .and(contains(format!("{run}/metrics.jsonl: line 120 is cut off")))
        .and(contains("results/table1-seasons-ours.png: not a picture"));
    report(&fixture).assert().success().stderr(named);
    let html = fs::read_to_string(out.join("index.html")).unwrap();
    assert!(html.contains("line 120 is cut off") && html.contains("explorer/index.html") && !html.contains("Table 2"));
    assert!(!out.join("runs/gancomp-fast").exists() && out.join("explorer/index.html").exists());
}

fn the_page_works_in_a_browser() -> Result<(), Skipped> {
    let page = open()?;
    // The quickest of several loads tells of the page; a single one tells of the tests that run beside this one, too.
    let mut quickest = page.load_milliseconds().unwrap();
    for _ in 0..9 {
        if quickest < 1000.0 {
            break;
        }
        page.reload().unwrap();
        quickest = quickest.min(page.load_milliseconds().unwrap());
    }
    assert!(quickest < 1000.0, "the page takes {quickest} ms to load");
    assert_eq!(page.evaluate("document.querySelectorAll('table.results').length").unwrap(), 4);
    let pictures = "[...document.images].filter(i => i.getAttribute('src')).length";
    assert_eq!(page.evaluate(pictures).unwrap(), json!(6 + 4 + 3 * (6 + 7 + 3)));

    for (width, height) in [(1280, 900), (390, 844)] {
        page.viewport(width, height).unwrap();
        let wide = page.evaluate("document.documentElement.scrollWidth").unwrap();
        assert!(wide.as_u64().unwrap() <= u64::from(width), "the page is {wide} wide");
        for scheme in ["light", "dark"] {
            page.colour_scheme(scheme).unwrap();
            show_all(&page);
            assert_eq!(page.axe().unwrap(), NOTHING, "{width} {scheme}");
            for part in ["tables", "claims", "search", "curves", "pictures", "runs"] {
                page.evaluate(&format!("document.getElementById('{part}').scrollIntoView({{behavior: 'instant'}})"))
                    .unwrap();
                page.settle().unwrap();
                picture(&page, &format!("report-{width}-{scheme}-{part}"));
            }
        }
    }
    assert_eq!(page.troubles(), NOTHING);
    Ok(())
}

fn charts_answer_to_pointer_and_keyboard() -> Result<(), Skipped> {
    let page = open()?;
    show_all(&page);
    let text = |expression: &str| page.evaluate(expression).unwrap().as_str().unwrap().to_owned();

    // Curves: the pointer in the middle, then one step to the right by keyboard.
    let (x, y) = page.middle_of("figure.curves .u-over").unwrap();
    page.move_to(x, y).unwrap();
    let step = "document.querySelector('figure.curves .step').textContent";
    page.wait_for(&format!("{step} === '600' || {step} === '610'"), SECONDS).unwrap();
    let before = text(step);
    let value = text("document.querySelector('figure.curves .key .value').textContent");
    assert!(value.parse::<f64>().is_ok(), "{value}");
    page.evaluate("document.querySelector('figure.curves input').focus()").unwrap();
    page.press("ArrowRight").unwrap();
    page.wait_for(&format!("{step} !== '{before}'"), SECONDS).unwrap();
    let spoken = text("document.querySelector('figure.curves input').getAttribute('aria-valuetext')");
    assert!(spoken.starts_with("step 6") && spoken.contains("Ours "), "{spoken}");
    page.press("End").unwrap();
    page.wait_for(&format!("{step} === '1,200'"), SECONDS).unwrap();

    // Axis, smoothing, keys and metrics.
    let (x, y) = page.middle_of("#curves-log").unwrap();
    page.click(x, y).unwrap();
    page.evaluate("document.getElementById('curves-smooth').focus()").unwrap();
    (0..5).for_each(|_| page.press("ArrowRight").unwrap());
    page.wait_for("document.getElementById('curves-smooth-value').textContent === '0.1'", SECONDS).unwrap();
    let (x, y) = page.middle_of("figure.curves .key").unwrap();
    page.click(x, y).unwrap();
    page.wait_for("document.querySelector('figure.curves .key').getAttribute('aria-pressed') === 'false'", SECONDS)
        .unwrap();
    page.evaluate("document.querySelector('figure.curves details summary').click()").unwrap();
    page.wait_for("document.querySelectorAll('figure.curves details tbody tr').length === 12", SECONDS).unwrap();

    // What was chosen is there after the page is loaded again.
    page.reload().unwrap();
    show_all(&page);
    assert_eq!(page.evaluate("document.getElementById('curves-log').checked").unwrap(), true);
    assert_eq!(
        page.evaluate("document.querySelector('figure.curves .key').getAttribute('aria-pressed')").unwrap(),
        "false"
    );

    // The front: the chosen one first, then by keyboard and pointer.
    let readout = "document.querySelector('figure.front .readout').textContent";
    assert!(text(readout).contains("chosen"), "{}", text(readout));
    page.evaluate("document.querySelector('figure.front input').focus()").unwrap();
    page.press("Home").unwrap();
    page.wait_for(&format!("{readout}.includes('101 M')"), SECONDS).unwrap();
    let at = page.evaluate(
        "(() => { document.querySelector('figure.front').scrollIntoView({block: 'center', behavior: 'instant'});
          const r = document.querySelector('.front-mark').getBoundingClientRect(); return [r.x + 16, r.y + 16]; })()",
    );
    let at = at.unwrap();
    page.press("End").unwrap();
    page.wait_for(&format!("!{readout}.includes('101 M')"), SECONDS).unwrap();
    page.move_to(at[0].as_f64().unwrap() + 3.0, at[1].as_f64().unwrap()).unwrap();
    page.wait_for(&format!("{readout}.includes('101 M') && {readout}.includes('Configuration')"), SECONDS).unwrap();
    picture(&page, "report-front-hover");
    assert_eq!(page.troubles(), NOTHING);
    Ok(())
}

fn pictures_are_enlarged_by_keyboard() -> Result<(), Skipped> {
    let page = open()?;
    page.evaluate("document.querySelector('button.zoom').focus()").unwrap();
    page.press("Enter").unwrap();
    page.wait_for("document.getElementById('zoom').open && document.getElementById('zoom-picture').complete", SECONDS)
        .unwrap();
    let title =
        || page.evaluate("document.getElementById('zoom-title').textContent").unwrap().as_str().unwrap().to_owned();
    assert!(title().starts_with("seasons, StarGAN v2 (1 of 6"), "{}", title());
    let width = || page.evaluate("document.getElementById('zoom-picture').clientWidth").unwrap().as_u64().unwrap();
    let fitting = width();
    assert_eq!(fitting % (6 * 66 - 2), 0);
    page.evaluate("document.getElementById('zoom-more').click()").unwrap();
    assert!(width() > fitting);
    page.press("ArrowRight").unwrap();
    page.wait_for("document.getElementById('zoom-title').textContent.includes('2 of 6')", SECONDS).unwrap();
    page.press("ArrowLeft").unwrap();
    page.press("ArrowLeft").unwrap();
    page.wait_for("document.getElementById('zoom-title').textContent.includes('6 of 6')", SECONDS).unwrap();
    for (width, height) in [(1280, 900), (390, 844)] {
        page.viewport(width, height).unwrap();
        for scheme in ["light", "dark"] {
            page.colour_scheme(scheme).unwrap();
            assert_eq!(page.axe().unwrap(), NOTHING, "{width} {scheme}");
            picture(&page, &format!("zoom-{width}-{scheme}"));
        }
    }
    page.press("Escape").unwrap();
    page.wait_for("!document.getElementById('zoom').open", SECONDS).unwrap();
    assert_eq!(page.evaluate("document.activeElement.className").unwrap(), "zoom");
    assert_eq!(page.troubles(), NOTHING);
    Ok(())
}

/// Asks, and takes every answer.
fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

fn status(server: &Server, path: &str, host: Option<&str>) -> u16 {
    let mut request = agent().get(format!("{}{path}", server.address));
    if let Some(host) = host {
        request = request.header("Host", host);
    }
    request.call().unwrap().status().as_u16()
}

fn the_server_answers_locally_and_ends_on_ctrl_c() {
    let fixture = Fixture::new();
    let mut server = Server::start(&fixture);
    assert!(server.address.starts_with("http://127.0.0.1:"), "{}", server.address);
    assert_eq!(status(&server, "version", None), 200);
    assert_eq!(status(&server, "", None), 200);
    assert_eq!(status(&server, "", Some("attacker.example")), 403);
    assert_eq!(status(&server, "runs/%2e%2e/%2e%2e/results/table1.json", None), 404);
    assert_eq!(status(&server, "runs/stargan2-multi/table1-sample-seasons-ours-s777/config.yaml", None), 200);
    assert_eq!(agent().post(&server.address).send("x").unwrap().status().as_u16(), 405);

    let port = server.port();
    let taken = contains(format!("port {port} of 127.0.0.1 is in use")).and(contains("--port"));
    let folders = [fixture.path("results"), fixture.path("runs")];
    xtask()
        .args(["serve", "--port", port, "--results"])
        .arg(&folders[0])
        .arg("--runs")
        .arg(&folders[1])
        .assert()
        .code(1)
        .stderr(taken);

    Command::new("kill").args(["-INT", &server.child.id().to_string()]).status().unwrap();
    assert!(server.child.wait().unwrap().success());
}

fn an_open_page_follows_the_files_and_stays_where_it_is() -> Result<(), Skipped> {
    let (_server, page) = served()?;
    let fixture = &page.fixture;
    assert_eq!(page.axe().unwrap(), NOTHING);
    page.evaluate("document.getElementById('curves-log').click()").unwrap();
    page.evaluate("document.getElementById('curves').scrollIntoView({behavior: 'instant'})").unwrap();
    page.settle().unwrap();
    let scrolled = page.evaluate("scrollY").unwrap().as_f64().unwrap();
    assert!(scrolled > 500.0);
    let place = "document.querySelector('figure.curves').getBoundingClientRect().top";
    let before = page.evaluate(place).unwrap().as_f64().unwrap();
    let version = page.evaluate("document.getElementById('version').dataset.version").unwrap();

    let log = "runs/cut-single/table-single-sample-street-fastcut-s778/metrics.jsonl";
    let more = fs::read_to_string(fixture.path(log)).unwrap() + "{\"step\": 480, \"seconds\": 70.0, \"G_GAN\": 0.5}\n";
    fixture.write(log, more);
    let other = format!(
        "document.getElementById('version')?.dataset.version !== {version} && document.readyState === 'complete'"
    );
    page.wait_for(&other, SECONDS).unwrap();
    page.wait_for("document.body.textContent.includes('unfinished, at step 480')", SECONDS).unwrap();
    assert_eq!(page.evaluate("document.getElementById('curves-log').checked").unwrap(), true);
    page.wait_for(&format!("Math.abs({place} - {before}) < 5"), SECONDS).unwrap();
    assert_eq!(page.troubles(), NOTHING);
    Ok(())
}

suite![
    bad_input_is_told,
    a_report_is_a_folder_that_can_be_sent,
    the_page_works_in_a_browser,
    charts_answer_to_pointer_and_keyboard,
    pictures_are_enlarged_by_keyboard,
    the_server_answers_locally_and_ends_on_ctrl_c,
    an_open_page_follows_the_files_and_stays_where_it_is,
];
