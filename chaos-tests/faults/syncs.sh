# What one fsync can do: fail, never return, take two seconds. strace injects it. Sourced by chaos-tests/loss.
# shellcheck shell=bash

# strace counts from where it is attached on. It gives up where a thread ends as it is seized: tried again.
inject() { # controller, fault
  local pid tries
  pid=$(cat "$DIR/run/$1.pid")
  for ((tries = 0; tries < 5; tries++)); do
    strace -f -qq -o /dev/null -p "$pid" -e trace=fsync,fdatasync -e "inject=fsync,fdatasync:$2" 2>"$DIR/told/strace" &
    STRACE=$!
    while kill -0 "$STRACE" 2>/dev/null; do
      if grep -q "TracerPid:.*$STRACE" "/proc/$pid/status" 2>/dev/null; then return; fi
      sleep 0.02
    done
  done
  fail "strace cannot be attached: $(cat "$DIR/told/strace")"
}
fsyncs() {
  local fault n name id shown bad=0 done=0
  cluster 1
  for fault in signal=KILL error=EIO; do
    for ((n = 1; n <= 6; n++)); do
      name=$fault-$n
      inject c1 "$fault:when=$n"
      timeout 120 sbatch --parsable -H -J "$name" --wrap true >"$DIR/told/id" 2>"$DIR/told/said" &
      local client=$!
      while kill -0 "$client" 2>/dev/null; do
        if ! kill -0 "$(cat "$DIR/run/c1.pid")" 2>/dev/null; then
          done=$((done + 1))
          echo "$fault at fsync $n ended the controller: $(grep -hoE '(log|watermark|rows): .*' "$DIR/log/c1.out" | tail -1)"
          kill "$STRACE" 2>/dev/null
          up c1
        fi
        sleep 0.05
      done
      wait "$client" || echo "submit $name: $(cat "$DIR/told/said")"
      kill "$STRACE" 2>/dev/null
      wait "$STRACE" 2>/dev/null
      kill -0 "$(cat "$DIR/run/c1.pid")" 2>/dev/null || up c1
      until_true 60 "the controller" timeout 20 muster status || return 1
      id=$(cat "$DIR/told/id")
      shown=$(timeout 20 squeue -h -t all -o '%i %j' | grep -c " $name$")
      if [ "$shown" -ne 1 ] || ! timeout 20 squeue -h -t all -o '%i %j' | grep -qx "$id $name"; then
        echo "$name: told '$id', shown $shown times"
        bad=$((bad + 1))
      fi
    done
  done
  echo "12 submits with a fault at the n-th fsync, $done ended the controller: $bad not there exactly once"
  [ "$bad" -eq 0 ] && [ "$done" -gt 0 ]
}

stalls() {
  local i before after began took most=0
  cluster 3
  for ((i = 1; i <= $1; i++)); do
    until_true 60 "every vote" all_vote || return 1
    before=$(leader)
    inject "$before" "delay_enter=2000000"
    began=$(date +%s%N)
    timeout 60 sbatch -H -J "stall$i" --wrap true >/dev/null || fail "no submit while the disk of $before stands still"
    took=$((($(date +%s%N) - began) / 1000000))
    after=$(leader)
    # Asked to end while several threads are delayed, strace hangs, and they with it: both are killed.
    kill -9 "$STRACE" 2>/dev/null
    wait "$STRACE" 2>/dev/null
    down "$before"
    up "$before"
    [ "$took" -gt "$most" ] && most=$took
    echo "stall $i: $before led, then $after; the submit took $took ms"
  done
  echo "$1 stalls of 2 s a sync: the slowest submit took $most ms"
}
