// The first centroids of harmony: seed cells, then Lloyd's algorithm on cells of unit length.
#pragma once

#include <vector>

#include "engine/core/random.hpp"
#include "engine/core/types.hpp"
#include "engine/methods/harmony/tile.hpp"

namespace bcbench::harmony {

struct Seeds {
    std::vector<std::uint32_t> start_cells;  // [K]
    std::vector<std::uint32_t> seeds;        // [K]
};

/// A start cell s per cluster, uniform; its seed i with probability in proportion to 2 (1 - zhat_s . zhat_i) among the
/// cells that are no seed yet (Korsunsky et al.'s second program; the distance is to the start cell alone, not to the
/// seeds before). Where all distances are 0, the lowest free cell.
template <class Real>
Seeds draw_seeds(const Matrix<Real>& cells, std::size_t n_clusters, std::uint64_t seed);

/// `steps` of Lloyd's algorithm from the given cells; centroids are scaled to unit length at the end. A centroid
/// without cells takes the last cell of another that has two or more. [F x K]
template <class Real>
arma::mat first_centroids(const Matrix<Real>& cells, const std::vector<std::uint32_t>& seeds, std::int64_t steps);

/// Centroids as the right operand of a product over features: row f holds feature f of all centroids, and what becomes
/// of a product: scale * product + offset. Columns beyond the clusters get an offset that no cluster is below.
template <class Real>
struct Centroids {
    Buffer<Real> values;  // [F x width]
    Buffer<Real> scale;   // [width]
    Buffer<Real> offset;  // [width]
    std::size_t n_features = 0;
    std::size_t width = 0;
};

/// `width` at least the number of centroids, whole cache lines.
template <class Real>
Centroids<Real> pack(const arma::mat& centroids, const std::vector<double>& scale, const std::vector<double>& offset,
                     std::size_t width);

/// scale * (rows . centroids) + offset of `count` rows of `feature_width`. [count x width]
template <class Real>
void products(const Centroids<Real>& centroids, const Real* rows, std::size_t count, std::size_t feature_width,
              Real* out);

/// Columns of unit length; a column of 0 stays.
void scale_to_unit(arma::mat& columns);

}  // namespace bcbench::harmony
