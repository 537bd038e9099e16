#!/usr/bin/env bash
# Builds the benchmark program in release mode, runs it, keeps its numbers in results/benchmarks/ and prints medians.
#   scripts/bench.sh [--quick] [GOOGLE BENCHMARK FLAGS...]   e.g. --benchmark_filter=neighbors --benchmark_repetitions=3
# --quick: one repeat of the main cases, about a minute.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
flags=(--benchmark_repetitions=5 --benchmark_min_time=0.2 --benchmark_enable_random_interleaving=true
       --benchmark_report_aggregates_only=true)
what="five interleaved repeats of everything take about 20 minutes"
if [ "${1:-}" = --quick ]; then
  shift
  flags=(--benchmark_min_time=0.01 "--benchmark_filter=limit|training|two_threads|table|pca|mmd/engine.*n:5000|harmony/engine.*n:200000|neighbors/engine/.*n:12500")
  what="one repeat of the main cases takes about a minute"
fi
bash scripts/setup.sh build bench
bash scripts/build.sh release bcbench_benchmarks

mkdir -p results/benchmarks
out=results/benchmarks/$(date -u +%Y%m%dT%H%M%SZ)-$(git describe --always --dirty 2>/dev/null || echo no-git).json
echo "bench: running; $what"
log=$(mktemp)
build/release/experiments/benchmarks/bcbench_benchmarks "${flags[@]}" \
  --benchmark_out="$out" --benchmark_out_format=json "$@" >"$log" 2>&1 ||
  { cat "$log" >&2; echo "bench: the benchmark program failed; its output is above." >&2; exit 1; }
rm -f "$log"
python3 - "$out" <<'PYTHON'
import json
import math
import re
import statistics
import sys

report = json.load(open(sys.argv[1]))
context = report["context"]
print(f"{context['num_cpus']} CPUs, load {context['load_avg']}, {context['blas']}")
processor = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
print(processor)
ratios = ["of_bare_products", "times_plain", "times_faiss", "times_forward", "times_one_thread"]  # timed in turn
rows = [("case", "median ms", "spread %", "GFLOP/s", "GB/s", "of product rate", "extra MiB", "ratio")]
benchmarks = report["benchmarks"]
sizes = {}  # of each case with several: log n, log time
spread = {b["run_name"]: 100 * b["real_time"] for b in benchmarks if b.get("aggregate_name") == "cv"}
for b in sorted(benchmarks, key=lambda b: (b["family_index"], b.get("per_family_instance_index", 0))):
    if b.get("error_occurred"):
        rows.append((b["run_name"], b["error_message"]) + ("",) * 6)
    elif b.get("aggregate_name", "median") == "median":
        number = lambda key, scale: f"{b[key] / scale:.2f}" if key in b else ""
        rows.append((b["run_name"], f"{b['real_time']:.1f}", f"{spread.get(b['run_name'], 0):.0f}",
                     number("FLOP/s", 1e9), number("bytes_per_second", 1e9), number("of_product_rate", 1),
                     number("extra_MiB", 1), " ".join(f"{b[r]:.2f} {r}" for r in ratios if r in b)))
        name, size = re.match(r"(.*)/n:(\d+)|(.*)", b["run_name"]).group(1, 2)
        if size:
            sizes.setdefault(name, []).append((math.log(int(size)), math.log(b["real_time"])))
widths = [max(len(row[i]) for row in rows if i != 1 or len(row[1]) < 20) for i in range(len(rows[0]))]
for row in rows:
    print("  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))).rstrip())
grown = {name: points for name, points in sizes.items() if len(points) > 2}
if grown:
    print("\ngrowth of the time with n, fitted:")
for name, points in grown.items():
    print(f"  {name}  n^{statistics.linear_regression(*zip(*points)).slope:.2f}")
PYTHON
echo "bench: $out"
