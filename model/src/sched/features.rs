//! `--constraint`: which nodes have the features that a job asks for.
//!
//! Served: names joined by `&` (or `,`) and `|`, with round brackets. Not served, and said so: node counts (`fast*4`) and
//! matching sets (`[rack1|rack2]`).

use thiserror::Error;

/// Deepest nesting of brackets that is read.
const DEPTH_MAX: usize = 16;

/// An expression over feature names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Features {
    /// Nothing asked: every node.
    Any,
    /// The node has it.
    Has(String),
    /// All of them.
    All(Vec<Features>),
    /// At least one of them.
    OneOf(Vec<Features>),
}

/// Why an expression cannot be served.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FeatureError {
    /// Not an expression at all.
    #[error("invalid feature expression at byte {0}")]
    Syntax(usize),
    /// Node counts and matching sets.
    #[error("feature counts and matching sets are not supported by this version")]
    Unsupported,
}

impl Features {
    /// Of the text of `--constraint`.
    pub fn parse(text: &str) -> Result<Self, FeatureError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Features::Any);
        }
        if text.contains(['*', '[', ']']) {
            return Err(FeatureError::Unsupported);
        }
        let mut reader = Reader { text, at: 0 };
        let parsed = reader.one_of(0)?;
        if reader.at < text.len() {
            return Err(FeatureError::Syntax(reader.at));
        }
        Ok(parsed)
    }

    /// Whether a node with the features `has` serves.
    pub fn matches(&self, has: &[String]) -> bool {
        match self {
            Features::Any => true,
            Features::Has(name) => has.iter().any(|h| h == name),
            Features::All(parts) => parts.iter().all(|p| p.matches(has)),
            Features::OneOf(parts) => parts.iter().any(|p| p.matches(has)),
        }
    }

    /// Every name in it, in order of appearance.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Features::Any => Vec::new(),
            Features::Has(name) => vec![name],
            Features::All(parts) | Features::OneOf(parts) => parts.iter().flat_map(|p| p.names()).collect(),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn one_of(&mut self, depth: usize) -> Result<Features, FeatureError> {
        let mut parts = vec![self.all(depth)?];
        while self.peek() == Some(b'|') {
            self.at += 1;
            parts.push(self.all(depth)?);
        }
        Ok(single_or(parts, Features::OneOf))
    }

    fn all(&mut self, depth: usize) -> Result<Features, FeatureError> {
        let mut parts = vec![self.atom(depth)?];
        while matches!(self.peek(), Some(b'&' | b',')) {
            self.at += 1;
            parts.push(self.atom(depth)?);
        }
        Ok(single_or(parts, Features::All))
    }

    fn atom(&mut self, depth: usize) -> Result<Features, FeatureError> {
        if self.peek() == Some(b'(') {
            if depth >= DEPTH_MAX {
                return Err(FeatureError::Syntax(self.at));
            }
            self.at += 1;
            let inner = self.one_of(depth + 1)?;
            if self.peek() != Some(b')') {
                return Err(FeatureError::Syntax(self.at));
            }
            self.at += 1;
            return Ok(inner);
        }
        let rest = &self.text[self.at..];
        let end = rest.find(['&', '|', ',', '(', ')']).unwrap_or(rest.len());
        let name = rest[..end].trim();
        if name.is_empty() {
            return Err(FeatureError::Syntax(self.at));
        }
        self.at += end;
        Ok(Features::Has(name.to_string()))
    }
}

fn single_or(mut parts: Vec<Features>, join: fn(Vec<Features>) -> Features) -> Features {
    if parts.len() == 1 { parts.remove(0) } else { join(parts) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(expression: &str, has: &str) -> bool {
        let has: Vec<String> = has.split(',').map(String::from).collect();
        Features::parse(expression).unwrap().matches(&has)
    }

    #[test]
    fn and_binds_closer_than_or() {
        assert!(matches("slow|fast&intel", "fast,intel"));
        assert!(matches("slow|fast&intel", "slow"));
        assert!(!matches("(slow|fast)&intel", "slow,amd"));
        assert!(matches("", "slow"));
        assert!(!matches("fast,new", "fast"));
    }

    #[test]
    fn counts_and_sets_are_refused_honestly() {
        assert_eq!(Features::parse("fast*2"), Err(FeatureError::Unsupported));
        assert_eq!(Features::parse("[a|b]"), Err(FeatureError::Unsupported));
        assert_eq!(Features::parse("a&"), Err(FeatureError::Syntax(2)));
        assert_eq!(Features::parse("a)"), Err(FeatureError::Syntax(1)));
        assert!(Features::parse(&"(".repeat(100)).is_err());
    }
}
