//! Scenarios: what each promise means, command by command.

mod arrays;
mod fences;
mod lifecycle;
mod moves;
mod nodes;
mod one_run;
mod operators;
mod oversubscription;
mod proof;
mod properties;
mod requests;
mod steps;
mod submit;
