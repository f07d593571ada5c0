//! Where the text of the files comes from: the caller does the reading, and this module does none.

/// Gives the text of configuration files by path.
///
/// A closure from a path to its text is a `Source`. The daemons give one that reads the disk, and replicas
/// give [`Stored`], so that both see the same configuration.
pub trait Source {
    /// The whole text, or why it cannot be read.
    fn read(&self, path: &str) -> Result<String, String>;

    /// The text of a file that may be absent (`gres.conf`); `Ok(None)` says that it is.
    ///
    /// The default takes every failure for absence: a source that can tell better should.
    fn read_if_present(&self, path: &str) -> Result<Option<String>, String> {
        Ok(self.read(path).ok())
    }
}

impl<F: Fn(&str) -> Result<String, String>> Source for F {
    fn read(&self, path: &str) -> Result<String, String> {
        self(path)
    }
}

/// The files of a configuration version that was read before: path and text.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a>(pub &'a [(String, String)]);

impl Source for Stored<'_> {
    fn read(&self, path: &str) -> Result<String, String> {
        let found = self.0.iter().find(|(stored, _)| stored == path);
        found.map(|(_, text)| text.clone()).ok_or_else(|| "not part of this configuration version".to_string())
    }
}
