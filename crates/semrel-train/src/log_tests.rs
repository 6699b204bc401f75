use super::*;
use semrel_run::atomic::names_in;
use semrel_run::log::is_event_file;
use serde_json::Value;
use std::fs;
use tensorboard_rs::masked_crc32c::masked_crc32c;

/// Events of a file, checked by length and checksums.
fn events(path: &Path) -> Vec<Event> {
    let bytes = fs::read(path).unwrap();
    let (mut rest, mut found) = (bytes.as_slice(), vec![]);
    while !rest.is_empty() {
        let (length, after) = rest.split_at(8);
        let crc = |bytes: &[u8]| (masked_crc32c(bytes) as u32).to_le_bytes();
        assert_eq!(after[..4], crc(length));
        let n = u64::from_le_bytes(length.try_into().unwrap()) as usize;
        let data = &after[4..4 + n];
        assert_eq!(after[4 + n..8 + n], crc(data));
        found.push(Event::parse_from_bytes(data).unwrap());
        rest = &after[8 + n..];
    }
    found
}

fn lines(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join(FILE)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn event_files(folder: &Path) -> Vec<PathBuf> {
    names_in(folder).unwrap().iter().filter(|n| is_event_file(n)).map(|n| folder.join(n)).collect()
}

#[test]
fn lines_keep_the_given_order_and_nan_becomes_null() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = MetricsLog::open(dir.path(), 0).unwrap();
    log.log(10, &[("g/src", 0.1), ("d/adv", f64::NAN), ("a", f64::INFINITY)]).unwrap();
    let line = &lines(dir.path())[0];
    let keys: Vec<&String> = line.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["step", "seconds", "g/src", "d/adv", "a"]);
    assert_eq!((line["g/src"].as_f64(), &line["d/adv"], &line["a"]), (Some(0.1), &Value::Null, &Value::Null));
    assert!(line["seconds"].as_f64().unwrap() >= 0.0);
}

#[test]
fn event_files_hold_scalars_and_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = MetricsLog::open(dir.path(), 0).unwrap();
    log.log(3, &[("loss", 0.25), ("other", -2.0)]).unwrap();
    let picture = RgbImage::from_fn(5, 2, |x, y| image::Rgb([x as u8, y as u8, 7]));
    log.image(4, "samples", &picture).unwrap();
    let events = events(&event_files(dir.path())[0]);
    assert_eq!(events.len(), 3);
    assert_eq!(events[0].get_file_version(), "brain.Event:2");
    let scalars = events[1].get_summary().get_value();
    let pairs: Vec<_> = scalars.iter().map(|v| (v.get_tag(), v.get_simple_value())).collect();
    assert_eq!((events[1].get_step(), pairs), (3, vec![("loss", 0.25), ("other", -2.0)]));
    let value = &events[2].get_summary().get_value()[0];
    let content = value.get_image();
    assert_eq!((value.get_tag(), content.get_width(), content.get_height()), ("samples", 5, 2));
    assert_eq!(image::load_from_memory(content.get_encoded_image_string()).unwrap().to_rgb8(), picture);
}

#[test]
fn a_resumed_log_equals_an_uninterrupted_one() {
    let run = |folder: &Path, from: u64, to: u64| {
        let mut log = MetricsLog::open(folder, from).unwrap();
        for step in from + 1..=to {
            log.log(step, &[("loss", 1.0 / step as f64)]).unwrap();
        }
    };
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run(whole.path(), 0, 9);
    run(parts.path(), 0, 6);
    // Killed in the middle of a line; the last checkpoint is of step 4.
    let path = parts.path().join(FILE);
    let mut text = fs::read(&path).unwrap();
    text.extend_from_slice(br#"{"step":7,"sec"#);
    fs::write(&path, text).unwrap();
    run(parts.path(), 4, 9);
    let without_seconds = |folder: &Path| {
        let mut lines = lines(folder);
        lines.iter_mut().for_each(|line| line["seconds"] = Value::Null);
        lines
    };
    assert_eq!(without_seconds(parts.path()), without_seconds(whole.path()));
    let starts: Vec<Event> = event_files(parts.path()).iter().flat_map(|path| events(path)).collect();
    let starts: Vec<&Event> = starts.iter().filter(|e| e.has_session_log()).collect();
    assert_eq!((starts.len(), starts[0].get_step()), (1, 5));
    // From the beginning, nothing of before stays.
    run(parts.path(), 0, 2);
    assert_eq!(lines(parts.path()).len(), 2);
}

#[test]
fn seconds_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let line = "{\"step\":3,\"seconds\":100.5,\"a\":1.0}\n";
    fs::write(dir.path().join(FILE), format!("{line}{{\"step\":4,\"seconds\":900.0}}\n")).unwrap();
    MetricsLog::open(dir.path(), 3).unwrap().log(4, &[]).unwrap();
    let text = fs::read_to_string(dir.path().join(FILE)).unwrap();
    assert!(text.starts_with(line), "{text}");
    let seconds = lines(dir.path())[1]["seconds"].as_f64().unwrap();
    assert!((100.5..200.0).contains(&seconds), "{seconds}");
}

#[test]
fn the_first_non_finite_value_is_named() {
    assert_eq!(first_non_finite(&[("a", 1.0), ("b", -0.0)]), None);
    let found = first_non_finite(&[("a", 1.0), ("g/adv", f64::NAN), ("c", f64::INFINITY)]).unwrap();
    assert!(found.to_string().starts_with("`g/adv` is NaN; the run has diverged"));
    assert_eq!(first_non_finite(&[("c", f64::NEG_INFINITY)]).unwrap().name, "c");
}

#[test]
fn an_error_names_the_file() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join(FILE)).unwrap();
    let text = MetricsLog::open(dir.path(), 1).err().unwrap().to_string();
    assert!(text.contains("metrics.jsonl: cannot "), "{text}");
}
