//! The process around the library: what Rust's own start and end would do, as far as a command needs it. It leaves out the
//! handler that explains stack overflows, whose set-up reads /proc, and the tearing down of what the kernel frees anyway.

#![no_main]

use std::ffi::{c_char, c_int};
use std::io::Write;

use nix::libc;

/// The C library's entry. Rust's library has got the arguments from the GNU one by itself.
#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _words: *const *const c_char) -> c_int {
    let null = c"/dev/null".as_ptr();
    // SAFETY: calls without preconditions on memory: the path is a C string, and no other thread runs yet.
    unsafe {
        // What is opened later must not become standard output.
        while (0..3).any(|fd| libc::fcntl(fd, libc::F_GETFD) == -1) && libc::open(null, libc::O_RDWR) != -1 {}
        // A reader that left is an error of write(2), not the end.
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
    }
    let code = muster_cli::run(std::env::args_os());
    let _closed = std::io::stdout().flush();
    // SAFETY: nothing of this process is used afterwards.
    unsafe { libc::_exit(c_int::from(code)) }
}
