//! Shell completions and man pages, made from the definition of the command line itself.

use clap::{Command, Subcommand};
use clap_complete::Shell;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Commands that every program has. They are for packagers and shells, so `--help` does not show them.
#[derive(Debug, Clone, Subcommand)]
pub enum Pages {
    /// Print completions for a shell.
    ///
    /// For bash: `PROGRAM completions bash > ~/.local/share/bash-completion/completions/PROGRAM`.
    #[command(hide = true)]
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Write man pages, one for each command.
    #[command(hide = true)]
    Man {
        /// Folder of the pages; it is made.
        dir: PathBuf,
    },
}

impl Pages {
    /// Prints or writes what is asked for, of the program that `command` defines.
    ///
    /// # Errors
    /// Names what cannot be written.
    pub fn run(&self, mut command: Command) -> io::Result<()> {
        match self {
            Self::Completions { shell } => {
                let name = command.get_name().to_owned();
                // Into memory first: clap_complete panics where its reader has gone.
                let mut script = vec![];
                clap_complete::generate(*shell, &mut command, name, &mut script);
                io::stdout().write_all(&script).map_err(about(Path::new("standard output")))
            }
            Self::Man { dir } => {
                fs::create_dir_all(dir).map_err(about(dir))?;
                clap_mangen::generate_to(command, dir).map_err(about(dir))
            }
        }
    }
}

fn about(place: &Path) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", place.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    #[command(name = "painter", version)]
    struct Cli {
        #[command(subcommand)]
        command: Action,
    }

    #[derive(Subcommand)]
    enum Action {
        /// Paint a picture.
        Paint {
            /// The picture.
            #[arg(long)]
            out: PathBuf,
        },
        #[command(flatten)]
        Pages(Pages),
    }

    fn command() -> Command {
        <Cli as clap::CommandFactory>::command()
    }

    #[test]
    fn a_page_for_each_command() {
        let dir = tempfile::tempdir().unwrap();
        let pages = dir.path().join("man/man1");
        Pages::Man { dir: pages.clone() }.run(command()).unwrap();
        let page = fs::read_to_string(pages.join("painter-paint.1")).unwrap();
        assert!(page.contains("Paint a picture") && page.contains("\\-\\-out"), "{page}");
        assert!(pages.join("painter.1").exists());
    }

    #[test]
    fn a_folder_that_cannot_be_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Pages::Man { dir: file.path().join("man") }.run(command()).unwrap_err().to_string();
        assert!(error.contains(file.path().to_str().unwrap()), "{error}");
    }

    #[test]
    fn pages_are_hidden_and_work() {
        assert!(!command().render_help().to_string().contains("completions"));
        let cli = Cli::try_parse_from(["painter", "completions", "fish"]).ok().unwrap();
        assert!(matches!(cli.command, Action::Pages(Pages::Completions { shell: Shell::Fish })));
        assert!(Cli::try_parse_from(["painter", "completions", "dos"]).is_err());
    }
}
