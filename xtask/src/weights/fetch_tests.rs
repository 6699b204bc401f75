//! Downloads from a server on this machine.

use super::*;
use crate::download::Version;
use crate::download_server::{Request, Server, rest, status, whole};
use semrel_weights::{ALEXNET, Origin};
use sha2::{Digest, Sha256};
use std::fs;

const ETAG_A: &str = "ETag: \"a\"\r\n";
const NO_WAIT: [Duration; 2] = [Duration::ZERO; 2];

/// Larger than what the system buffers, so that a cut falls into it.
fn content(seed: u8) -> Vec<u8> {
    (0..300_000u32).map(|i| (i % 251) as u8 ^ seed).collect()
}

fn file(url: &'static str, content: Option<&[u8]>) -> WeightsFile {
    let digest = |content| -> &'static str { hex::encode(Sha256::digest(content)).leak() };
    WeightsFile { origin: Origin::Url(url), file: "weights.pth", sha256: content.map(digest), ..ALEXNET }
}

/// Cuts an answer after `keep` bytes of its body.
fn cut(mut answer: Vec<u8>, keep: usize) -> Vec<u8> {
    let head = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    answer.truncate(head + keep);
    answer
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn asked(from: usize, if_range: &str) -> Request {
    Request { from: Some(from), if_range: Some(if_range.into()) }
}

#[test]
fn a_cut_connection_is_taken_up_where_it_broke() {
    let content = content(0);
    let body = content.clone();
    let server = Server::start(move |_, request| match request.from {
        None => cut(whole(ETAG_A, &body), 100_000),
        Some(100_000) => cut(rest(ETAG_A, &body, 100_000), 50_000),
        Some(from) => rest(ETAG_A, &body, from),
    });
    let dir = tempfile::tempdir().unwrap();
    let path = fetch(&file(server.url, Some(&content)), dir.path(), &NO_WAIT).unwrap();
    assert_eq!(fs::read(path).unwrap(), content);
    assert_eq!(names(dir.path()), [".lock", "weights.pth"]);
    assert_eq!(server.requests(), [Request::default(), asked(100_000, "\"a\""), asked(150_000, "\"a\"")]);
}

#[test]
fn another_call_goes_on_and_a_third_finds_the_file() {
    let content = content(0);
    let body = content.clone();
    let server = Server::start(move |_, request| match request.from {
        None => cut(whole("Last-Modified: Tue, 01 Oct 2019 10:00:00 GMT\r\n", &body), 100_000),
        Some(from) => rest("", &body, from),
    });
    let dir = tempfile::tempdir().unwrap();
    let file = file(server.url, None);
    // It must look like weights where there is no digest.
    let text = format!("{:#}", fetch(&file, dir.path(), &[]).unwrap_err());
    assert!(text.contains("100000 bytes") && text.contains("the same command goes on"), "{text}");
    assert_eq!(names(dir.path()), [".lock", ".weights.pth.part", ".weights.pth.part.json"]);
    let file = WeightsFile { sha256: self::file("", Some(&content)).sha256, ..file };
    fetch(&file, dir.path(), &[]).unwrap();
    assert_eq!(server.requests()[1], asked(100_000, "Tue, 01 Oct 2019 10:00:00 GMT"));
    fetch(&file, dir.path(), &[]).unwrap();
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_server_without_ranges_sends_everything_again() {
    let content = content(0);
    let body = content.clone();
    let server = Server::start(move |n, _| if n == 0 { cut(whole("", &body), 9_999) } else { whole("", &body) });
    let dir = tempfile::tempdir().unwrap();
    let path = fetch(&file(server.url, Some(&content)), dir.path(), &NO_WAIT).unwrap();
    assert_eq!(fs::read(path).unwrap(), content);
    // No validator, but the digest will tell.
    assert_eq!(server.requests()[1], Request { from: Some(9_999), if_range: None });
}

#[test]
fn without_validator_and_digest_a_part_is_worth_nothing() {
    let content = [b"PK\x03\x04", &content(0)[..]].concat();
    let body = content.clone();
    let server = Server::start(move |n, _| if n == 0 { cut(whole("", &body), 9_999) } else { whole("", &body) });
    let dir = tempfile::tempdir().unwrap();
    let path = fetch(&file(server.url, None), dir.path(), &NO_WAIT).unwrap();
    assert_eq!(fs::read(path).unwrap(), content);
    assert_eq!(server.requests(), [Request::default(), Request::default()]);
}

#[test]
fn a_file_that_changed_in_between_is_begun_anew() {
    let (old, new) = (content(0), content(7));
    for heeds_if_range in [true, false] {
        let (old, body) = (old.clone(), new.clone());
        let server = Server::start(move |n, request| match request.from {
            None if n == 0 => cut(whole(ETAG_A, &old), 100_000),
            Some(from) if !heeds_if_range => rest("ETag: \"b\"\r\n", &body, from),
            _ => whole("ETag: \"b\"\r\n", &body),
        });
        let dir = tempfile::tempdir().unwrap();
        let path = fetch(&file(server.url, Some(&new)), dir.path(), &NO_WAIT).unwrap();
        assert_eq!(fs::read(path).unwrap(), new);
    }
}

#[test]
fn a_part_that_was_whole_already_is_taken() {
    let content = content(0);
    let body = content.clone();
    let server = Server::start(move |_, request| match request.from {
        None => whole(ETAG_A, &body),
        Some(_) => b"HTTP/1.1 416 Range Not Satisfiable\r\nConnection: close\r\nContent-Length: 0\r\nContent-Range: \
                     bytes */300000\r\n\r\n"
            .to_vec(),
    });
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(".weights.pth.part"), &content).unwrap();
    let version = Version { url: server.url.into(), validator: Some("\"a\"".into()) };
    fs::write(dir.path().join(".weights.pth.part.json"), serde_json::to_vec(&version).unwrap()).unwrap();
    let path = fetch(&file(server.url, Some(&content)), dir.path(), &[]).unwrap();
    assert_eq!(fs::read(&path).unwrap(), content);
    assert_eq!(server.requests().len(), 1);
    // A part that is longer than the file is given up.
    fs::write(dir.path().join(".weights.pth.part"), [&content[..], b"more"].concat()).unwrap();
    fs::write(dir.path().join(".weights.pth.part.json"), serde_json::to_vec(&version).unwrap()).unwrap();
    fs::remove_file(&path).unwrap();
    fetch(&file(server.url, Some(&content)), dir.path(), &NO_WAIT).unwrap();
    assert_eq!(fs::read(&path).unwrap(), content);
}

#[test]
fn a_wrong_digest_leaves_nothing_in_place() {
    let body = content(1);
    let server = Server::start(move |_, _| whole(ETAG_A, &body));
    let dir = tempfile::tempdir().unwrap();
    let text = format!("{:#}", fetch(&file(server.url, Some(&content(0))), dir.path(), &NO_WAIT).unwrap_err());
    assert!(text.contains("SHA-256") && text.contains("weights import alexnet FILE"), "{text}");
    assert_eq!(names(dir.path()), [".lock"]);
}

#[test]
fn a_damaged_file_in_place_is_replaced() {
    let content = content(0);
    let body = content.clone();
    let server = Server::start(move |_, _| whole(ETAG_A, &body));
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("weights.pth"), b"damaged").unwrap();
    let path = fetch(&file(server.url, Some(&content)), dir.path(), &[]).unwrap();
    assert_eq!(fs::read(path).unwrap(), content);
}

#[test]
fn what_no_further_try_can_mend_is_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let page = whole("Content-Type: text/html; charset=utf-8\r\n", b"<html>log in</html>");
    let answers = [("HTTP 404", status("404 Not Found")), ("403", status("403 Forbidden")), ("web page", page)];
    for (words, answer) in answers {
        let server = Server::start(move |_, _| answer.clone());
        let text = format!("{:#}", fetch(&file(server.url, None), dir.path(), &NO_WAIT).unwrap_err());
        assert!(text.contains(words) && text.contains(server.url), "{text}");
        assert_eq!(server.requests().len(), 1);
        assert_eq!(names(dir.path()), [".lock"]);
    }
}

#[test]
fn a_busy_server_is_asked_again_and_a_missing_one_named() {
    let content = content(0);
    let body = content.clone();
    let server = Server::start(move |n, _| if n == 0 { status("503 Busy") } else { whole("", &body) });
    let dir = tempfile::tempdir().unwrap();
    let path = fetch(&file(server.url, Some(&content)), dir.path(), &NO_WAIT).unwrap();
    fs::remove_file(path).unwrap();
    // Port 1 of this machine has no server.
    let nowhere = "http://127.0.0.1:1/weights.pth";
    let text = format!("{:#}", fetch(&file(nowhere, Some(&content)), dir.path(), &[]).unwrap_err());
    for words in ["weights.pth", nowhere, "cargo xtask weights import alexnet FILE"] {
        assert!(text.contains(words), "{text}");
    }
}
