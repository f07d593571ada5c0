//! A site with a munged of its own, whose SlurmUser is not root.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;

use muster_channel::{Credentials, Munge};

use crate::site::{Site, eventually, finish};

/// `SlurmUser`: neither root nor a user of these stories.
pub(crate) const SLURM_USER: &str = "bin";

/// What this process, which is root, seals with.
pub(crate) fn keeper(site: &Site) -> Arc<dyn Credentials> {
    let munge = Munge::load(Some(&site.path("munge/socket"))).expect("libmunge is installed beside munged");
    Arc::new(munge)
}

/// A founded cluster with a munged of its own: controllers that run as [`SLURM_USER`], and one node that runs as root.
pub(crate) fn with_munge(controllers: usize) -> Site {
    let mut site = prepared(controllers);
    site.bring_up(controllers, 1);
    site
}

/// The same, where no daemon runs but munged.
pub(crate) fn prepared(controllers: usize) -> Site {
    let mut site = Site::empty();
    for folder in ["munge", "home"] {
        fs::create_dir(site.path(folder)).expect("the temporary directory is ours");
    }
    fs::set_permissions(site.path("home"), fs::Permissions::from_mode(0o777)).expect("it is ours");
    copy_commands(&site);
    start_munged(&mut site);
    let socket = site.path("munge/socket").display().to_string();
    let more = format!(
        "SlurmUser={SLURM_USER}\nSlurmdUser=root\nAuthType=auth/munge\nCredType=cred/munge\nAuthInfo=socket={socket}\n"
    );
    site.configure("slurm.conf", controllers, "spool", &more);
    let state = site.path("state").display().to_string();
    finish(Command::new("chown").args([SLURM_USER, &state, &site.path("log").display().to_string()]))
        .expect("root may");
    site
}

fn start_munged(site: &mut Site) {
    let at = |name: &str| site.path("munge").join(name).display().to_string();
    site.write("munge/key", &"a key of this test alone, thirty-two bytes and more".repeat(4));
    fs::set_permissions(site.path("munge/key"), fs::Permissions::from_mode(0o600)).expect("it is ours");
    let mut munged = Command::new("munged");
    munged.args(["--foreground", "--force", "--key-file", &at("key"), "--socket", &at("socket")]);
    munged.args(["--pid-file", &at("pid"), "--log-file", &at("log"), "--seed-file", &at("seed")]);
    let socket = at("socket");
    site.spawn("munged", munged);
    eventually("munged answers", || {
        finish(Command::new("munge").args(["-S", &socket, "-n", "-o", "/dev/null"])).is_ok()
    });
}

/// Users cannot reach into a developer's target folder.
fn copy_commands(site: &Site) {
    for program in ["bin/muster", "bin/muster-noded"] {
        let own = site.path(program);
        let built = fs::canonicalize(&own).expect("it is a link to what was built");
        fs::remove_file(&own).expect("it is ours");
        fs::copy(built, &own).expect("there is room");
        fs::set_permissions(&own, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
}
