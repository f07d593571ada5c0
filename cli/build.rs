//! How the `muster` binary is linked. A command lives for milliseconds: what the loader does at its start counts.
//!
//! - At a fixed address there is nothing to relocate: 15,000 relocations would touch and copy 66 pages. A client has no
//!   privileges to protect by a random address; the daemons keep theirs.
//! - The unwinder comes from libgcc_eh.a, not from libgcc_s.so.1: a library less to find, map and initialise. Rust's
//!   standard library asks the linker for `gcc_s`; the script written here answers first.
//! - Functions of the C library are bound when first called (`-z lazy`): most never are.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let of = |name: &str| std::env::var(name).unwrap_or_default();
    if of("CARGO_CFG_TARGET_OS") != "linux" || of("CARGO_CFG_TARGET_ENV") != "gnu" {
        return;
    }
    let out = of("OUT_DIR");
    std::fs::write(Path::new(&out).join("libgcc_s.so"), "INPUT(-lgcc_eh -lgcc)\n").expect("OUT_DIR is writable");
    println!("cargo:rustc-link-search=native={out}");
    for argument in ["-no-pie", "-Wl,-z,lazy", "-Wl,-z,norelro", "-Wl,--hash-style=gnu", "-Wl,-O1"] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
}
