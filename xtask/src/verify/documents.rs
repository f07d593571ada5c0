//! Links between documents lead somewhere, and nothing names the machine that it was written on.

use std::path::Path;

use anyhow::Result;

use super::files;

/// One line for each dead relative link.
pub(super) fn breaches(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for path in files(root, "md")? {
        let text = std::fs::read_to_string(&path)?;
        let shown = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        let folder = path.parent().unwrap_or(root);
        let dead = links(&text).into_iter().filter(|link| !folder.join(link).exists());
        found.extend(dead.map(|link| format!("{shown}: nothing at {link}")));
    }
    Ok(found)
}

/// Targets of `[text](target)` that are relative paths, without their `#fragment`.
fn links(text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let relative = targets.filter(|t| !t.contains("://") && !t.starts_with('#') && !t.contains(' '));
    relative.map(|target| target.split('#').next().unwrap_or(target).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_between_documents_lead_somewhere() {
        let breaches = breaches(&super::super::root()).expect("the tree can be read");
        assert!(breaches.is_empty(), "{}", breaches.join("\n"));
    }

    #[test]
    fn only_relative_links_are_checked() {
        assert_eq!(links("[a](b.md#c) [d](https://e) [f](#g)"), ["b.md"]);
    }
}
