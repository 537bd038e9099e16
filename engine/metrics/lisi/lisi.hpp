// LISI, the local inverse Simpson's index (Korsunsky et al. 2019, "Fast, sensitive and accurate integration of
// single-cell data with Harmony"): how many categories there are, effectively, around a cell.
//   p_j = exp(-beta d_j) / sum, over the cell's neighbours j at distance d_j, beta such that the entropy of p is ln P
//   LISI_i = 1 / sum_c (sum_{j in c} p_j)^2, between 1 and the number of categories
//   ilisi = (median LISI(batch) - 1) / (B - 1)         clisi = (L - median LISI(label)) / (L - 1)
// The scaling is that of Luecken et al. 2022 ("Benchmarking atlas-level data integration in single-cell genomics").
// beta does not depend on the categories: it is solved once and used for any number of label columns. Time is O(n k)
// exponentials, about 15 per neighbour.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/metrics/groups.hpp"
#include "engine/metrics/result.hpp"
#include "engine/neighbors/ties.hpp"

namespace bcbench::lisi {

struct Options {
    /// Neighbours of each cell, itself not counted: 89 as scib-metrics has it (it asks for 90 and counts the cell), 90
    /// as the R package lisi, fastlisi and harmonypy since 0.0.10. With fewer cells, all others.
    std::int64_t n_others = 89;
    /// Neighbours that count, effectively. None: a third of the neighbours counting the cell, rounded down, which is
    /// 30 for both 89 and 90 others.
    std::optional<double> perplexity;
};

/// Throws std::invalid_argument unless n_others is at least 1 and a perplexity lies between 1 and n_others.
void validate(const Options& options);

/// The widths of the weights of all cells.
struct Bandwidths {
    std::vector<double> beta;  // [n], empty if there is a reason
    arma::uword n_others = 0;  // neighbours used
    double perplexity = 0.0;
    std::string reason;  // why LISI cannot be computed, or empty
};

/// `neighbors` holds at least min(n_others, n - 1) neighbours.
Bandwidths solve(const NeighborsView& neighbors, const Options& options = {});

/// LISI of each cell with respect to `groups`; NaN where all weights underflow. `bandwidths` are those of `neighbors`
/// and have no reason. [n]
std::vector<double> per_cell(const NeighborsView& neighbors, const Bandwidths& bandwidths, const Groups& groups,
                             const Ties& ties = {});

/// ilisi: 1 if the batches are mixed around the median cell, 0 if its neighbours are all of one batch. per_cell holds
/// LISI itself, unscaled; the details its `median` and `mean` and the `undefined` cells that these leave out. Not
/// applicable with one batch or fewer than 6 cells.
MetricResult ilisi(const NeighborsView& neighbors, const Bandwidths& bandwidths, const Labels& batch,
                   const Ties& ties = {});

/// clisi: 1 if the median cell's neighbours are all of one label. per_cell and details as ilisi. Not applicable with
/// one label or fewer than 6 cells.
MetricResult clisi(const NeighborsView& neighbors, const Bandwidths& bandwidths, const Labels& label,
                   const Ties& ties = {});

}  // namespace bcbench::lisi
