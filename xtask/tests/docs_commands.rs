//! Every command of the README and of docs/ is typed here, in the order in which a reader would type them, in a folder
//! that looks like the checkout. A command that the table below does not know fails the test.
//!
//! `cargo run -p PROGRAM --` and `cargo xtask` start the programs that are built; settings are appended that make
//! trainings as short as can be.

mod common;

use common::pages::{code_blocks, pages, root};
use common::typed::{COMPRESSION, How, MULTI, REST, SINGLE, Typed};
use semrel_weights::{EFFICIENTNET_LITE0, EFFICIENTNET_LITE2};
use semrel_world::{Coat, Look, PairWorld, Season, Weather, render_animals, render_landscape, write_pairs};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

const PROGRAMS: [&str; 4] = ["stargan2-multi", "cut-single", "gancomp-fast", "semrel-metrics"];

/// What a reader's `cargo` does, without building.
const CARGO: &str = r#"#!/bin/sh
action=$1; shift
case $action in
xtask) CARGO_MANIFEST_DIR="$CHECKOUT/xtask" exec "$PROGRAMS/xtask" "$@";;
run) program=$2; shift 3; exec "$PROGRAMS/$program" "$@";;
*) echo "this cargo knows run and xtask, not $action" >&2; exit 3;;
esac
"#;

/// The commands of the blocks of shell, without their comments, each once.
fn typed() -> Vec<String> {
    let mut found = vec![];
    for page in [root().join("README.md")].into_iter().chain(pages(&root().join("docs"))) {
        let text = fs::read_to_string(&page).unwrap();
        for block in code_blocks(&text).into_iter().filter(|block| block.language == "sh") {
            // A line that ends with a backslash goes on.
            let code = block.code.replace("\\\n", " ");
            for line in code.lines() {
                let words = line.split(" #").next().unwrap_or_default().split_whitespace();
                let command = words.collect::<Vec<_>>().join(" ");
                if !command.is_empty() && !found.contains(&command) {
                    found.push(command);
                }
            }
        }
    }
    found
}

#[test]
fn every_command_is_known() {
    let typed: BTreeSet<String> = typed().into_iter().collect();
    let known: BTreeSet<String> =
        [MULTI, SINGLE, COMPRESSION, REST].into_iter().flatten().map(|command| command.typed.to_owned()).collect();
    let list = |commands: Vec<&String>| commands.into_iter().map(|c| format!("\n  {c}")).collect::<String>();
    let missing = list(typed.difference(&known).collect());
    assert!(missing.is_empty(), "say in xtask/tests/common/typed.rs how these are run:{missing}");
    let gone = list(known.difference(&typed).collect());
    assert!(gone.is_empty(), "no page has these any more; take them out of xtask/tests/common/typed.rs:{gone}");
}

#[test]
fn multi_modal_commands_do_what_the_pages_say() {
    Place::new().type_all(MULTI);
}

#[test]
fn single_modal_commands_do_what_the_pages_say() {
    let place = Place::new();
    place.type_all(SINGLE);
    // The page of one's own images promises a picture for each.
    let stems = |folder: &str| -> BTreeSet<PathBuf> {
        let entries = fs::read_dir(place.path(folder)).unwrap();
        entries.map(|entry| PathBuf::from(entry.unwrap().path().file_stem().unwrap())).collect()
    };
    assert_eq!(stems("data/sky/testA"), stems("results/sky-quick"));
}

#[test]
fn compression_commands_do_what_the_pages_say() {
    Place::new().type_all(COMPRESSION);
}

#[test]
fn other_commands_do_what_the_pages_say() {
    Place::new().type_all(REST);
}

/// A folder that a reader may take for the checkout.
struct Place {
    dir: tempfile::TempDir,
    programs: PathBuf,
}

impl Place {
    fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap(), programs: programs() };
        for folder in ["xtask", "target", "weights", "bin", "docs"] {
            fs::create_dir(place.path(folder)).unwrap();
        }
        symlink(root().join("configs"), place.path("configs")).unwrap();
        fs::create_dir(place.path("docs/reference")).unwrap();
        let cargo = place.path("bin/cargo");
        fs::write(&cargo, CARGO).unwrap();
        fs::set_permissions(cargo, fs::Permissions::from_mode(0o755)).unwrap();
        // A folder of weights of its own: features are kept beside it.
        for network in [EFFICIENTNET_LITE0, EFFICIENTNET_LITE2] {
            let weights = network.locate().expect("`cargo xtask setup` fetches the weights");
            symlink(weights, place.path("weights").join(network.file)).unwrap();
        }

        place.kinds("photos", 0);
        place.kinds("translations", 100);
        render_animals(1, Coat::Plain, 64).image.save(place.path("horse.jpg")).unwrap();
        render_animals(2, Coat::Striped, 64).image.save(place.path("zebra.jpg")).unwrap();
        write_pairs(&place.path("two"), PairWorld::HorseZebra, 8, 2, 40, 1).unwrap();
        place
    }

    /// A folder of two kinds.
    fn kinds(&self, name: &str, first: u64) {
        let kinds: [(&str, Look); 2] = [("cloudy", Weather::Cloudy.into()), ("sunrise", Season::Autumn.into())];
        for (kind, look) in kinds {
            // Of eight, two are set apart for validation.
            for (phase, seeds) in [("train", 20..28), ("val", 6..9)] {
                let folder = self.path(&format!("{name}/{phase}/{kind}"));
                fs::create_dir_all(&folder).unwrap();
                for seed in seeds {
                    let picture = render_landscape(first + seed, look, 64).image;
                    picture.save(folder.join(format!("{kind}{seed}.jpg"))).unwrap();
                }
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs commands one after the other, and shows what those that fail say.
    fn type_all(&self, commands: &[Typed]) {
        let mut failed = vec![];
        for command in commands {
            let (dir, more) = match command.how {
                How::With(more) => ("photos", more),
                How::Of(dir, more) => (dir, more),
                How::Not(reason) => {
                    println!("not run: {}: {reason}", command.typed);
                    continue;
                }
            };
            let line = format!("{} {more}", command.typed.replace("DIR", dir));
            let began = Instant::now();
            let output = self.shell(&line);
            println!("{:5.1} s  {line}", began.elapsed().as_secs_f64());
            let lacking = !command.makes.is_empty() && !self.path(command.makes).exists();
            if !output.status.success() || lacking {
                let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                let lacks = if lacking { format!("{} was not made\n", command.makes) } else { String::new() };
                failed.push(format!("$ {line}\n{lacks}{}", said.concat()));
            }
        }
        assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    }

    fn shell(&self, line: &str) -> std::process::Output {
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(self.dir.path());
        shell.env("CHECKOUT", self.dir.path()).env("PROGRAMS", &self.programs);
        shell.env("SEMREL_WEIGHTS", self.path("weights")).env("OMP_NUM_THREADS", "1").env_remove("RUST_LOG");
        let path = std::env::var("PATH").unwrap_or_default();
        shell.env("PATH", format!("{}:{path}", self.path("bin").display()));
        for program in PROGRAMS {
            let variable = format!("SEMREL_{}", program.to_uppercase().replace('-', "_"));
            shell.env(variable, self.programs.join(program));
        }
        shell.output().unwrap()
    }
}

/// Where the programs lie. `cargo test --workspace` has built them; `cargo test -p xtask` may not.
fn programs() -> PathBuf {
    let folder = assert_cmd::cargo::cargo_bin("xtask").parent().map(Path::to_owned).unwrap();
    for program in PROGRAMS.iter().filter(|program| !folder.join(program).exists()) {
        let built = Command::new(env!("CARGO")).args(["build", "--package", program, "--bin", program]).status();
        assert!(built.is_ok_and(|status| status.success()), "{program} cannot be built");
    }
    folder
}
