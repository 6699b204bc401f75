//! What a page should not do: log errors, throw, ask the network.

use headless_chrome::protocol::cdp::types::Event;
use headless_chrome::protocol::cdp::{Log, Runtime};
use std::sync::{Arc, Mutex};

/// What went wrong so far, line by line.
#[derive(Debug, Clone, Default)]
pub struct Troubles(Arc<Mutex<Vec<String>>>);

impl Troubles {
    /// A copy of the lines.
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().map(|lines| lines.clone()).unwrap_or_default()
    }

    fn add(&self, line: String) {
        if let Ok(mut lines) = self.0.lock() {
            lines.push(line);
        }
    }

    /// Looks at an event of a page that came from `origin` (`file://`, or scheme and host).
    pub fn look(&self, event: &Event, origin: &str) {
        match event {
            Event::RuntimeConsoleAPICalled(event) => {
                use Runtime::ConsoleAPICalledEventTypeOption as Kind;
                if matches!(event.params.Type, Kind::Error | Kind::Warning | Kind::Assert) {
                    let of = |arg: &Runtime::RemoteObject| {
                        arg.value.as_ref().map(ToString::to_string).or(arg.description.clone()).unwrap_or_default()
                    };
                    let words: Vec<String> = event.params.args.iter().map(of).collect();
                    self.add(format!("console {:?}: {}", event.params.Type, words.join(" ")));
                }
            }
            Event::RuntimeExceptionThrown(event) => {
                let details = &event.params.exception_details;
                let thrown = details.exception.as_ref().and_then(|e| e.description.clone()).unwrap_or_default();
                self.add(format!("exception: {} {thrown}", details.text));
            }
            Event::LogEntryAdded(event) => {
                let entry = &event.params.entry;
                if matches!(entry.level, Log::LogEntryLevel::Error | Log::LogEntryLevel::Warning) {
                    self.add(format!("log: {} {}", entry.text, entry.url.as_deref().unwrap_or("")));
                }
            }
            Event::NetworkRequestWillBeSent(event) => {
                let url = &event.params.request.url;
                if !allowed(url, origin) {
                    self.add(format!("request to {url}"));
                }
            }
            _ => {}
        }
    }
}

/// Whether a page from `origin` may ask for this: files from files, its own server, and what is in it.
fn allowed(url: &str, origin: &str) -> bool {
    let own =
        url.strip_prefix(origin).is_some_and(|rest| origin == "file://" || rest.is_empty() || rest.starts_with('/'));
    own || ["data:", "blob:", "about:"].iter().any(|scheme| url.starts_with(scheme))
}

/// Scheme and host of an address.
pub fn origin(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let host = if scheme == "file" { "" } else { rest.split('/').next().unwrap_or("") };
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_page_itself_is_allowed() {
        let origin = origin("http://127.0.0.1:80/a/b");
        assert_eq!(origin, "http://127.0.0.1:80");
        for (url, right) in [
            ("http://127.0.0.1:80/c", true),
            ("http://127.0.0.1:8080/c", false),
            ("http://example.org/", false),
            ("data:,", true),
            ("file:///etc/x", false),
        ] {
            assert_eq!(allowed(url, &origin), right, "{url}");
        }
        assert_eq!(super::origin("file:///tmp/a.html"), "file://");
        assert!(allowed("file:///tmp/b.png", "file://") && !allowed("https://example.org/", "file://"));
    }
}
