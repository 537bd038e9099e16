// Metrics over pairs of cells as they are defined, for tests: all distances, no tiles, no closed forms. Cells are [F x
// n].
#pragma once

#include <optional>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::reference {

enum class Distance { euclidean, cosine };
enum class Between { nearest, mean_other, furthest };

/// Distance of two cells; the cosine distance of a cell at the origin from any other is 1.
double distance(const arma::mat& cells, arma::uword i, arma::uword j, Distance kind);

/// s_i of the cells `which` only, in groups `code` (of all cells). [which]
std::vector<double> silhouettes(const arma::mat& cells, const std::vector<std::uint32_t>& code,
                                const std::vector<arma::uword>& which, Distance kind, Between between);

std::optional<double> silhouette_label(const arma::mat& cells, const Labels& label, Distance kind);

/// silhouette_batch (Euclidean, nearest) and BRAS (cosine, mean_other).
std::optional<double> silhouette_batch(const arma::mat& cells, const Labels& label, const Labels& batch, Distance kind,
                                       Between between);

std::optional<double> isolated_labels(const arma::mat& cells, const Labels& label, const Labels& batch);

/// LISI of each cell with respect to `labels`; NaN where the weights underflow. [n]
std::vector<double> lisi(const arma::mat& cells, const Labels& labels, arma::uword n_others, double perplexity);

/// Mean over labels of the share of their largest component in the graph of the nearest `n_others`; components by what
/// each cell reaches.
double graph_connectivity(const arma::mat& cells, const Labels& label, arma::uword n_others, bool strong);

}  // namespace bcbench::reference
