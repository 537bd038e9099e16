#!/usr/bin/env bash
# The sweep of 200 points (configs/sweep_200.json) on a cluster of this machine alone: Slurm from Debian (munge, slurmctld,
# slurmd, one node) under Snakemake. Jobs and a daemon are killed in the middle; what is merged must be, byte for byte,
# what one process writes. Needs root: it installs and starts daemons, and stops them at the end. Takes about two minutes.
#   scripts/test_cluster.sh [PROGRAM]     default: build/release/bcbench, else build/test/bcbench; --quick: without Slurm
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
quick=
[ "${1:-}" != --quick ] || { quick=yes; shift; }
program=${1:-build/release/bcbench}
[ -x "$program" ] || program=build/test/bcbench
program=$(realpath "$program")
config=configs/sweep_200.json
scratch=$(mktemp -d)
daemons=()
stop() {
  for process in "${daemons[@]}"; do kill -9 "$process" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$scratch"
}
trap stop EXIT
say() { echo "[$SECONDS s] $*"; }
same() { # what, directory
  diff -r --exclude=manifest.json --exclude=timings.csv --exclude=.lock "$scratch/one" "$2" >"$scratch/difference" ||
    { head -n 5 "$scratch/difference" >&2; echo "test_cluster: $1: results differ" >&2; exit 1; }
  say "$1: $(wc -l <"$2/metrics.csv") lines of metrics.csv and $(find "$2/points" -name '*.json' | wc -l) point files, the same bytes as of one process"
}
export OPENBLAS_NUM_THREADS=1

"$program" run "$config" --quiet --out "$scratch/one" >/dev/null 2>&1
say "one process: done"
for i in 1 2 3 4; do "$program" run "$config" --quiet --shard "$i/4" --out "$scratch/shards/$i" >/dev/null 2>&1; done
"$program" merge "$scratch"/shards/* --out "$scratch/merged" --quiet 2>/dev/null
same "four shards, merged" "$scratch/merged"

venv=${BCBENCH_CLUSTER_VENV:-build/cluster-venv}
if [ ! -x "$venv/bin/snakemake" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet snakemake snakemake-executor-plugin-slurm
fi
PATH=$(realpath "$venv")/bin:$PATH
flow=(snakemake -s scripts/cluster/Snakefile --nolock)
"${flow[@]}" --profile scripts/cluster/local --cores 2 \
  --config "experiment=$config" "bcbench=$program" "out=$scratch/local" >"$scratch/local.log" 2>&1 ||
  { tail -n 20 "$scratch/local.log" >&2; exit 1; }
same "Snakemake on this machine, 8 jobs" "$scratch/local"

"${flow[@]}" --profile scripts/cluster/local --cores 2 --config "experiment=$config" "bcbench=$program" "out=$scratch/local" \
  >"$scratch/again.log" 2>&1
! grep -q 'rule points' "$scratch/again.log" || { echo "test_cluster: a rerun ran jobs again" >&2; exit 1; }
say "Snakemake again: nothing to do"

failing=$scratch/failing.json
sed 's/"metrics"/"limits": {"max_seconds": 1e-9}, "metrics"/' "$config" >"$failing"
if "${flow[@]}" --profile scripts/cluster/local --cores 2 --config "experiment=$failing" "bcbench=$program" "out=$scratch/fails" \
  jobs=2 >"$scratch/fails.log" 2>&1; then
  echo "test_cluster: a workflow with failed points ended well" >&2
  exit 1
fi
grep -q 'failed: gaussian' "$scratch/fails.log" || { tail "$scratch/fails.log" >&2; echo "test_cluster: failed points are not named" >&2; exit 1; }
say "points that fail: the workflow ends non-zero and names them"
[ -z "$quick" ] || exit 0

if ! command -v slurmctld slurmd munged squeue >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurmctld slurmd slurm-client munge >/dev/null
fi
mkdir -p "$scratch/state" "$scratch/spool" /run/munge /var/log/munge
chmod 755 "$scratch"
chown munge: /run/munge /var/log/munge
host=$(hostname -s)
cat >"$scratch/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
MpiDefault=none
ReturnToService=2
MinJobAge=3600
AccountingStorageType=accounting_storage/none
SchedulerParameters=sched_interval=1,batch_sched_delay=0
StateSaveLocation=$scratch/state
SlurmdSpoolDir=$scratch/spool
SlurmctldPidFile=$scratch/slurmctld.pid
SlurmdPidFile=$scratch/slurmd.pid
SlurmctldPort=16817
SlurmdPort=16818
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 RealMemory=4000
PartitionName=main Nodes=$host Default=YES State=UP
CONF
export SLURM_CONF=$scratch/slurm.conf
start_controller() { slurmctld -D >>"$scratch/slurmctld.log" 2>&1 & controller=$!; daemons+=("$controller"); }
if ! munge -n 2>/dev/null | unmunge >/dev/null 2>&1; then
  [ -s /etc/munge/munge.key ] || runuser -u munge -- /usr/sbin/mungekey --create
  runuser -u munge -- /usr/sbin/munged --foreground --force >"$scratch/munged.log" 2>&1 &
  daemons+=($!)
  sleep 1
fi
start_controller
slurmd -D >"$scratch/slurmd.log" 2>&1 &
daemons+=($!)
for _ in $(seq 60); do sinfo -h -o %T 2>/dev/null | grep -q idle && break; sleep 1; done
sinfo -h -o %T | grep -q idle || { tail "$scratch"/*.log >&2; echo "test_cluster: Slurm did not come up" >&2; exit 1; }
say "Slurm $(sinfo --version | cut -d' ' -f2), one node: ready"

# points that take long enough to be killed in the middle
"${flow[@]}" --profile scripts/cluster/slurm --default-resources slurm_partition=main --slurm-init-seconds-before-status-checks 2 \
  --config "experiment=$config" "bcbench=$program" "out=$scratch/slurm" >"$scratch/slurm.log" 2>&1 &
workflow=$!
killed=0
cancelled=0
restarted=
for _ in $(seq 600); do
  kill -0 "$workflow" 2>/dev/null || break
  running=$(squeue -h -t R -o %A 2>/dev/null | head -n 1 || true)
  if [ -n "$running" ] && [ "$killed" -lt 2 ]; then
    scancel --signal=KILL --full "$running" && killed=$((killed + 1)) && say "killed (SIGKILL) a job"
  elif [ -n "$running" ] && [ "$cancelled" -lt 1 ]; then
    scancel "$running" && cancelled=1 && say "cancelled a job"
  elif [ -z "$restarted" ] && [ "$killed" -ge 1 ]; then
    kill -9 "$controller"
    say "killed (SIGKILL) slurmctld"
    sleep 2
    start_controller
    restarted=yes
    say "started slurmctld again"
  fi
  sleep 0.5
done
wait "$workflow" || { tail -n 30 "$scratch/slurm.log" >&2; echo "test_cluster: the workflow on Slurm failed" >&2; exit 1; }
say "workflow on Slurm ended well after $killed killed and $cancelled cancelled jobs${restarted:+ and a controller killed and restarted}"
[ "$killed" -ge 1 ] && [ -n "$restarted" ] || { echo "test_cluster: it ended before anything could be killed" >&2; exit 1; }
same "Snakemake on Slurm" "$scratch/slurm"
echo "test_cluster: everything the same, byte for byte"
