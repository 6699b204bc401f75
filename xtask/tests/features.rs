//! What one program built serves the others: each asks for the same features of its dependencies as all of them do.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Lines `name version [features]` of all dependencies of these kinds, of a choice of packages; the workspace's own crates, which
/// are soon built, aside.
fn dependencies(of: &[&str], edges: &str) -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--offline", "--edges", edges, "--prefix", "none", "--no-dedupe", "--format", "{p} [{f}]"]);
    let output = cargo.args(of).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| line.trim_end_matches(" (*)").to_owned());
    lines.filter(|line| !line.contains(" (/")).collect()
}

#[test]
fn programs_share_what_was_built() {
    let all = dependencies(&["--workspace"], "normal,build,dev");
    for program in ["xtask", "cut-single", "stargan2-multi", "gancomp-fast", "semrel-metrics"] {
        let own = dependencies(&["--package", program], "normal,build");
        assert!(own.len() > 50, "{own:?}");
        let apart: Vec<&String> = own.difference(&all).collect();
        assert!(apart.is_empty(), "{program}: name these features in crates/semrel-features/Cargo.toml: {apart:#?}");
    }
}
