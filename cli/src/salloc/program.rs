//! What salloc runs: the user's command, or a shell.

use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::process::Variables;
use crate::site::Site;

/// A program to run, with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) words: Vec<String>,
    /// A shell for a person, which is told when the allocation is gone.
    pub(super) interactive: bool,
    /// Our own srun, under another name than its file's.
    own: bool,
}

impl Program {
    /// The command given, else the site's interactive step, else the user's shell.
    pub(super) fn choose(operands: &[String], site: &Site, variables: &Variables) -> Self {
        if !operands.is_empty() {
            return Self { words: operands.to_vec(), interactive: false, own: false };
        }
        let shell = variables.get("SHELL").filter(|shell| !shell.is_empty()).unwrap_or("/bin/sh").to_owned();
        if site.config.launch_parameters.contains_key("use_interactive_step") {
            let options = site.config.interactive_step_options.split_whitespace();
            let options = options.map(|word| if word == "$SHELL" { shell.clone() } else { word.to_owned() });
            let words = std::iter::once("srun".to_owned()).chain(options).collect();
            return Self { words, interactive: true, own: true };
        }
        Self { words: vec![shell], interactive: true, own: false }
    }

    /// Starts it with exactly these variables, and with the signals as a program expects them.
    ///
    /// # Errors
    /// It cannot be started: there is no such program, or it may not be run.
    pub(super) fn start(&self, variables: &Variables, directory: Option<&str>) -> std::io::Result<Child> {
        let (mut command, rest) = if self.own {
            (Command::new(std::env::current_exe()?), &self.words[..])
        } else {
            (Command::new(&self.words[0]), &self.words[1..])
        };
        command.args(rest).env_clear().envs(variables.iter());
        command.stdin(Stdio::inherit()).stdout(Stdio::inherit()).stderr(Stdio::inherit());
        if let Some(directory) = directory {
            command.current_dir(directory);
        }
        command.spawn()
    }
}
