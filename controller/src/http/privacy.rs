//! What may be told to whoever asks: Slurm's words for it.

use crate::seat::Seat;

/// `MetricsAuthUsers` wants readers to be known, and plain HTTP brings no credential: then nobody reads.
pub(super) fn refuses_all(seat: &Seat) -> Option<String> {
    let asked = text(seat, "MetricsAuthUsers").is_some_and(|users| !users.is_empty());
    asked.then(|| {
        "MetricsAuthUsers is set, and this version cannot tell who reads: nothing is shown. Remove it, and bound the \
         readers by the network, to have metrics.\n"
            .to_owned()
    })
}

/// Whether numbers may be shown by user: not where any `PrivateData` is set, unless `MetricsParameters` says to ignore it.
pub(super) fn shows_users(seat: &Seat) -> bool {
    let config = seat.member().and_then(|member| member.config());
    let private = match &config {
        Some(config) => !config.conf.private_data.is_empty(),
        None => !seat.local.private_data.is_empty(),
    };
    let ignored = text(seat, "MetricsParameters")
        .is_some_and(|words| words.split(',').any(|word| word.trim().eq_ignore_ascii_case("ignore_private_data")));
    !private || ignored
}

fn text(seat: &Seat, key: &str) -> Option<String> {
    match seat.member().and_then(|member| member.config()) {
        Some(config) => config.conf.setting(key).map(ToString::to_string),
        None => seat.local.setting(key).map(ToString::to_string),
    }
}
