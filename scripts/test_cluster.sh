#!/usr/bin/env bash
# A sweep of 200 points (configs/sweep_200.json) on a cluster of this machine alone: Slurm from Debian (munge, slurmctld,
# slurmd, one node) under Snakemake. Jobs and daemons are killed in the middle; what is merged must be, byte for byte,
# what one process writes. Needs root: it installs and starts daemons, and stops them at the end. Takes some minutes.
#   scripts/test_cluster.sh [--quick] [PROGRAM]   default: build/release/bcbench, else build/test/bcbench; --quick: no Slurm
# Its last log is results/cluster/test_cluster.log.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
quick=
[ "${1:-}" != --quick ] || { quick=yes; shift; }
program=${1:-build/release/bcbench}
[ -x "$program" ] || program=build/test/bcbench
program=$(realpath "$program")
config=configs/sweep_200.json
scratch=$(mktemp -d)
controller=
node=
others=() # processes to be stopped at the end
stop() {
  [ -z "$node" ] || timeout 20 scancel --quiet --user=root 2>/dev/null || true
  for process in "${others[@]}" $controller $node; do kill -9 "$process" 2>/dev/null || true; done
  [ -z "$controller" ] || rm -f /etc/slurm/slurm.conf
  rm -rf "$scratch"
}
trap stop EXIT
say() { echo "[$SECONDS s] $*"; }
fail() { # what, file of which the end is shown
  [ -z "${2:-}" ] || tail -n 30 "$2" >&2
  echo "test_cluster: $1" >&2
  exit 1
}
wait_for() { # seconds, what, command
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || fail "waited in vain for $what"
    sleep 0.2
  done
}
count() { find "$1/points" -name '*.json' 2>/dev/null | wc -l; }
same() { # what, directory, directory of one process
  diff -r --exclude=manifest.json --exclude=timings.csv --exclude=.lock "$3" "$2" >"$scratch/difference" ||
    fail "$1: results differ" "$scratch/difference"
  diff <(cut -d, -f1-3 "$3/timings.csv") <(cut -d, -f1-3 "$2/timings.csv") >"$scratch/difference" ||
    fail "$1: times are lost or doubled" "$scratch/difference"
  say "$1: $(wc -l <"$2/metrics.csv") lines of metrics.csv and $(count "$2") point files, the same bytes as of one process"
}
export OPENBLAS_NUM_THREADS=1

"$program" run "$config" --quiet --out "$scratch/one" >/dev/null 2>&1
say "one process: done"
for i in 1 2 3 4; do "$program" run "$config" --quiet --shard "$i/4" --out "$scratch/shards/$i" >/dev/null 2>&1; done
"$program" merge "$scratch"/shards/* --out "$scratch/merged" --quiet 2>/dev/null
same "four shards, merged" "$scratch/merged" "$scratch/one"

venv=${BCBENCH_CLUSTER_VENV:-build/cluster-venv}
if [ ! -x "$venv/bin/snakemake" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet snakemake snakemake-executor-plugin-slurm
fi
PATH=$(realpath "$venv")/bin:$PATH
flow=(snakemake -s scripts/cluster/Snakefile --nolock)
locally() { # name, config: into $scratch/<name>
  "${flow[@]}" --profile scripts/cluster/local --cores 2 --config "experiment=$2" "bcbench=$program" "out=$scratch/$1" \
    >"$scratch/$1.log" 2>&1
}
jobs_run() { grep -c -E '^(local)?rule points:' "$scratch/$1.log" || true; }
locally local "$config" || fail "Snakemake on this machine failed" "$scratch/local.log"
same "Snakemake on this machine, $(jobs_run local) jobs" "$scratch/local" "$scratch/one"

locally local "$config" || fail "Snakemake's second call failed" "$scratch/local.log"
[ "$(jobs_run local)" -eq 0 ] || fail "a rerun ran jobs again" "$scratch/local.log"
say "Snakemake again: nothing to do"

# a point file cut to its first half: the merge names it, and the next call computes it alone
cut=$(find "$scratch/local.shards/3/points" -name '*.json' | head -n 1)
truncate --size=100 "$cut"
rm -r "$scratch/local"
! locally local "$config" || fail "a workflow with a damaged point ended well"
grep -q "^missing: $(basename "$cut" .json)" "$scratch/local.log" || fail "the damaged point is not named" "$scratch/local.log"
locally local "$config" || fail "the damaged point was not computed again" "$scratch/local.log"
[ "$(jobs_run local)" -eq 1 ] || fail "more than the damaged point's job ran" "$scratch/local.log"
same "a damaged point: named, and computed again by one job" "$scratch/local" "$scratch/one"

failing=$scratch/failing.json
sed 's/"metrics"/"limits": {"max_seconds": 1e-9}, "metrics"/' "$config" >"$failing"
! locally fails "$failing" || fail "a workflow with failed points ended well"
grep -q '^failed: gaussian' "$scratch/fails.log" || fail "failed points are not named" "$scratch/fails.log"
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
# the usual place: SLURM_CONF is lost in Snakemake's job steps
[ ! -e /etc/slurm/slurm.conf ] || fail "there is a Slurm on this machine already: /etc/slurm/slurm.conf"
mkdir -p /etc/slurm
cat >/etc/slurm/slurm.conf <<CONF
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
start_controller() { slurmctld -D >>"$scratch/slurmctld.log" 2>&1 & controller=$!; disown; }
start_node() { slurmd -D >>"$scratch/slurmd.log" 2>&1 & node=$!; disown; }
ready() { sinfo -h -o %T 2>/dev/null | grep -q -E 'idle|mixed|allocated'; }
if ! munge -n 2>/dev/null | unmunge >/dev/null 2>&1; then
  [ -s /etc/munge/munge.key ] || runuser -u munge -- /usr/sbin/mungekey --create
  setpriv --reuid=munge --regid=munge --clear-groups /usr/sbin/munged --foreground --force >"$scratch/munged.log" 2>&1 &
  others+=($!)
  disown
  sleep 1
fi
start_controller
start_node
wait_for 600 "Slurm" ready
say "Slurm $(sinfo --version | cut -d' ' -f2), one node: ready"

array() { # I-th of eight parts
  sbatch --quiet --wait --array=1-8 --mem=500 --output="$scratch/array-%a.log" --wrap "'$program' run $config --quiet --threads 1 \
    --shard \$SLURM_ARRAY_TASK_ID/8 --out '$scratch'/array.shards/\$SLURM_ARRAY_TASK_ID"
}
array || fail "the Slurm array failed" "$scratch/array-1.log"
"$program" merge "$scratch"/array.shards/* --out "$scratch/array" --quiet 2>/dev/null
same "a Slurm array of 8, merged" "$scratch/array" "$scratch/one"

# the same sweep over twenty times the cells, so that jobs can be killed in the middle
long=$scratch/long.json
sed 's/"n_cells_per_batch": 200/"n_cells_per_batch": 4000/' "$config" >"$long"
"$program" run "$long" --quiet --out "$scratch/long" >/dev/null 2>&1
say "one process, 8000 cells: done"
"${flow[@]}" --profile scripts/cluster/slurm --default-resources slurm_partition=main --slurm-init-seconds-before-status-checks 2 \
  --config "experiment=$long" "bcbench=$program" "out=$scratch/slurm" >"$scratch/slurm.log" 2>&1 &
workflow=$!
others+=("$workflow")

submitted() { [ "$(squeue -h -o %A 2>/dev/null | wc -l)" -ge 8 ]; }
in_the_middle() { # sets job, shard, part: of a job that runs and has finished some of its points
  local comment of
  kill -0 "$workflow" 2>/dev/null || fail "the workflow ended before enough was killed" "$scratch/slurm.log"
  while read -r job comment; do
    shard=${comment##*_}
    part=$(count "$scratch/slurm.shards/$shard")
    of=$(wc -l <"$scratch/slurm.shards/$shard.points")
    [ "$part" -eq 0 ] || [ "$part" -ge "$of" ] || return 0
  done < <(squeue -h -t R -o '%A %k' 2>/dev/null)
  return 1
}
wait_for 600 "eight jobs" submitted
touch "$scratch/submitted"
# A controller keeps its state on disk a few seconds behind, and forgets what is younger when it is killed.
wait_for 600 "the controller's state on disk" [ "$scratch/state/job_state" -nt "$scratch/submitted" ]
wait_for 600 "a job in the middle" in_the_middle
kill -9 "$controller"
say "killed slurmctld (SIGKILL), $part points of job $job done"
sleep 2
start_controller
wait_for 600 "the new slurmctld" ready
say "started slurmctld again"
wait_for 600 "a job in the middle" in_the_middle
scancel --signal=KILL --full "$job"
say "killed job $job (SIGKILL) after $part of its points"
killed=$shard
another() { in_the_middle && [ "$shard" != "$killed" ]; }
wait_for 600 "another job in the middle" another
scancel "$job"
say "cancelled job $job after $part of its points"
wait_for 600 "a job in the middle" in_the_middle
kill -9 "$node"
say "killed slurmd (SIGKILL)"
sleep 1
start_node
say "started slurmd again"
wait "$workflow" || fail "the workflow on Slurm failed" "$scratch/slurm.log"
say "the workflow ended well; $(grep -c '^Trying to restart job' "$scratch/slurm.log") jobs were started again"
same "Snakemake on Slurm" "$scratch/slurm" "$scratch/long"
echo "test_cluster: everything the same, byte for byte"
