//! The commands that tell or do the same as a page, from a terminal. Every page has some; `tests/python/dashboard.py` runs those of each, and compares ids.

use super::parts;

/// Lines for a shell. Those of `causeway` come before those of curl.
#[derive(Default)]
pub(super) struct Same {
    commands: Vec<String>,
    requests: Vec<String>,
}

impl Same {
    /// The path below the API that answers the same, and the words of the command line; none: it has no command for just that.
    pub(super) fn read(path: &str, command: &[&str]) -> Self {
        Self::default().and(path, command)
    }

    /// And what tells the rest.
    pub(super) fn and(self, path: &str, command: &[&str]) -> Self {
        self.with(format!("curl -s \"$API{path}\""), command)
    }

    /// The POST to a path below the API that does the same.
    pub(super) fn post(path: &str, command: &[&str]) -> Self {
        Self::default().with(format!("curl -s -X POST \"$API{path}\""), command)
    }

    /// The PATCH of a record that does the same.
    pub(super) fn patch(path: &str, body: &str, command: &[&str]) -> Self {
        let json = "-H 'Content-Type: application/json'";
        Self::default().with(format!("curl -s -X PATCH {json} -d '{body}' \"$API{path}\""), command)
    }

    fn with(mut self, request: String, command: &[&str]) -> Self {
        self.requests.push(request);
        if !command.is_empty() {
            let words: Vec<_> = command.iter().map(|word| parts::shell_word(word)).collect();
            self.commands.push(format!("causeway {}", words.join(" ")));
        }
        self
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.commands.iter().chain(&self.requests).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_come_before_requests() {
        let same =
            Same::read("/v0/a/7", &["describe", "a", "it's"]).and("/v0/b?owner=7", &[]).and("/v0/c", &["get", "c"]);
        let expected = [
            r"causeway describe a 'it'\''s'",
            "causeway get c",
            "curl -s \"$API/v0/a/7\"",
            "curl -s \"$API/v0/b?owner=7\"",
            "curl -s \"$API/v0/c\"",
        ];
        assert_eq!(same.lines().collect::<Vec<_>>(), expected);
    }
}
