//! `scontrol show config`: every key with its effective value, of the version in force.

use muster_dialect::conf::{self, Severity, show};
use muster_proto::wire::{ConfigText, ShowConfig, reply, request};

use super::super::{Control, ask, ping};
use crate::process::user_id;
use crate::site::{Reach, Site, block_on};
use crate::version;

pub(super) fn run(control: &Control) -> u8 {
    let site = match control.site() {
        Ok(site) => site,
        Err(code) => return code,
    };
    let reach = match site.reach(control.voice.program) {
        Ok(reach) => reach,
        Err(error) => return error.report(control.voice),
    };
    match block_on(page(control, &site, &reach)) {
        Ok(page) => control.print(&page),
        Err(why) => control.fail(&format!("slurm_load_ctl_conf error: {why}")),
    }
}

async fn page(control: &Control, site: &Site, reach: &Reach) -> Result<String, String> {
    let text = match ask(reach, request::Body::ShowConfig(ShowConfig {})).await {
        Ok(reply::Body::Config(text)) => text,
        Ok(_) => return Err("Unexpected message received".to_owned()),
        Err(refusal) => return Err(refusal.text),
    };
    let ConfigText { files, now_ms, keys, .. } = text;
    let files: Vec<_> = files.unwrap_or_default().files.into_iter().map(|file| (file.path, file.text)).collect();
    let path = files.first().map_or("", |(path, _)| path).to_owned();
    let parsed = conf::parse(&conf::Stored(&files), &path);
    let errors = parsed.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    let errors = errors.map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let config = parsed.config.ok_or(errors)?;
    // What only the running controller knows comes as keys of the answer.
    let told =
        |name: &str| keys.iter().find(|pair| pair.key == name).map(|pair| pair.value.clone()).unwrap_or_default();
    let runtime = show::Runtime {
        now: control.form.date(now_ms, "Unknown"),
        boot_time: control.form.date(told("BOOT_TIME").parse().unwrap_or(0), "Unknown"),
        conf_path: path,
        version: version::NUMBER.to_owned(),
        hash: hash(site, &files),
        next_job_id: told("NEXT_JOB_ID").parse().unwrap_or(0),
        slurm_user_uid: user_id(&config.slurm_user).ok(),
        slurmd_user_uid: user_id(&config.slurmd_user).ok(),
        controllers: ping::all(site, reach).await,
        pmix: false,
    };
    Ok(show::page(&config, &runtime))
}

/// Whether this host's files are those in force.
fn hash(site: &Site, files: &[(String, String)]) -> String {
    let texts = |files: &[(String, String)]| files.iter().map(|(_, text)| text.clone()).collect::<Vec<_>>();
    let same = texts(&site.files) == texts(files);
    if same { "Match" } else { "Different Ours and the cluster's configuration differ" }.to_owned()
}
