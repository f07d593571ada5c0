# A private cluster on loopback: munged, controllers, nodes. Sourced by deploy/demo; $DIR is its directory, $BIN its commands.
# shellcheck shell=bash

# port_free PORT: nothing listens on it on any local address.
port_free() {
  local hex
  hex=$(printf '%04X' "$1")
  ! awk -v p=":$hex" '$4 == "0A" && substr($2, length($2) - 4) == p { found = 1 } END { exit !found }' \
    /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# free_ports COUNT: prints the first of COUNT successive free ports.
free_ports() {
  local count=$1 base try i
  for try in $(seq 200); do
    base=$((20000 + (RANDOM + try * 37) % 11000))
    for ((i = 0; i < count; i++)); do port_free $((base + i)) || continue 2; done
    echo "$base"
    return 0
  done
  echo "no $count successive free ports between 20000 and 31000" >&2
  return 1
}

alive() { [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }

# start NAME PROGRAM ARGS...: in the background, pid in run/NAME.pid, output in log/NAME.out.
start() {
  local name=$1
  shift
  setsid "$@" </dev/null >>"$DIR/log/$name.out" 2>&1 &
  echo $! >"$DIR/run/$name.pid"
  disown
}

write_configuration() { # controllers, nodes, first port
  local controllers=$1 nodes=$2 port=$3 cpus=${MUSTER_DEMO_CPUS:-8} simulated=${MUSTER_DEMO_SIMULATED:-0} i user
  local pki=$DIR/etc/pki
  user=$(id -un)
  {
    echo "# Written by deploy/demo."
    echo "ClusterName=demo"
    for ((i = 1; i <= controllers; i++)); do echo "SlurmctldHost=c$i(127.0.0.$i)"; done
    cat <<CONF
SlurmUser=$user
SlurmdUser=$user
SlurmctldPort=$port
SlurmctldParameters=muster_replica_port=$((port + 1))
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$DIR/run/munge.sock
StateSaveLocation=$DIR/state
SlurmdSpoolDir=$DIR/spool/%n
SlurmctldPidFile=$DIR/run/slurmctld.pid
SlurmdPidFile=$DIR/run/%n.pid
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SlurmdTimeout=60
KillWait=30
MinJobAge=3600
MaxJobCount=${MUSTER_DEMO_MAX_JOBS:-1000000}
DefMemPerCPU=100
SlurmdParameters=config_overrides
NodeName=n[1-$nodes] NodeAddr=127.0.0.1 Port=[$((port + 2))-$((port + 1 + nodes))] CPUs=$cpus Boards=1 SocketsPerBoard=1 CoresPerSocket=$cpus ThreadsPerCore=1 RealMemory=20000 State=UNKNOWN
PartitionName=debug Nodes=n[1-$nodes] Default=YES MaxTime=INFINITE State=UP
CONF
    # Benchmarks alone: nodes that another process plays.
    if [ "$simulated" -gt 0 ]; then
      echo "NodeName=s[1-$simulated] NodeAddr=127.0.0.1 Port=9 CPUs=64 Boards=1 SocketsPerBoard=1 CoresPerSocket=64 ThreadsPerCore=1 RealMemory=20000 State=UNKNOWN"
      echo "PartitionName=crowd Nodes=s[1-$simulated] MaxTime=INFINITE State=UP"
    fi
    if [ "${MUSTER_DEMO_TLS:-yes}" = yes ]; then
      echo "TLSType=tls/s2n"
      echo "TLSParameters=ca_cert_file=$pki/ca_cert.pem,ctld_cert_file=$pki/replica/%n_cert.pem,ctld_cert_key_file=$pki/replica/%n_cert_key.pem,slurmd_cert_file=$pki/node/%n_cert.pem,slurmd_cert_key_file=$pki/node/%n_cert_key.pem,muster_clients=plain"
    fi
  } >"$DIR/etc/slurm.conf"
  [ "${MUSTER_DEMO_TLS:-yes}" = yes ] || return 0
  make_certificates
}

# Replicas and nodes speak TLS to each other; commands do not, munge says who they are.
make_certificates() {
  local SLURM_CONF=$DIR/etc/slurm.conf said
  export SLURM_CONF
  rm -rf "$DIR/etc/pki"
  said=$("$BIN/muster" pki init 2>&1 && "$BIN/muster" pki issue all 2>&1) || { echo "$said" >&2; return 1; }
}

start_munged() {
  [ -s "$DIR/etc/munge.key" ] || (
    umask 077
    head -c 1024 /dev/urandom >"$DIR/etc/munge.key"
  )
  start munged munged --foreground --force --key-file="$DIR/etc/munge.key" --socket="$DIR/run/munge.sock" \
    --pid-file="$DIR/run/munged.self.pid" --log-file="$DIR/log/munged.log" --seed-file="$DIR/run/munge.seed"
  until_true 10 "munged" munge -S "$DIR/run/munge.sock" -n -o /dev/null
}

start_controller() { start "$1" "$BIN/muster-controller" -D -f "$DIR/etc/slurm.conf" --name "$1" --pidfile "$DIR/run/$1.self.pid"; }
start_node() { start "$1" "$BIN/muster-noded" -D -f "$DIR/etc/slurm.conf" -N "$1"; }

# until_true SECONDS WHAT COMMAND...: polls; ends the script when it stays false.
until_true() {
  local limit=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $limit ]; then
      echo "$what did not get ready; see $DIR/log" >&2
      return 1
    fi
    sleep 0.05
  done
}

# stop_all: ends what run/*.pid names, nodes first, and the steps that outlive them.
stop_all() {
  local file pid
  for file in "$DIR"/run/n[0-9]*.pid "$DIR"/run/c[0-9]*.pid "$DIR/run/munged.pid"; do
    [ -s "$file" ] || continue
    pid=$(cat "$file")
    # Only what is still ours: the same program, started from this directory's configuration.
    if ours "$pid"; then kill "$pid" 2>/dev/null; fi
  done
  for file in "$DIR"/run/*.pid; do
    [ -s "$file" ] || continue
    pid=$(cat "$file")
    for _ in $(seq 100); do ours "$pid" || break; sleep 0.05; done
    ours "$pid" && kill -9 "$pid" 2>/dev/null
    rm -f "$file"
  done
  # What a supervisor watches is its descendants; one that died first would leave them to nobody. It ends when they have.
  for _ in $(seq 60); do
    [ -z "$(supervisors)" ] && return 0
    for pid in $(supervisors); do end_descendants "$pid"; done
    sleep 0.05
  done
  for pid in $(supervisors); do
    end_descendants "$pid"
    kill -9 "$pid" 2>/dev/null
  done
  return 0
}

# Each stands still before its children end, or it would start others.
end_descendants() {
  local child children
  children=$(cat "/proc/$1"/task/*/children 2>/dev/null)
  for child in $children; do
    kill -STOP "$child" 2>/dev/null
    end_descendants "$child"
    kill -9 "$child" 2>/dev/null
  done
}

ours() { cat "/proc/$1/cmdline" 2>/dev/null | tr '\0' ' ' | grep -qF -- "$DIR/"; }

# Supervisors of steps outlive their node daemon on purpose; they name the spool that they belong to. No process is started to look:
# there may be thousands to look at, again and again.
supervisors() {
  local proc args
  for proc in /proc/[0-9]*; do
    mapfile -d '' -t args 2>/dev/null <"$proc/cmdline" || continue
    if [ "${args[1]:-}" = stepd ] && [[ ${args[2]:-} == "$DIR/spool/"* ]]; then echo "${proc##*/}"; fi
  done 2>/dev/null
  return 0
}
