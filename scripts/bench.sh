#!/usr/bin/env bash
# Builds the benchmark program in release mode, runs it, keeps its numbers in results/benchmarks/ and prints medians.
#   scripts/bench.sh [GOOGLE BENCHMARK FLAGS...]     e.g. --benchmark_filter=neighbors --benchmark_repetitions=3
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh build bench
bash scripts/build.sh release bcbench_benchmarks

mkdir -p results/benchmarks
out=results/benchmarks/$(date -u +%Y%m%dT%H%M%SZ)-$(git describe --always --dirty 2>/dev/null || echo no-git).json
echo "bench: running; five interleaved repeats of everything take about half an hour"
log=$(mktemp)
build/release/experiments/benchmarks/bcbench_benchmarks --benchmark_repetitions=5 --benchmark_min_time=0.2 \
  --benchmark_enable_random_interleaving=true --benchmark_report_aggregates_only=true \
  --benchmark_out="$out" --benchmark_out_format=json "$@" >"$log" 2>&1 ||
  { cat "$log" >&2; echo "bench: the benchmark program failed; its output is above." >&2; exit 1; }
rm -f "$log"
python3 - "$out" <<'PYTHON'
import json
import sys

report = json.load(open(sys.argv[1]))
context = report["context"]
print(f"{context['num_cpus']} CPUs, load {context['load_avg']}, {context['blas']}")
rows = [("case", "median ms", "spread %", "GFLOP/s", "GB/s", "of product rate")]
benchmarks = report["benchmarks"]
spread = {b["run_name"]: 100 * b["real_time"] for b in benchmarks if b.get("aggregate_name") == "cv"}
for b in sorted(benchmarks, key=lambda b: (b["family_index"], b.get("per_family_instance_index", 0))):
    if b.get("error_occurred"):
        rows.append((b["run_name"], b["error_message"], "", "", "", ""))
    elif b.get("aggregate_name") == "BigO":
        rows.append((b["run_name"] + " fit", f"{b['real_coefficient']:.2e} {b['big_o']}", "", "", "", ""))
    elif b.get("aggregate_name", "median") == "median":
        number = lambda key, scale: f"{b[key] / scale:.2f}" if key in b else ""
        rows.append((b["run_name"], f"{b['real_time']:.1f}", f"{spread.get(b['run_name'], 0):.0f}",
                     number("FLOP/s", 1e9), number("bytes_per_second", 1e9), number("of_product_rate", 1)))
widths = [max(len(row[i]) for row in rows if i != 1 or len(row[1]) < 20) for i in range(len(rows[0]))]
for row in rows:
    print("  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))).rstrip())
PYTHON
echo "bench: $out"
