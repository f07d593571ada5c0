# Power cuts: each controller has a file system of its own on a loop device, and it is shut down. Sourced by chaos-tests/loss.
# shellcheck shell=bash

disk() { # a file system of its own for a controller's state
  local image=$DIR/disk/$1.img place=$DIR/state/demo/$1
  if [ ! -e "$image" ]; then
    truncate -s 512M "$image"
    mkfs.ext4 -q -F "$image" || fail "mkfs.ext4"
  fi
  mkdir -p "$place"
  mount -o loop "$image" "$place" || fail "a loop device cannot be mounted here (that needs root)"
}
# Everything that was not synced is gone, as when the power fails: EXT4_IOC_SHUTDOWN, without flushing the journal.
cut_power() { perl -e 'open(my $d, "<", $ARGV[0]) or die; my $flag = pack("L", 2); ioctl($d, 0x8004587D, $flag) // die "ioctl: $!"' "$DIR/state/demo/$1"; }
power_cuts() {
  local i name names
  for name in c1 c2 c3; do disk "$name"; done
  cluster 3
  clients
  for ((i = 1; i <= $1; i++)); do
    sleep "0.$((RANDOM % 8 + 2))"
    names="c1 c2 c3"
    if [ $((i % 3)) -eq 0 ]; then names=c$((RANDOM % 3 + 1)); fi
    for name in $names; do cut_power "$name" || fail "power cut"; done
    for name in $names; do
      down "$name"
      umount "$DIR/state/demo/$name" || fail "umount after cut $i"
      disk "$name"
      up "$name"
    done
    until_true 60 "a leader after cut $i" accepts || return 1
  done
  verdict "$1 power cuts"
}
