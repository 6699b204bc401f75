//! Makes the core set of the reference vectors from the whole one:
//! `cargo run -p semrel-testkit --example core_set -- WHOLE CORE`.
//!
//! `CORE/cases.txt` lists its cases, `<area>/<case>` per line. Folders of other cases in `CORE` are left alone.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let folders: Vec<String> = std::env::args().skip(1).collect();
    let [whole, core] = folders.as_slice() else { return Err("two folders: of the whole set, of the core set".into()) };
    let list = Path::new(core).join("cases.txt");
    let cases = std::fs::read_to_string(&list).map_err(|e| format!("{}: {e}", list.display()))?;
    for case in cases.lines().filter(|line| !line.is_empty()) {
        let (from, to) = (Path::new(whole).join(case), Path::new(core).join(case));
        if to.exists() {
            std::fs::remove_dir_all(&to)?;
        }
        std::fs::create_dir_all(&to)?;
        semrel_testkit::packed::pack(&from, &to)?;
    }
    Ok(())
}
