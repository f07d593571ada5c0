//! In whose name, and under which labels.

use super::bad::Bad;
use super::draft::{Draft, Given};
use super::mail;
use crate::process::user_id;

/// Takes the option if it is one of these.
pub(super) fn apply(draft: &mut Draft, given: Given<'_>) -> Result<bool, Bad> {
    let job = &mut draft.job;
    let text = given.text();
    match given.name {
        "account" => job.account = text.to_owned(),
        "partition" => job.partitions = text.to_owned(),
        "qos" => job.qos = text.to_owned(),
        "wckey" => job.wckey = text.to_owned(),
        "comment" => job.comment = text.to_owned(),
        "extra" => job.extra = text.to_owned(),
        "mcs-label" => job.mcs_label = text.to_owned(),
        "job-name" => {
            job.name = text.to_owned();
            draft.step.name = text.to_owned();
        }
        "mail-type" => job.mail_types = mail::types(text).ok_or(Bad::Specification("mail-type"))?,
        "mail-user" => job.mail_user = text.to_owned(),
        "uid" => draft.client.uid = Some(root_only("uid", text)?),
        "clusters" => draft.client.cluster = Some(text.to_owned()),
        _ => return Ok(false),
    }
    Ok(true)
}

fn root_only(option: &'static str, text: &str) -> Result<u32, Bad> {
    if !rustix::process::getuid().is_root() {
        return Err(Bad::Usage(format!("--{option} only permitted by root user")));
    }
    user_id(text).map_err(|_| Bad::Specification(option))
}
