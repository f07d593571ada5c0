//! Replicas at the same index have the same digest, and no invariant of the state machine is broken.

use super::FinalState;

pub(super) fn check(states: &[FinalState]) -> Vec<String> {
    let mut found = Vec::new();
    for (at, state) in states.iter().enumerate() {
        found.extend(state.broken.iter().map(|line| format!("{}: {line}", state.name)));
        for other in states[..at].iter().filter(|other| other.index == state.index) {
            if other.digest != state.digest {
                found.push(format!("{} and {} differ at index {}", other.name, state.name, state.index));
            }
        }
    }
    if states.windows(2).any(|pair| pair[0].index != pair[1].index) {
        let indices: Vec<_> = states.iter().map(|state| (&state.name, state.index)).collect();
        found.push(format!("after healing the replicas are not at one index: {indices:?}"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tests::state_with;
    use super::check;

    #[test]
    fn differing_digests_and_indices_are_found() {
        let state = state_with(&[]);
        assert!(check(&[state.clone(), state.clone()]).is_empty());
        let mut other = state.clone();
        other.digest = 1;
        assert_eq!(check(&[state.clone(), other]).len(), 1);
        let mut behind = state.clone();
        behind.index = 0;
        assert_eq!(check(&[state, behind]).len(), 1);
    }
}
