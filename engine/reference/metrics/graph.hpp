// Metrics of neighbourhoods and graphs as they are defined, for tests: dense matrices, all distances, all eigenvalues.
// Cells are [F x n]; neighbourhoods count the cell itself unless `others` says otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::reference {

/// UMAP connectivities on the nearest `others` cells of each. [n x n]
arma::mat umap_weights(const arma::mat& cells, arma::uword others);

/// Share of cells whose neighbourhood of `others` + 1 cells has P(chi^2 > t) >= alpha; nothing with one batch.
std::optional<double> kbet(const arma::mat& cells, const Labels& batch, arma::uword others, double alpha);

/// The diffusion coordinates of a dense graph without isolated nodes, of the `count` largest eigenvalues in size.
/// [count x n]
arma::mat diffusion_coordinates(const arma::mat& weights, arma::uword count);

/// kBET of the diffusion embedding of one label's part of `weights` [n x n]; nothing where it is left out.
std::optional<double> kbet_of_label(const arma::mat& weights, const Labels& label, const Labels& batch,
                                    std::uint32_t which, double alpha);

/// Mean over the labels that kbet_of_label does not leave out.
std::optional<double> kbet_per_label(const arma::mat& weights, const Labels& label, const Labels& batch, double alpha);

double ksim(const arma::mat& cells, const Labels& label, arma::uword others);

/// sBEE of every cell. [n]
std::vector<double> sbee_of_cells(const arma::mat& cells, const Labels& label, const Labels& batch, arma::uword others);

/// 1/2m sum_ij (W_ij - resolution k_i k_j / 2m) [c_i = c_j].
double modularity(const arma::mat& weights, const std::vector<std::uint32_t>& membership, double resolution);

/// The largest modularity of all partitions of a graph of a few nodes.
double best_modularity(const arma::mat& weights, double resolution);

}  // namespace bcbench::reference
