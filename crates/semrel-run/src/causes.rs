//! Errors with what they come from.

use std::error::Error;

/// An error and what it comes from, in one line.
pub fn in_a_line(error: &dyn Error) -> String {
    let (mut line, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        line += &format!(": {error}");
        cause = error.source();
    }
    line.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[derive(Debug, thiserror::Error)]
    #[error("a.yaml:\nunreadable")]
    struct Outer(#[source] io::Error);

    #[test]
    fn causes_follow_in_the_same_line() {
        let error = Outer(io::Error::other("disk full"));
        assert_eq!(in_a_line(&error), "a.yaml: unreadable: disk full");
    }
}
