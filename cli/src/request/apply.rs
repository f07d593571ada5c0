//! Options to what they mean, one at a time: each belongs to one of the groups beside this file.

use muster_dialect::options::Found;

use super::bad::Bad;
use super::draft::{Draft, Given, Source};
use super::{behaviour, client, placement, resources, timing, who};

/// Applies an option if it is of its group, and says whether it was.
type Group = fn(&mut Draft, Given<'_>) -> Result<bool, Bad>;

const GROUPS: [Group; 6] =
    [resources::apply, placement::apply, timing::apply, who::apply, behaviour::apply, client::apply];

impl Draft {
    /// Takes the options of one source, in their order.
    ///
    /// # Errors
    /// The first that cannot be taken.
    pub(crate) fn apply_all(&mut self, found: &[Found], source: Source) -> Result<(), Bad> {
        found.iter().try_for_each(|one| self.apply(one.means(), one.value.as_deref(), source))
    }

    /// Takes one option by the name of what it means.
    ///
    /// # Errors
    /// Its value is wrong, or it is not built.
    pub(crate) fn apply(&mut self, name: &'static str, value: Option<&str>, source: Source) -> Result<(), Bad> {
        let given = Given { name, value, source };
        self.note(&given);
        for group in GROUPS {
            if group(self, given)? {
                return Ok(());
            }
        }
        Err(Bad::NotBuilt(name.to_owned()))
    }
}
