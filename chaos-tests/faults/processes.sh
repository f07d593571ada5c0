# Controllers that are killed, and controllers that stand still. Sourced by chaos-tests/loss.
# shellcheck shell=bash

kills() {
  cluster 3
  clients
  local i name
  for ((i = 1; i <= $1; i++)); do
    sleep "0.$((RANDOM % 8 + 2))"
    name=$(leader)
    [ -n "$name" ] || fail "nobody leads"
    down "$name"
    up "$name"
    until_true 60 "a leader after kill $i" accepts || return 1
  done
  verdict "$1 kills of the leader"
}

# In turn: a follower, two of three with the leader, all, the leader alone.
deaths() {
  cluster 3
  clients
  local i name names
  for ((i = 1; i <= $1; i++)); do
    until_true 60 "the replicas before death $i" all_vote || return 1
    name=$(leader)
    case $((i % 4)) in
      1) names=$(followers | head -1) ;;
      2) names="$name $(followers | head -1)" ;;
      3) names="c1 c2 c3" ;;
      0) names=$name ;;
    esac
    for name in $names; do down "$name"; done
    for name in $names; do up "$name"; done
    until_true 60 "a leader after death $i ($names)" accepts || return 1
  done
  verdict "$1 deaths: of a follower, of two, of all, of the leader"
}

# The leader stands still, the others go on without it; when it goes on too, it leads nothing.
pauses() {
  cluster 3
  clients
  local i name pid now
  for ((i = 1; i <= $1; i++)); do
    sleep "0.$((RANDOM % 8 + 2))"
    name=$(leader)
    [ -n "$name" ] || fail "nobody leads"
    pid=$(cat "$DIR/run/$name.pid")
    kill -STOP "$pid"
    until_true 60 "a leader while $name stands still" accepts || return 1
    kill -CONT "$pid"
    now=$(leader)
    [ "$now" != "$name" ] || fail "$name leads again at once after it stood still"
    until_true 60 "the replicas after pause $i" all_vote || return 1
  done
  verdict "$1 pauses of the leader"
}
