use super::*;
use std::process::Command;

#[test]
fn the_file_is_replaced_and_nothing_else_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.json");
    write(&path, b"old").unwrap();
    write(&path, b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(names_in(dir.path()).unwrap(), ["a.json"]);
}

#[test]
fn a_failed_write_is_named_and_leaves_no_litter() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("folder");
    fs::create_dir_all(path.join("inside")).unwrap();
    let text = write(&path, b"x").unwrap_err().to_string();
    assert!(text.contains("folder: cannot write: it exists and is not a file"), "{text}");
    assert_eq!(names_in(dir.path()).unwrap(), ["folder"]);
    let text = write(dir.path().join("none/a"), b"x").unwrap_err().to_string();
    assert!(text.contains("none/a: cannot write: "), "{text}");
    assert!(write("..", b"x").is_err() && write("", b"x").is_err());
}

#[test]
fn a_failed_closure_keeps_the_old_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    write(&path, b"old").unwrap();
    let error = write_with(&path, |out| {
        out.write_all(b"half").map_err(failed(&path, "write"))?;
        Err::<(), _>(failed(&path, "compute")(io::Error::other("no")))
    });
    assert!(error.unwrap_err().to_string().contains("cannot compute"));
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names_in(dir.path()).unwrap(), ["a"]);
}

#[test]
#[cfg(unix)]
fn pipes_and_devices_stay_and_links_are_followed() {
    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    symlink(at("pipe"), at("to-pipe")).unwrap();
    symlink("/dev/null", at("to-null")).unwrap();
    for name in ["pipe", "to-pipe", "to-null"] {
        let text = write(at(name), b"x").unwrap_err().to_string();
        assert!(text.contains(&format!("{name}: cannot write: it exists and is not a file")), "{text}");
    }
    assert!(fs::metadata(at("pipe")).unwrap().file_type().is_fifo());

    fs::create_dir(at("deep")).unwrap();
    write(at("deep/file"), b"old").unwrap();
    symlink("deep/file", at("link")).unwrap();
    write(at("link"), b"new").unwrap();
    assert_eq!(fs::read(at("deep/file")).unwrap(), b"new");
    assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());

    // Others may read it as they may any other new file.
    fs::write(at("plain"), "").unwrap();
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(at("deep/file")), mode(at("plain")));
    assert_eq!(fs::metadata(at("deep/file")).unwrap().nlink(), 1);
}

#[test]
fn the_longest_names_can_be_written() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["x".repeat(255), "ä".repeat(127)] {
        write(dir.path().join(&name), b"x").unwrap();
        assert_eq!(fs::read(dir.path().join(&name)).unwrap(), b"x");
    }
}

#[test]
fn a_folder_gets_a_free_place_and_never_another_ones() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("new")).unwrap();
    fs::write(at("new/a"), "a").unwrap();
    // Renaming replaces an empty folder without a word.
    fs::create_dir(at("taken")).unwrap();
    sync_tree(&at("new")).unwrap();
    let text = put(&at("new"), &at("taken")).unwrap_err().to_string();
    assert!(text.contains("taken: cannot write: "), "{text}");
    put(&at("new"), &at("free")).unwrap();
    assert_eq!(names_in(dir.path()).unwrap(), ["free", "taken"]);
    fs::write(at("file"), "x").unwrap();
    assert!(put(&at("file"), &at("taken")).is_err());
    fs::write(at("old"), "y").unwrap();
    put(&at("file"), &at("old")).unwrap();
    assert_eq!(fs::read(at("old")).unwrap(), b"x");
}

/// The disk is full: a child process may write no file above 8 blocks, of 512 or 1024 bytes.
#[test]
#[cfg(unix)]
fn a_full_disk_leaves_the_old_file_and_names_it() {
    const FILE: &str = "SEMREL_TEST_FULL_DISK_FILE";
    if let Some(path) = std::env::var_os(FILE) {
        println!("child: {}", write(&path, &[1; 400_000]).unwrap_err());
        println!("child: {}", write(path, &[1; 20_000]).unwrap_err());
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("results.json");
    write(&path, b"old").unwrap();
    let child = Command::new("sh")
        .args(["-c", r#"ulimit -f 8; trap "" XFSZ; exec "$0" "$@""#])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "atomic::tests::a_full_disk_leaves_the_old_file_and_names_it"])
        .env(FILE, &path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{text}{}", String::from_utf8_lossy(&child.stderr));
    assert_eq!(text.matches("results.json: cannot write: ").count(), 2, "{text}");
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names_in(dir.path()).unwrap(), ["results.json"]);
}
