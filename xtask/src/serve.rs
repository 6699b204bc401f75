//! `cargo xtask serve`: the report on this machine, refreshed while training goes on.

use crate::report::FolderArgs;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use semrel_report::answer::{Answer, Question, answer};
use semrel_report::watch::{Watch, Watched};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tiny_http::{Header, Response, Server};

/// Threads that answer: a browser asks for several pictures at a time.
const THREADS: usize = 4;

/// Show the report in a browser, refreshed while training goes on
///
/// Answers on 127.0.0.1 only, until Ctrl-C. The page is rebuilt when a table, a run's log, a picture or a summary has
/// changed; an open page then reloads, keeping its position and what was chosen in it. Nothing is written.
///
/// If PORT is taken the exit status is 1; with --port 0 the system chooses one.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
        cargo xtask serve\n  \
        cargo xtask serve --port 8700 --results results/try --runs runs/try")]
pub struct Args {
    #[command(flatten)]
    folders: FolderArgs,
    /// Port to answer on
    #[arg(long, default_value_t = 8642)]
    port: u16,
}

pub fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    let folders = args.folders.resolve(workspace, None)?;
    let listener = bind(args.port)?;
    let address = listener.local_addr().context("the port has no address")?;
    let watch = Arc::new(Watch::new(folders)?);
    let server = Server::from_listener(listener, None).map_err(|error| anyhow::anyhow!("cannot serve: {error}"))?;
    let server = Arc::new(server);
    let stopped = Arc::clone(&server);
    ctrlc::set_handler(move || (0..THREADS).for_each(|_| stopped.unblock())).context("Ctrl-C cannot be handled")?;
    println!("http://{address}/");
    eprintln!("the report, rebuilt when results change; Ctrl-C ends");
    let answering: Vec<_> = (0..THREADS)
        .map(|_| {
            let (server, watch) = (Arc::clone(&server), Arc::clone(&watch));
            std::thread::spawn(move || answer_all(&server, &watch, address.port()))
        })
        .collect();
    let watching = Arc::clone(&watch);
    // Ends with the process.
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_secs(1));
            watching.look();
        }
    });
    for thread in answering {
        thread.join().ok().context("a thread that answers has ended")?;
    }
    eprintln!("ended");
    Ok(ExitCode::SUCCESS)
}

fn bind(port: u16) -> Result<TcpListener> {
    match TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == ErrorKind::AddrInUse => bail!(
            "port {port} of 127.0.0.1 is in use, perhaps by another `cargo xtask serve`: end that one, or choose another port \
             by --port (0 takes any that is free)"
        ),
        Err(error) => {
            Err(error).with_context(|| format!("port {port} of 127.0.0.1 cannot be used; choose another with --port"))
        }
    }
}

/// Answers until the server is unblocked.
fn answer_all(server: &Server, watch: &Watch, port: u16) {
    // An error, too, is the end: the listener is gone.
    while let Ok(request) = server.recv() {
        let host = request.headers().iter().find(|h| h.field.equiv("Host")).map(|h| h.value.as_str().to_owned());
        let question =
            Question { method: request.method().as_str(), host: host.as_deref(), target: request.url(), port };
        let watched: Arc<Watched> = watch.now();
        let Answer { status, media_type, body } = answer(&question, &watched);
        let header = |name: &str, value: &str| Header::from_bytes(name, value).ok();
        let headers = [
            header("Content-Type", media_type),
            header("Cache-Control", "no-store"),
            header("X-Content-Type-Options", "nosniff"),
            header("Cross-Origin-Resource-Policy", "same-origin"),
            (status == 405).then(|| header("Allow", "GET, HEAD")).flatten(),
        ];
        let mut response = Response::from_data(body).with_status_code(status);
        headers.into_iter().flatten().for_each(|header| response.add_header(header));
        // The browser may have gone away.
        let _ = request.respond(response);
    }
}
