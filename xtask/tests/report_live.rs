//! The report's charts: they tell what was logged and nothing else, and what is read in them stays when they are drawn again.

mod common;
#[path = "common/fixture.rs"]
#[allow(dead_code, reason = "only tests of the files need sizes")]
mod fixture;
#[path = "common/reported.rs"]
mod reported;

use fixture::Fixture;
use reported::{NOTHING, SECONDS, Server, open_of, report, served, show_all};
use semrel_browser::Tab;
use semrel_suite::{Skipped, suite};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

/// A run that has stopped at step 470; others of its chart go on to 1200.
const STOPPED: &str = "cut-single/table-single-sample-street-fastcut-s778";
/// A run of the same chart.
const OTHER: &str = "cut-single/table-single-sample-street-cut-s777";

/// The line of a run as an expression: its `figure`, its `place` among the lines, and the `key` that shows and hides it.
fn line(run: &str) -> String {
    format!(
        "(() => {{ for (const figure of document.querySelectorAll('figure.curves')) {{
            const runs = pageData('curve-data')[Number(figure.dataset.group)].runs;
            const place = runs.findIndex(other => other.run === '{run}');
            if (place >= 0) return {{ figure, place, key: figure.querySelectorAll('button.key')[place] }}; }} }})()"
    )
}

/// The text of an expression's element.
fn text(page: &Tab, element: &str) -> String {
    page.evaluate(&format!("{element}.textContent")).unwrap().as_str().unwrap().to_owned()
}

/// The log of a run.
fn log_of(run: &str) -> String {
    format!("runs/{run}/metrics.jsonl")
}

/// Adds a line to a log, at once as training does.
fn append(fixture: &Fixture, run: &str, step: u64) {
    let line = format!("{{\"step\": {step}, \"seconds\": 70.0, \"D\": 0.5, \"G_GAN\": 0.5}}\n");
    let mut log = OpenOptions::new().append(true).open(fixture.path(&log_of(run))).unwrap();
    log.write_all(line.as_bytes()).unwrap();
}

/// Changes files, and waits until the page has been loaded again for that.
fn refresh(page: &Tab, change: impl FnOnce()) {
    let version = page.evaluate("document.getElementById('version').dataset.version").unwrap();
    change();
    let other = format!("(document.getElementById('version')?.dataset.version ?? {version}) !== {version}");
    page.wait_for(&format!("{other} && document.readyState === 'complete'"), SECONDS).unwrap();
}

fn values_are_told_only_where_a_run_has_some() -> Result<(), Skipped> {
    let fixture = Fixture::new();
    // From step 600 on.
    let log = fs::read_to_string(fixture.path(&log_of(OTHER))).unwrap();
    fixture.write(&log_of(OTHER), log.lines().skip(59).flat_map(|line| [line, "\n"]).collect::<String>());
    let page = open_of(fixture)?;
    show_all(&page);
    let value = |run: &str| text(&page, &format!("{}.key.querySelector('.value')", line(run)));
    let is_number = |text: &str| text.parse::<f64>().is_ok();
    let figure = format!("{}.figure", line(STOPPED));
    page.evaluate(&format!("{figure}.querySelector('.scrub input').focus()")).unwrap();
    for (key, step, ended, begun) in [("Home", "10", false, false), ("End", "1,200", true, true)] {
        page.press(key).unwrap();
        page.wait_for(&format!("{figure}.querySelector('.step').textContent === '{step}'"), SECONDS).unwrap();
        let (stopped, late) = (value(STOPPED), value(OTHER));
        assert_eq!((is_number(&stopped), stopped == "–"), (!ended, ended), "{stopped} at step {step}");
        assert_eq!((is_number(&late), late == "–"), (begun, !begun), "{late} at step {step}");
        let spoken = page.evaluate(&format!("{figure}.querySelector('.scrub input').ariaValueText")).unwrap();
        assert!(spoken.as_str().unwrap().contains("no value"), "{spoken}");
    }

    // The same in the table, whose rows go from the first step to the last.
    page.evaluate(&format!("{figure}.querySelector('details summary').click()")).unwrap();
    page.wait_for(&format!("{figure}.querySelectorAll('details tbody tr').length === 12"), SECONDS).unwrap();
    let cell = |run: &str, row: usize| {
        let cells = format!("{figure}.querySelectorAll('details tbody tr')[{row}].children");
        text(&page, &format!("{cells}[{}.place + 1]", line(run)))
    };
    assert!(is_number(&cell(STOPPED, 0)) && is_number(&cell(OTHER, 11)));
    assert_eq!((cell(STOPPED, 11).as_str(), cell(OTHER, 0).as_str()), ("–", "–"));

    page.viewport(390, 844).unwrap();
    for scheme in ["light", "dark"] {
        page.colour_scheme(scheme).unwrap();
        assert_eq!(page.axe().unwrap(), NOTHING, "{scheme}");
    }
    assert_eq!(page.troubles(), NOTHING);
    Ok(())
}

fn a_hidden_line_stays_hidden_when_labels_change() -> Result<(), Skipped> {
    let fixture = Fixture::new();
    let [one, two] = ["cut-single/one/try", "cut-single/two/try"];
    let log = "{\"step\": 10, \"loss\": 1.0}\n{\"step\": 20, \"loss\": 0.5}\n";
    fixture.write(&log_of(one), log);
    let page = open_of(fixture)?;
    let key = |run: &str| format!("{}.key", line(run));
    let pressed = |run: &str| page.evaluate(&format!("{}.getAttribute('aria-pressed')", key(run))).unwrap();
    page.evaluate(&format!("{}.click()", key(one))).unwrap();
    assert_eq!(pressed(one), "false");
    let label = |run: &str| text(&page, &format!("{}.children[1]", key(run)));
    let before = label(one);
    // With another run of its name beside it, a run is called otherwise.
    page.fixture.write(&log_of(two), log);
    report(&page.fixture).assert().success();
    page.reload().unwrap();
    assert_ne!(label(one), before);
    assert_eq!((pressed(one).as_str(), pressed(two).as_str()), (Some("false"), Some("true")));
    assert_eq!(page.troubles(), NOTHING);
    Ok(())
}

/// Enlarges the part of the first chart from step 320 to step 605 or so, by dragging.
fn enlarge(page: &Tab) {
    page.middle_of("figure.curves .u-over").unwrap();
    page.settle().unwrap();
    page.evaluate(
        "(() => { const over = document.querySelector('figure.curves .u-over'), box = over.getBoundingClientRect();
          const drag = (kind, share) => over.dispatchEvent(new MouseEvent(kind, { bubbles: true, button: 0, movementX: 1,
            clientX: box.left + share * box.width, clientY: box.top + box.height / 2 }));
          drag('mousedown', 0.26); drag('mousemove', 0.4); drag('mousemove', 0.5); drag('mouseup', 0.5); })()",
    )
    .unwrap();
    page.settle().unwrap();
}

fn a_refresh_keeps_step_part_and_configuration() -> Result<(), Skipped> {
    let (_server, page) = served()?;
    let fixture = &page.fixture;
    let step = "document.querySelector('figure.curves .step').textContent";
    let configuration = "document.querySelector('figure.front .readout').textContent";
    enlarge(&page);
    let cheapest = format!("{configuration}.includes('101 M')");
    for (figure, chosen) in [("curves", format!("{step} === '10'")), ("front", cheapest.clone())] {
        page.evaluate(&format!("document.querySelector('figure.{figure} .scrub input').focus()")).unwrap();
        page.press("Home").unwrap();
        page.wait_for(&chosen, SECONDS).unwrap();
    }
    // Charts are drawn again for another axis, smoothing and theme.
    page.evaluate("document.getElementById('curves-log').click()").unwrap();
    page.evaluate(
        "(() => { const smooth = document.getElementById('curves-smooth'); smooth.value = '0.5';
          smooth.dispatchEvent(new Event('input', { bubbles: true })); })()",
    )
    .unwrap();
    page.evaluate("document.getElementById('theme').click()").unwrap();
    page.settle().unwrap();
    assert_eq!(page.evaluate(step).unwrap(), "10");

    refresh(&page, || append(fixture, STOPPED, 480));
    show_all(&page);
    assert_eq!(page.evaluate(step).unwrap(), "10");
    assert_eq!(page.evaluate("document.querySelector('figure.curves .scrub input').value").unwrap(), "0");
    assert_eq!(page.evaluate(&cheapest).unwrap(), true);
    // The chart begins where it was enlarged.
    let (_, y) = page.middle_of("figure.curves .u-over").unwrap();
    let left = page.evaluate("document.querySelector('figure.curves .u-over').getBoundingClientRect().left").unwrap();
    page.move_to(left.as_f64().unwrap() + 1.0, y).unwrap();
    page.wait_for(&format!("{step} === '320'"), SECONDS).unwrap();
    assert_eq!(page.axe().unwrap(), NOTHING);
    assert_eq!(page.troubles(), NOTHING);

    // Who reads the last step reads the last one again when there are more. The pointer lies over no chart meanwhile.
    page.move_to(1.0, 1.0).unwrap();
    page.evaluate(&format!("{}.figure.querySelector('.scrub input').focus()", line(STOPPED))).unwrap();
    page.press("End").unwrap();
    refresh(&page, || append(fixture, OTHER, 1210));
    show_all(&page);
    assert_eq!(text(&page, &format!("{}.figure.querySelector('.step')", line(STOPPED))), "1,210");
    Ok(())
}

fn keys_are_reading_and_a_server_that_is_back_is_told() -> Result<(), Skipped> {
    let (server, page) = served()?;
    let fixture = &page.fixture;
    page.evaluate("document.querySelector('figure.curves .scrub input').focus()").unwrap();
    page.evaluate("(window.before = true)").unwrap();
    append(fixture, STOPPED, 480);
    // Longer than a refresh takes.
    for _ in 0..24 {
        page.press("ArrowLeft").unwrap();
        sleep(Duration::from_millis(250));
    }
    assert_eq!(page.evaluate("window.before === true").unwrap(), true, "the page was loaded again between keys");
    page.wait_for("!window.before && document.readyState === 'complete'", SECONDS).unwrap();

    let status = "document.getElementById('live').textContent";
    page.wait_for(&format!("{status}.startsWith('Refreshed at ')"), SECONDS).unwrap();
    let port = server.port().to_owned();
    drop(server);
    page.wait_for(&format!("{status}.includes('stopped')"), SECONDS).unwrap();
    let _again = Server::start_on(&port, fixture);
    page.wait_for(&format!("{status}.startsWith('Refreshed at ')"), SECONDS).unwrap();
    Ok(())
}

suite![
    values_are_told_only_where_a_run_has_some,
    a_hidden_line_stays_hidden_when_labels_change,
    a_refresh_keeps_step_part_and_configuration,
    keys_are_reading_and_a_server_that_is_back_is_told,
];
