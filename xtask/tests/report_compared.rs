//! What the report sets side by side: methods, runs and searches, each once and with its like.

mod common;
#[path = "common/fixture.rs"]
#[allow(dead_code, reason = "only tests of the files need sizes")]
mod fixture;
#[path = "common/reported.rs"]
mod reported;

use fixture::{Fixture, search_results, searched};
use image::{Rgb, RgbImage};
use reported::{NOTHING, SECONDS, open_of, report, show_all};
use semrel_run::search::Budget;
use semrel_run::work::Work;
use semrel_suite::{Skipped, suite};
use std::fs;

/// The page of these runs.
fn html(fixture: &Fixture) -> String {
    report(fixture).assert().success();
    fs::read_to_string(fixture.path("results/report/index.html")).unwrap()
}

/// What stands between two texts.
fn between<'a>(html: &'a str, from: &str, to: &str) -> &'a str {
    html.split_once(from).unwrap().1.split_once(to).unwrap().0
}

/// The line of a run in the list of runs, behind its name.
fn row_of<'a>(html: &'a str, folder: &str) -> &'a str {
    between(html, &format!("<code>{}</code>", folder.replace('/', "&#x2f;")), "</tr>")
}

fn each_method_and_stage_is_told_once_and_in_full() {
    let html = html(&Fixture::new());
    // Two references and four methods, of which one has failed; two seeds are one line a checkpoint, and one bar.
    let single = between(&html, "<article id=\"table-single\"", "</article>");
    let count = |text: &str| single.matches(text).count();
    assert_eq!(count("<th scope=\"row\" class=\"method\""), 6);
    assert_eq!(count("<th scope=\"row\" class=\"method\" rowspan=\"2\""), 3);
    assert_eq!((count("<figure class=\"chart\">"), count("<span class=\"name\">")), (4, 16));
    // The paper's FID is another metric than what was measured; parameters and MACs are the same everywhere.
    assert!(
        single.contains("FD(effnet-lite0) ↓</th>") && single.contains("paper: FID ↓") && count("class=\"verdict ") == 0
    );
    let compression = between(&html, "<article id=\"table2\"", "</article>");
    assert_eq!(compression.matches("class=\"verdict ").count(), 6);
    // The picture of the one that failed is of an earlier table.
    assert!(html.contains("translations by FastCUT") && !html.contains("translations by LSeSim"));

    // Stages that keep no configuration have that of their row; what goes on has a time, too.
    for stage in ["distill", "search", "export"] {
        let row = row_of(&html, &format!("gancomp-fast/table2-sample-maps-ours-s777/{stage}"));
        assert!(row.contains("<td>data&#x2f;sample-64&#x2f;maps</td>"), "{row}");
        assert!(row.contains("<td class=\"n\">777</td>"), "{row}");
    }
    assert!(row_of(&html, "cut-single/table-single-sample-street-fastcut-s778").contains("1 min 11 s"));
}

fn runs_of_other_profiles_and_settings_keep_apart() {
    let fixture = Fixture::new();
    let name = |profile: &str, tail: &str| format!("cut-single/table-single-{profile}-street-ours-s777{tail}");
    let (small, changed) = (name("small", ""), name("sample", "-0a1b2c3d"));
    for run in [&small, &changed] {
        fixture.run(run, "street", 777, &["G_GAN", "NCE"], true);
    }
    let html = html(&fixture);
    for profile in ["sample", "small"] {
        let title = format!("<h3>Single-modal translation, street ({profile})</h3>");
        assert_eq!(html.matches(&title).count(), 1, "{title}");
    }
    let labels =
        [(small, "Ours"), (name("sample", ""), "Ours (seed 777)"), (changed, "Ours (seed 777), settings 0a1b2c3d")];
    for (run, label) in labels {
        let line = format!("\"run\":\"{run}\",\"label\":\"{label}\"");
        assert!(html.contains(&line), "{line}");
        row_of(&html, &run);
    }
}

fn a_front_is_over_what_the_budget_limits() -> Result<(), Skipped> {
    let fixture = Fixture::new();
    let write = |file: &str, text: &str| {
        fixture.write(&format!("runs/gancomp-fast/table2-sample-street-ours-s777/search/{file}"), text);
    };
    let work = Work { seconds: 1.0, threads: 1, device: "Cpu".to_owned() };
    write("summary.json", &searched(2, work).to_string());
    let budget = Budget { macs: Some(4e8), milliseconds: Some(4.0), ..Budget::default() };
    write("search.json", &search_results("FD(x)", budget).to_string());
    let head = "channels,macs,parameters,milliseconds,fd,front,winner";
    let points = "16_16,300000000,9000,1.5,60,true,false\n24_24,200000000,8000,3.5,40,true,true\n";
    write("front.csv", &format!("{head}\n{points}"));
    let html = html(&fixture);
    for part in ["FD(x) over milliseconds of one image", "\"axis\":\"milliseconds\"", "\"axis\":\"macs\""] {
        assert!(html.contains(part), "{part}");
    }

    let page = open_of(fixture)?;
    show_all(&page);
    let figure = "document.querySelectorAll('figure.front')[1]";
    let text = |part: &str| page.evaluate(&format!("{figure}.querySelector('{part}').textContent")).unwrap();
    assert!(text(".keys").as_str().unwrap().ends_with("2 configurations, budget 4 ms"), "{}", text(".keys"));
    page.evaluate(&format!("{figure}.querySelector('input').focus()")).unwrap();
    page.press("Home").unwrap();
    let first = "['300 M', '1.5 ms'].every(part => readout.includes(part))";
    page.wait_for(&format!("(readout => {first})({figure}.querySelector('.readout').textContent)"), SECONDS).unwrap();
    assert_eq!(page.troubles(), NOTHING);
    Ok(())
}

fn grids_leave_room_for_samples() {
    let fixture = Fixture::new();
    // Noise takes three bytes a pixel: 7.7 MB, and 3 MB that the samples would not have.
    for (dataset, side) in [("seasons", 1600), ("weather", 1000)] {
        let mut state = side;
        let noise = RgbImage::from_fn(side, side, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [red, green, blue, _] = state.to_be_bytes();
            Rgb([red, green, blue])
        });
        noise.save(fixture.path(&format!("results/table1-{dataset}-ours.png"))).unwrap();
    }
    assert!(html(&fixture).contains("pictures: 1 are left out: there is room for 11 MB"));
}

suite![
    each_method_and_stage_is_told_once_and_in_full,
    runs_of_other_profiles_and_settings_keep_apart,
    a_front_is_over_what_the_budget_limits,
    grids_leave_room_for_samples,
];
