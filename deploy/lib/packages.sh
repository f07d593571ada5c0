# What Muster needs of Debian 12, by name. Sourced by deploy/demo and deploy/test.
# shellcheck shell=bash

# To build: a linker and RocksDB with what its bindings need. To run: munge.
PACKAGES_BUILD=(gcc libc6-dev librocksdb-dev libclang1-14 libclang-common-14-dev)
PACKAGES_RUN=(munge libmunge2)
# The tests also cut networks and fill disks.
PACKAGES_TEST=(iproute2 nftables strace)

# need_packages NAME...: installs what is missing, saying so; without root prints the line and ends.
need_packages() {
  local missing=() name
  for name in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  if [ "$(id -u)" -ne 0 ]; then
    echo "These Debian packages are missing. As root, run:" >&2
    echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  echo "installing Debian packages: ${missing[*]}"
  # The munge package starts a daemon of its own where there is systemd; the demo and the tests use private ones.
  if ! DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null 2>&1; then
    apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
  fi
}

need_cargo() {
  command -v cargo >/dev/null && return 0
  echo "cargo is not on PATH: install Rust 1.95 or newer, then run this again." >&2
  exit 1
}
