//! What is answered to whom.

use super::watch::Watched;

/// A request, as far as it matters.
pub struct Question<'a> {
    /// `GET`, …
    pub method: &'a str,
    /// The header `Host`.
    pub host: Option<&'a str>,
    /// Path and query.
    pub target: &'a str,
    /// The port that is answered on.
    pub port: u16,
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Media type.
    pub media_type: &'static str,
    /// Content.
    pub body: Vec<u8>,
}

const TEXT: &str = "text/plain; charset=utf-8";

fn text(status: u16, body: &str) -> Answer {
    Answer { status, media_type: TEXT, body: body.as_bytes().to_vec() }
}

/// Answers with what the report has, and nothing else: addresses are looked up, no path is made of them.
pub fn answer(question: &Question<'_>, watched: &Watched) -> Answer {
    if !is_local(question.host, question.port) {
        // A page of another site whose name was bent to this machine asks under that name.
        return text(403, "This server answers only under 127.0.0.1 or localhost.\n");
    }
    if !["GET", "HEAD"].contains(&question.method) {
        return text(405, "Only GET.\n");
    }
    let path = question.target.split(['?', '#']).next().unwrap_or_default();
    match path {
        "/" | "/index.html" => Answer {
            status: 200,
            media_type: "text/html; charset=utf-8",
            body: watched.report.html.clone().into_bytes(),
        },
        "/version" => text(200, &watched.version),
        _ => match path.strip_prefix('/').and_then(|address| watched.report.assets.get(address)) {
            Some(asset) => match asset.source.read() {
                Ok(body) => Answer { status: 200, media_type: asset.media_type, body },
                Err(_) => text(404, "It was there when the report was made, and is gone.\n"),
            },
            None => text(404, "The report has no such page.\n"),
        },
    }
}

fn is_local(host: Option<&str>, port: u16) -> bool {
    let Some(host) = host else { return false };
    let (name, given) = match host.rsplit_once(':') {
        Some((name, port)) => (name, port.parse().ok()),
        None => (host, Some(80)),
    };
    given == Some(port) && (name == "127.0.0.1" || name.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Asset, Report, Source};
    use std::collections::BTreeMap;

    fn watched() -> Watched {
        let asset = Asset { source: Source::Text("a: 1\n".into()), media_type: TEXT };
        let gone = Asset { source: Source::File("/nowhere/x.png".into()), media_type: "image/png" };
        let assets = BTreeMap::from([("runs/a/config.yaml".to_owned(), asset), ("pictures/x.png".to_owned(), gone)]);
        let report = Report { html: "<p>".into(), assets, summary: String::new(), problems: vec![] };
        Watched { version: "7".into(), report }
    }

    fn status(method: &str, host: &str, target: &str) -> u16 {
        answer(&Question { method, host: Some(host), target, port: 8642 }, &watched()).status
    }

    #[test]
    fn only_what_the_report_has_is_answered() {
        let local = "127.0.0.1:8642";
        for target in ["/", "/index.html", "/?x=1", "/version", "/runs/a/config.yaml"] {
            assert_eq!(status("GET", local, target), 200, "{target}");
        }
        for target in [
            "/pictures/x.png",
            "/../Cargo.toml",
            "/runs/../../x",
            "/runs/a/config.yaml/",
            "//etc/passwd",
            "/%2e%2e/x",
            "",
        ] {
            assert_eq!(status("GET", local, target), 404, "{target}");
        }
        assert_eq!(
            (status("HEAD", local, "/"), status("POST", local, "/"), status("PUT", local, "/version")),
            (200, 405, 405)
        );
    }

    #[test]
    fn other_names_of_this_machine_are_refused() {
        for (host, right) in [
            ("localhost:8642", true),
            ("LOCALHOST:8642", true),
            ("127.0.0.1", false),
            ("localhost:8643", false),
            ("attacker.example:8642", false),
            ("127.0.0.1.attacker.example:8642", false),
            ("", false),
        ] {
            assert_eq!(status("GET", host, "/") == 200, right, "{host}");
        }
        let nobody = Question { method: "GET", host: None, target: "/", port: 8642 };
        assert_eq!(answer(&nobody, &watched()).status, 403);
    }
}
