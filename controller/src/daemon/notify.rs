//! systemd's `Type=notify`.

use std::os::unix::net::UnixDatagram;

/// The service serves.
pub(super) fn ready() {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else { return };
    // Whoever asked for it and does not listen has a time-out of their own.
    if let Ok(datagram) = UnixDatagram::unbound() {
        let _ = datagram.send_to(b"READY=1\n", socket);
    }
}
