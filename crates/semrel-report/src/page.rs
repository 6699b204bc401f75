//! The page, put together.

use super::asset::{Asset, MARK, Source};
use super::error::ReportError;
use super::problems::{files_below, slashes};
use super::report::Report;
use super::sources::Sources;
use super::{curves, evidence, front, gallery, run_list, table_view};
use semrel_pages::{Page, Templates};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Parts of the body, by name.
const PARTS: [(&str, &str); 9] = [
    ("body", include_str!("page/body.html")),
    ("tables", include_str!("page/tables.html")),
    ("evidence", include_str!("page/evidence.html")),
    ("fronts", include_str!("page/fronts.html")),
    ("curves", include_str!("page/curves.html")),
    ("pictures", include_str!("page/pictures.html")),
    ("dataset", include_str!("page/dataset.html")),
    ("gallery", include_str!("page/gallery.html")),
    ("runs", include_str!("page/runs.html")),
];

/// Scripts, in their order.
const SCRIPTS: [&str; 5] = [
    include_str!("vendor/uplot/uPlot.iife.min.js"),
    include_str!("page/chart.js"),
    include_str!("page/curves.js"),
    include_str!("page/fronts.js"),
    include_str!("page/zoom.js"),
];

const LIVE: &str = include_str!("page/live.js");

/// Makes the page. One that is `live` has a version and refreshes itself when its server has another.
///
/// # Errors
/// [`ReportError::Page`].
pub fn build(sources: &Sources, live: Option<&str>) -> Result<Report, ReportError> {
    let tables: Vec<_> = sources.tables.iter().map(table_view::view).collect();
    let evidence: Vec<_> = sources.evidence.iter().map(evidence::view).collect();
    let written = sources.tables.iter().map(|table| table.written);
    let written = written.chain(sources.evidence.iter().map(|file| file.written)).max();
    let curves = curves::groups(sources);
    let fronts = front::groups(sources);
    let galleries = gallery::collect(sources, live.is_some());
    let (runs, configurations) = run_list::groups(sources);
    let mut assets = galleries.assets;
    assets.extend(configurations);
    let explorer = explorer(&sources.folders.out);
    let problems = sources.problems.lines();
    let summary = summary(sources);
    let pictures = !galleries.tables.is_empty() || galleries.figures.is_some() || !galleries.samples.is_empty();

    let mut templates = Templates::new();
    for (name, text) in PARTS {
        templates.add(name, text)?;
    }
    let body = templates.render(
        "body",
        &json!({
            "mark": MARK,
            "summary": summary,
            "written": written,
            "explorer": !explorer.is_empty(),
            "problems": problems,
            "tables": tables,
            "evidence": evidence,
            "fronts": fronts.iter().map(|group| json!({"title": group.title, "quality": group.quality, "over": group.over})).collect::<Vec<_>>(),
            "curves": curves.iter().map(|group| json!({"title": group.title, "metrics": group.metrics, "first": group.first})).collect::<Vec<_>>(),
            "galleries": galleries.tables.iter().chain(&galleries.figures).collect::<Vec<_>>(),
            "samples": galleries.samples,
            "runs": runs,
            "live": live,
        }),
    )?;
    let mut page = Page::new("Results: patch-wise semantic relation");
    page.description(
        "Tables, training curves, searches and pictures of patch-wise semantic relation for image translation.",
    );
    let links = [
        ("Tables", "#tables", !tables.is_empty()),
        ("Claims", "#claims", !evidence.is_empty()),
        ("Search", "#search", !fronts.is_empty()),
        ("Curves", "#curves", !curves.is_empty()),
        ("Pictures", "#pictures", pictures),
        ("Runs", "#runs", !runs.is_empty()),
        ("Explorer", "explorer/index.html", !explorer.is_empty()),
    ];
    for (label, address, _) in links.into_iter().filter(|link| link.2) {
        page.link(label, address);
    }
    page.style(include_str!("vendor/uplot/uPlot.min.css"))?.style(include_str!("page/report.css"))?;
    page.data("curve-data", &curves)?.data("front-data", &fronts)?;
    for script in SCRIPTS {
        page.script(script)?;
    }
    if live.is_some() {
        page.live().script(LIVE)?;
        assets.extend(explorer);
    }
    page.body(body).footer("Made by cargo xtask report. Charts are drawn by uPlot 1.6.32, which has the MIT licence.");
    Ok(Report { html: page.render()?, assets, summary, problems })
}

/// `3 tables, 40 runs`.
fn summary(sources: &Sources) -> String {
    let count = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let claims = sources.evidence.iter().map(|file| file.evidence.claims.len()).sum();
    let counts = [(sources.tables.len(), "table"), (claims, "claim"), (sources.runs.len(), "run")];
    counts.into_iter().filter(|(n, _)| *n > 0).map(|(n, one)| count(n, one)).collect::<Vec<_>>().join(", ")
}

/// The files of the similarity explorer, if it is there.
fn explorer(out: &Path) -> BTreeMap<String, Asset> {
    let root = out.join("explorer");
    if !root.join("index.html").is_file() {
        return BTreeMap::new();
    }
    let asset = |path: PathBuf| {
        let address = slashes(path.strip_prefix(out).unwrap_or(&path));
        (address, Asset { media_type: media_type(&path), source: Source::File(path) })
    };
    files_below(&root).into_iter().map(asset).collect()
}

fn media_type(path: &Path) -> &'static str {
    let end = path.extension().map(|end| end.to_string_lossy().to_lowercase()).unwrap_or_default();
    match end.as_str() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "svg" => "image/svg+xml",
        "webp" => "image/webp",
        _ => "application/octet-stream",
    }
}
