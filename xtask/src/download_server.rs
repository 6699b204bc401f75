//! A web server on this machine that answers as a test tells it to.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

/// What a client asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// First byte of the range, where one was asked for.
    pub from: Option<usize>,
    /// `If-Range`.
    pub if_range: Option<String>,
}

pub struct Server {
    /// Address of a file there.
    pub url: &'static str,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers the n-th request (from 0) with the bytes that `answer` returns, and closes the connection.
    pub fn start(answer: impl Fn(usize, &Request) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/weights.pth", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(vec![]));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for (n, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                let mut request = Request::default();
                for line in BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty()) {
                    let Some((name, value)) = line.split_once(": ") else { continue };
                    match name.to_ascii_lowercase().as_str() {
                        "range" => {
                            let from = value.strip_prefix("bytes=").and_then(|v| v.strip_suffix('-')).unwrap();
                            request.from = Some(from.parse().unwrap());
                        }
                        "if-range" => request.if_range = Some(value.to_owned()),
                        _ => {}
                    }
                }
                seen.lock().unwrap().push(request.clone());
                stream.write_all(&answer(n, &request)).unwrap();
            }
        });
        // Entries of the table have static addresses.
        Self { url: url.leak(), requests }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

/// A whole file.
pub fn whole(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A file from byte `from` on.
pub fn rest(headers: &str, body: &[u8], from: usize) -> Vec<u8> {
    let (total, last) = (body.len(), body.len() - 1);
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nConnection: close\r\nContent-Length: {}\r\nContent-Range: bytes \
         {from}-{last}/{total}\r\n{headers}\r\n",
        total - from
    );
    [head.as_bytes(), &body[from..]].concat()
}

/// An answer without a body.
pub fn status(line: &str) -> Vec<u8> {
    format!("HTTP/1.1 {line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").into_bytes()
}
