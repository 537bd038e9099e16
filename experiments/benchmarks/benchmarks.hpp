// What the files of the benchmark program share. Each file registers its own cases; main.cpp lists the files.
#pragma once

namespace bcbench::benchmarks {

/// What the machine can do: matrix products and memory traffic.
void register_limits();

/// Implementations of the exact neighbour search.
void register_neighbors();

/// differentiable_harmony, forward and backward.
void register_harmony();

/// The MMD loss and its gradient.
void register_mmd();

/// A training step of the MMD autoencoder.
void register_training();

/// Rate of a float32 matrix product of 2048 x 2048 matrices in FLOP/s, with this many threads: the best of a
/// few, measured when first asked for.
double product_rate(unsigned threads);

/// Threads of a parallel loop, of OpenMP and of BLAS from here on. BLAS threads are for what calls BLAS
/// itself.
void use_threads(unsigned loops, unsigned blas);

}  // namespace bcbench::benchmarks
