// The diffusion embedding of a weighted graph (Coifman and Lafon 2006; with the density correction and the weights that
// Haghverdi et al. 2016, diffusion pseudotime, give to the eigenvectors).
//   q = row sums of W,  K_ij = W_ij / (q_i q_j),  z = row sums of K,  M_ij = K_ij / sqrt(z_i z_j)
// A coordinate is an eigenvector of M (unit length) times w(lambda): with lambda' = lambda + 1e-8 in float32,
//   w = 1 if lambda' = 1, else lambda' / (1 - lambda').
// Eigenvalues that round to 1 are those of constant functions, one per connected component.
#pragma once

#include "engine/core/types.hpp"
#include "engine/neighbors/weighted_graph.hpp"

namespace bcbench {

struct DiffusionEmbedding {
    arma::vec eigenvalues;  // [c] falling in size
    arma::mat coordinates;  // [c x n]
};

/// The coordinates of the `n_components` eigenvalues that are largest in size, all of them if there are fewer, and of
/// those that equal the last one. `graph` has no isolated nodes. Exact: all eigenpairs of a small graph, block Lanczos
/// to a residual of 1e-10 for a large one. The same bits for any number of threads. Throws NumericalError if that does
/// not converge.
DiffusionEmbedding diffusion_embedding(const WeightedGraph& graph, arma::uword n_components);

}  // namespace bcbench
