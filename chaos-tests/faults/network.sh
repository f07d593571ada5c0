# Controllers as hosts of their own, each in a network namespace behind one bridge, and what can happen to a network. Munge and TLS are
# on, as they must be off loopback. Sourced by chaos-tests/loss.
# shellcheck shell=bash

# Runs this script again as a host of that network: `clients` stands for a user's machine.
on_hosts() {
  local i net=muster$$
  export MUSTER_LOSS_NETWORK=$net
  trap 'rmdir "$DIR"; for i in sw h1 h2 h3 clients; do ip netns del '"$net"'-$i 2>/dev/null; done' EXIT
  ip netns add "$net-sw" && ip -n "$net-sw" link add br0 type bridge && ip -n "$net-sw" link set br0 up ||
    fail "network namespaces cannot be made here (that needs root and iproute2)"
  for i in 1 2 3 9; do host "$net" "$i"; done
  ip netns exec "$net-clients" "$0" "$@"
}

host() { # network, number
  local name=$1-h$2
  [ "$2" -ne 9 ] || name=$1-clients
  ip netns add "$name" &&
    ip -n "$1-sw" link add "p$2" type veth peer name eth0 netns "$name" &&
    ip -n "$1-sw" link set "p$2" master br0 up &&
    ip -n "$name" addr add "10.77.0.$2/24" dev eth0 &&
    ip -n "$name" link set eth0 up &&
    ip -n "$name" link set lo up || fail "the host $name"
}

# What a fault is made of. Each is undone by `heal`.
cut_off() { ip -n "$MUSTER_LOSS_NETWORK-sw" link set "p${1#c}" down; }
drop_from() { # at, from...
  local at=$1 from
  shift
  for from in "$@"; do rule "$at" "ip saddr 10.77.0.${from#c} drop"; done
}
lossy() { rule "$1" "numgen random mod 100 < 30 drop"; }
rule() { # at, what
  ip netns exec "$MUSTER_LOSS_NETWORK-h${1#c}" nft "add table inet fault; add chain inet fault in { type filter hook input priority 0; }; add rule inet fault in $2" ||
    fail "nft (that needs nftables)"
}
heal() {
  local i
  for i in 1 2 3; do
    ip -n "$MUSTER_LOSS_NETWORK-sw" link set "p$i" up
    ip netns exec "$MUSTER_LOSS_NETWORK-h$i" nft 'flush ruleset'
  done
}

cluster_of_hosts() {
  local i port=21000
  write_configuration 3 1 "$port" || fail "no configuration"
  for i in 1 2 3; do sed -i "s/^SlurmctldHost=c$i(.*/SlurmctldHost=c$i(10.77.0.$i)/" "$SLURM_CONF"; done
  make_certificates || fail "no certificates"
  start_munged || exit 1
  for i in 1 2 3; do up_at_home "c$i"; done
  until_true 60 "the cluster" timeout 20 muster init || exit 1
  until_true 60 "the replicas" all_vote || exit 1
}
up_at_home() {
  WRAP=(ip netns exec "$MUSTER_LOSS_NETWORK-h${1#c}")
  up "$1"
}

partitions() {
  cluster_of_hosts
  clients
  local i name others fault round
  local faults=(cut-off a-follower-cut-off deaf unheard bridge flapping lossy)
  for ((i = 0; i < $1; i++)); do
    until_true 60 "the replicas before partition $i" all_vote || return 1
    name=$(leader)
    others=$(printf '%s\n' c1 c2 c3 | grep -vx "$name")
    fault=${faults[$((i % ${#faults[@]}))]}
    # shellcheck disable=SC2086 # two names
    case $fault in
      cut-off) cut_off "$name" ;;
      a-follower-cut-off) cut_off "$(head -1 <<<"$others")" ;;
      # A leader that hears nobody, and one that only the clients hear.
      deaf) drop_from "$name" $others ;;
      unheard) for round in $others; do drop_from "$round" "$name"; done ;;
      # The leader and one other do not hear each other; the third hears both.
      bridge) set -- "$1" $others && drop_from "$name" "$2" && drop_from "$2" "$name" ;;
      flapping) for round in 1 2 3 4 5; do cut_off "$name"; sleep 0.3; heal; sleep 0.3; done ;;
      lossy) for round in c1 c2 c3; do lossy "$round"; done ;;
    esac
    until_true 60 "a leader in spite of '$fault' at $name" accepts || return 1
    sleep 1
    accepts >/dev/null || fail "not accepted during '$fault'"
    heal
    echo "$fault at $name: $(leader) leads after it"
  done
  until_true 60 "the replicas at the end" all_vote || return 1
  verdict "$1 partitions"
}
