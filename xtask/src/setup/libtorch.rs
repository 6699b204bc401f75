//! `.libtorch`: a link to a libtorch of the version that `tch` is made for.

use super::files::{create_dir, writing};
use super::pip;
use super::unpack::unpack;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use semrel_run::atomic;
use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The version that `tch` is made for.
pub const VERSION: &str = "2.13.0";

/// The torch wheel and those of the CUDA libraries that even its CPU library is linked against.
const WHEELS: [&str; 3] = ["torch==2.13.0", "nvidia-cuda-runtime==13.0.*", "nvidia-cuda-cupti==13.0.*"];
/// Libraries of a slim CPU build.
const LIBRARIES: [&str; 5] = ["libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libcudart.so.13", "libcupti.so.13"];

/// Prints version and folder of the active Python's torch without the seconds that importing it takes.
const FIND_TORCH: &str = "import importlib.util as u, importlib.metadata as m; \
    print(m.version('torch')); print(u.find_spec('torch').submodule_search_locations[0])";

/// Whether `.libtorch` leads to a complete libtorch of the right version, and to $LIBTORCH if that is the user's own.
pub fn is_ready(workspace: &Workspace, cuda: bool) -> bool {
    let link = workspace.libtorch();
    let chosen = chosen(workspace).is_none_or(|own| same(&own, &link));
    chosen && check(&link).is_ok() && (!cuda || link.join("lib/libtorch_cuda.so").exists())
}

/// Finds or fetches a libtorch and links it.
pub fn install(workspace: &Workspace, cache: &Path, cuda: bool, force: bool) -> Result<()> {
    let link = workspace.libtorch();
    if let Some(own) = chosen(workspace) {
        check(&own).with_context(|| {
            format!("LIBTORCH={}: unset it to have `cargo xtask setup` fetch libtorch {VERSION}", own.display())
        })?;
        return relink(&own, &link, force);
    }
    if cuda {
        return relink(&with_cuda(cache, force)?, &link, force);
    }
    // Where $LIBTORCH is the cached build, that is what will be compiled against.
    let cached = cache.join(slim_name());
    if env::var_os("LIBTORCH").is_none_or(|v| Path::new(&v) != cached)
        && let Some(torch) = of_python()
    {
        eprintln!("using the torch {VERSION} of Python in {}", torch.display());
        return relink(&torch, &link, force);
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        bail!(
            "on this system libtorch comes from Python: `python3 -m pip install torch=={VERSION}`, then run \
             `cargo xtask setup` again (or point LIBTORCH at a libtorch {VERSION})"
        );
    }
    relink(&slim(cache, force)?, &link, force)
}

fn slim_name() -> String {
    format!("libtorch-{VERSION}-cpu")
}

/// $LIBTORCH where it is the user's choice: cargo sets it to `.libtorch` for everything it runs, and the cached build is
/// ours.
fn chosen(workspace: &Workspace) -> Option<PathBuf> {
    let own = PathBuf::from(env::var_os("LIBTORCH").filter(|v| !v.is_empty())?);
    (own != workspace.libtorch() && own != semrel_weights::cache().join(slim_name())).then_some(own)
}

/// Checks for headers, the library and the version.
fn check(dir: &Path) -> Result<()> {
    let library = if cfg!(target_os = "macos") { "lib/libtorch_cpu.dylib" } else { "lib/libtorch_cpu.so" };
    for part in [library, "include/torch/csrc/api/include/torch/torch.h"] {
        if !dir.join(part).is_file() {
            bail!("{} holds no {part}: not a libtorch", dir.display());
        }
    }
    match version(dir) {
        Some(found) if found == VERSION => Ok(()),
        Some(found) => bail!("{} is libtorch {found}; {VERSION} is needed", dir.display()),
        None => bail!("{}: its version is unknown (no build-version, no version.h)", dir.display()),
    }
}

/// Version of a libtorch, without what follows a `+`.
fn version(dir: &Path) -> Option<String> {
    if let Ok(text) = fs::read_to_string(dir.join("build-version")) {
        return Some(text.trim().split('+').next()?.to_owned());
    }
    let headers = ["include/torch/headeronly/version.h", "include/torch/csrc/api/include/torch/version.h"];
    let text = headers.iter().find_map(|h| {
        fs::read_to_string(dir.join(h)).ok().filter(|text| text.contains("define TORCH_VERSION_MAJOR"))
    })?;
    let number = |part: &str| {
        let (_, rest) = text.split_once(&format!("#define TORCH_VERSION_{part} "))?;
        rest.split_whitespace().next().map(str::to_owned)
    };
    Some(format!("{}.{}.{}", number("MAJOR")?, number("MINOR")?, number("PATCH")?))
}

/// The active Python's torch, if it is of the right version.
fn of_python() -> Option<PathBuf> {
    let said = pip::python(FIND_TORCH)?;
    let (found, dir) = said.trim().split_once('\n')?;
    if found.split('+').next() != Some(VERSION) {
        return None;
    }
    Some(PathBuf::from(dir.trim())).filter(|dir| check(dir).is_ok())
}

/// The CPU parts of the torch wheel, in the cache folder.
fn slim(cache: &Path, force: bool) -> Result<PathBuf> {
    build_in(cache, &slim_name(), force, |dir| {
        eprintln!("fetching libtorch {VERSION} for CPUs (0.55 GB, once)");
        let download = dir.join("download");
        let wheels = pip::download(&WHEELS, &download)?;
        eprintln!("unpacking its CPU parts");
        for wheel in &wheels {
            unpack(wheel, dir, place)?;
            // Early, because the disk may be small.
            fs::remove_file(wheel)?;
        }
        fs::remove_dir_all(&download)?;
        for library in LIBRARIES {
            if !dir.join("lib").join(library).is_file() {
                bail!("the wheels {} hold no {library}", WHEELS.join(", "));
            }
        }
        finish(dir).map_err(|e| writing(e, dir))
    })
}

/// Place of a wheel's member in a slim build.
fn place(member: &Path) -> Option<PathBuf> {
    if let Ok(header) = member.strip_prefix("torch/include") {
        return Some(Path::new("include").join(header));
    }
    let name = member.file_name()?.to_str()?;
    LIBRARIES.contains(&name).then(|| Path::new("lib").join(name))
}

/// What the wheel does not bring: a stand-in for libtorch.so, which would pull the CUDA libraries in, a name for the
/// linker, the version.
fn finish(dir: &Path) -> std::io::Result<()> {
    fs::write(dir.join("lib/libtorch.so"), "INPUT ( libtorch_cpu.so libc10.so )\n")?;
    symlink("libgomp.so.1", dir.join("lib/libgomp.so"))?;
    fs::write(dir.join("build-version"), format!("{VERSION}\n"))
}

/// The whole wheel with its CUDA dependencies, in the cache folder.
fn with_cuda(cache: &Path, force: bool) -> Result<PathBuf> {
    let site = build_in(cache, &format!("libtorch-{VERSION}-cuda"), force, |dir| {
        eprintln!("fetching torch {VERSION} with CUDA (several GB)");
        pip::install(WHEELS[0], dir)
    })?;
    Ok(site.join("torch"))
}

/// Folder `name` of the cache, made by `fill` all or not at all.
fn build_in(cache: &Path, name: &str, force: bool, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let (dir, temporary) = (cache.join(name), cache.join(format!("{name}.tmp")));
    if dir.exists() && !force {
        return Ok(dir);
    }
    // Left by a setup that was cut off: none is running, this one holds the lock.
    let _ = fs::remove_dir_all(&temporary);
    create_dir(&temporary)?;
    if let Err(error) = fill(&temporary) {
        let _ = fs::remove_dir_all(&temporary);
        return Err(error);
    }
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    atomic::sync_tree(&temporary)?;
    atomic::put(&temporary, &dir).map_err(|e| writing(e.reason, &dir))?;
    Ok(dir)
}

/// Points `link` at `dir`. A folder in its place is removed by force alone.
fn relink(dir: &Path, link: &Path, force: bool) -> Result<()> {
    check(dir)?;
    let dir = fs::canonicalize(dir)?;
    if same(&dir, link) {
        return Ok(());
    }
    if fs::symlink_metadata(link).is_ok_and(|m| m.is_dir()) {
        if !force {
            bail!("{} is a folder, not a link, and no libtorch {VERSION}; --force replaces it", link.display());
        }
        fs::remove_dir_all(link)?;
    }
    let temporary = link.with_extension("tmp");
    let _ = fs::remove_file(&temporary);
    if symlink(&dir, &temporary).is_ok() {
        return atomic::put(&temporary, link).map_err(|e| writing(e.reason, link));
    }
    eprintln!("copying libtorch: the file system knows no links");
    let _ = fs::remove_dir_all(&temporary);
    copy(&dir, &temporary).map_err(|e| writing(e, link))?;
    atomic::sync_tree(&temporary)?;
    atomic::put(&temporary, link).map_err(|e| writing(e.reason, link))
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

fn same(a: &Path, b: &Path) -> bool {
    matches!((fs::canonicalize(a), fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::unpack::made_up_wheel;

    fn made_up(dir: &Path, version: &str) {
        for file in ["lib/libtorch_cpu.so", "lib/libtorch_cpu.dylib", "include/torch/csrc/api/include/torch/torch.h"] {
            fs::create_dir_all(dir.join(file).parent().unwrap()).unwrap();
            fs::write(dir.join(file), "").unwrap();
        }
        fs::write(dir.join("build-version"), version).unwrap();
    }

    #[test]
    fn version_is_read_from_file_or_header() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        assert_eq!(version(dir), None);
        let header = dir.join("include/torch/headeronly/version.h");
        fs::create_dir_all(header.parent().unwrap()).unwrap();
        let text = "#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 13\n#define TORCH_VERSION_PATCH 0\n";
        fs::write(header, text).unwrap();
        assert_eq!(version(dir).unwrap(), "2.13.0");
        fs::write(dir.join("build-version"), "2.12.1+cpu\n").unwrap();
        assert_eq!(version(dir).unwrap(), "2.12.1");
    }

    #[test]
    fn another_version_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        assert!(check(dir.path()).unwrap_err().to_string().contains("not a libtorch"));
        made_up(dir.path(), "2.7.0");
        assert_eq!(
            check(dir.path()).unwrap_err().to_string(),
            format!("{} is libtorch 2.7.0; 2.13.0 is needed", dir.path().display())
        );
        made_up(dir.path(), "2.13.0+cu130\n");
        check(dir.path()).unwrap();
    }

    #[test]
    fn a_slim_build_takes_headers_and_five_libraries() {
        let dir = tempfile::tempdir().unwrap();
        let wheel = dir.path().join("w.whl");
        let members = [
            ("torch/include/torch/csrc/api/include/torch/torch.h", "header"),
            ("torch/lib/libtorch_cpu.so", "cpu"),
            ("torch/lib/libtorch_cuda.so", "cuda"),
            ("nvidia/cu13/lib/libcudart.so.13", "rt"),
            ("torch/nn/__init__.py", "pass"),
        ];
        made_up_wheel(&wheel, &members);
        let out = dir.path().join("out");
        assert_eq!(unpack(&wheel, &out, place).unwrap(), 3);
        finish(&out).unwrap();
        assert_eq!(fs::read_to_string(out.join("lib/libcudart.so.13")).unwrap(), "rt");
        assert!(!out.join("lib/libtorch_cuda.so").exists());
        assert_eq!(fs::read_link(out.join("lib/libgomp.so")).unwrap(), Path::new("libgomp.so.1"));
        if cfg!(target_os = "linux") {
            check(&out).unwrap();
        }
    }

    #[test]
    fn a_failed_build_leaves_nothing_and_a_complete_one_is_kept() {
        let cache = tempfile::tempdir().unwrap();
        let fail = build_in(cache.path(), "x", false, |dir| {
            fs::write(dir.join("half"), "")?;
            bail!("no network")
        });
        assert!(fail.is_err() && fs::read_dir(cache.path()).unwrap().next().is_none());
        // What a killed setup left behind does not get into the next one.
        fs::create_dir(cache.path().join("x.tmp")).unwrap();
        fs::write(cache.path().join("x.tmp/old"), "").unwrap();
        let dir = build_in(cache.path(), "x", false, |dir| Ok(fs::write(dir.join("new"), "")?)).unwrap();
        assert!(dir.join("new").exists() && !dir.join("old").exists());
        build_in(cache.path(), "x", false, |_| bail!("not called")).unwrap();
        build_in(cache.path(), "x", true, |dir| Ok(fs::write(dir.join("newer"), "")?)).unwrap();
        assert!(dir.join("newer").exists() && !dir.join("new").exists());
    }

    #[test]
    fn links_are_replaced_and_folders_only_by_force() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b, link) = (dir.path().join("a"), dir.path().join("b"), dir.path().join(".libtorch"));
        made_up(&a, VERSION);
        made_up(&b, VERSION);
        // A link whose target is gone is no obstacle.
        symlink(dir.path().join("gone"), &link).unwrap();
        relink(&a, &link, false).unwrap();
        assert!(same(&a, &link));
        relink(&b, &link, false).unwrap();
        assert!(same(&b, &link) && !same(&a, &link));
        fs::remove_file(&link).unwrap();
        fs::create_dir(&link).unwrap();
        assert!(relink(&a, &link, false).unwrap_err().to_string().contains("--force"));
        relink(&a, &link, true).unwrap();
        assert!(same(&a, &link));
    }
}
