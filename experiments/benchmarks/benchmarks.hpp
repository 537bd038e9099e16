// What the files of the benchmark program share. Each file registers its own cases; main.cpp lists the files.
#pragma once

#include <benchmark/benchmark.h>

#include <functional>

namespace bcbench::benchmarks {

/// What the machine can do: matrix products and memory traffic.
void register_limits();

/// Implementations of the exact neighbour search.
void register_neighbors();

/// differentiable_harmony, forward and backward.
void register_harmony();

/// harmony, the published algorithm.
void register_real_harmony();

/// The MMD loss and its gradient.
void register_mmd();

/// A training step of the MMD autoencoder.
void register_training();

/// The reader of tables and the principal components.
void register_data();

/// The rows that scripts/parity_jax.py --speed times in JAX too.
void register_jax();

/// Rate of a matrix product of 2048 x 2048 matrices in FLOP/s, with this many threads: the best of a few,
/// measured when first asked for.
template <class Real>
double product_rate(unsigned threads);

/// Seconds that `body` takes.
double seconds(const std::function<void()>& body);

/// Times `body`, and after each time `yardstick`, so that both meet the same machine. The counter `ratio` is the time
/// of the yardstick divided by that of the body. Needs UseManualTime.
void time_in_turn(benchmark::State& state, const char* ratio, const std::function<void()>& body,
                  const std::function<void()>& yardstick);

/// The most memory that `body` has at once beside what is there before it, in bytes.
double extra_memory(const std::function<void()>& body);

/// Threads of a parallel loop, of OpenMP and of BLAS from here on. BLAS threads are for what calls BLAS
/// itself.
void use_threads(unsigned loops, unsigned blas);

}  // namespace bcbench::benchmarks
