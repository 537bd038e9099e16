#include "engine/neighbors/tiles.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "engine/core/parallel.hpp"

namespace bcbench::neighbor_search {

namespace {

constexpr std::size_t sample_size = 128;  // cells that decide a direction
constexpr int power_iterations = 4;
constexpr double rounding_room = 1e-9;  // relative; covers sums over up to a million features

struct Range {
    std::size_t first, last;  // places first .. last-1
};

/// The leading principal direction of a sample of the cells of `range`, roughly: any direction gives right
/// results, a good one compact tiles. Empty if the cells do not differ or their products leave the range of
/// doubles.
template <class Real>
Vector<Real> main_direction(const Matrix<Real>& cells, const std::vector<std::uint32_t>& order, Range range) {
    const std::size_t size = range.last - range.first;
    const std::size_t sampled = std::min(sample_size, size);
    arma::mat sample(cells.n_rows, sampled);  // [F x sampled]
    for (std::size_t s = 0; s < sampled; ++s) {
        sample.col(s) = arma::conv_to<arma::vec>::from(cells.col(order[range.first + s * size / sampled]));
    }
    const arma::vec mean = arma::mean(sample, 1);
    sample.each_col() -= mean;
    const double largest = arma::abs(sample).max();
    if (!(largest > 0.0) || !std::isfinite(largest)) return {};
    sample /= largest;
    arma::vec direction = sample.col(arma::sum(arma::square(sample), 0).index_max());
    for (int i = 0; i < power_iterations; ++i) {
        const arma::vec weights = sample.t() * direction;
        direction = arma::normalise(sample * weights);
    }
    if (!direction.is_finite()) return {};
    return arma::conv_to<Vector<Real>>::from(direction);
}

/// Sorts the places of `range` so that the lower part of the projections fills whole tiles; returns the cut.
template <class Real>
std::size_t halve(const Matrix<Real>& cells, Range range, std::vector<std::uint32_t>& order) {
    const std::size_t size = range.last - range.first;
    const std::size_t tiles = (size + tile_width - 1) / tile_width;
    const std::size_t cut = range.first + (tiles + 1) / 2 * tile_width;
    const Vector<Real> direction = main_direction(cells, order, range);
    if (direction.is_empty()) return cut;
    std::vector<std::pair<double, std::uint32_t>> keys(size);
    for (std::size_t i = 0; i < size; ++i) {
        const std::uint32_t cell = order[range.first + i];
        const auto projection = static_cast<double>(arma::dot(direction, cells.unsafe_col(cell)));
        keys[i] = {std::isfinite(projection) ? projection : 0.0, cell};
    }
    const auto offset = [](std::size_t i) { return static_cast<std::ptrdiff_t>(i); };
    std::nth_element(keys.begin(), keys.begin() + offset(cut - range.first), keys.end());
    for (std::size_t i = 0; i < size; ++i) order[range.first + i] = keys[i].second;
    return cut;
}

template <class Real>
std::vector<std::uint32_t> compact_order(const Matrix<Real>& cells) {
    std::vector<std::uint32_t> order(cells.n_cols);
    std::iota(order.begin(), order.end(), 0U);
    std::vector<Range> ranges{{0, order.size()}};
    while (!ranges.empty()) {
        std::erase_if(ranges, [](Range range) { return range.last - range.first <= tile_width; });
        std::vector<Range> halves(2 * ranges.size());
        parallel_for(ranges.size(), [&](std::size_t r) {
            const std::size_t cut = halve(cells, ranges[r], order);
            halves[2 * r] = {ranges[r].first, cut};
            halves[2 * r + 1] = {cut, ranges[r].last};
        });
        ranges = std::move(halves);
    }
    return order;
}

/// Copies the cells of `tile` feature by feature and measures its centre and radius.
template <class Real>
void fill_tile(const Matrix<Real>& cells, std::size_t tile, CellTiles<Real>& tiles) {
    const std::size_t size = tiles.size(tile);
    arma::vec sum(cells.n_rows, arma::fill::zeros);  // [F]
    for (std::size_t i = 0; i < tile_width; ++i) {
        const Real* cell = cells.colptr(tiles.order[tile * tile_width + std::min(i, size - 1)]);
        for (std::size_t f = 0; f < cells.n_rows; ++f) {
            tiles.values(i, tile * cells.n_rows + f) = cell[f];
            if (i < size) sum[f] += static_cast<double>(cell[f]);
        }
    }
    for (std::size_t f = 0; f < cells.n_rows; ++f) {
        tiles.centre(f, tile) = static_cast<Real>(sum[f] / static_cast<double>(size));
    }
    for (std::size_t i = 0; i < size; ++i) {
        const Real* cell = cells.colptr(tiles.order[tile * tile_width + i]);
        const double distance = distance_at_most(cell, tiles.centre.colptr(tile), cells.n_rows);
        tiles.radius[tile] = std::max(tiles.radius[tile], distance);
    }
}

template <class Real>
double sum_of_squares(const Real* x, const Real* y, std::size_t n_features) {
    double sum = 0.0;
    for (std::size_t f = 0; f < n_features; ++f) {
        const double difference = static_cast<double>(x[f]) - static_cast<double>(y[f]);
        sum += difference * difference;
    }
    return sum;
}

/// What the squares of one sum can have lost below the smallest double.
double lost_to_underflow(std::size_t n_features) {
    return static_cast<double>(n_features) * std::numeric_limits<double>::denorm_min();
}

}  // namespace

template <class Real>
std::size_t CellTiles<Real>::size(std::size_t tile) const {
    return std::min(tile_width, order.size() - tile * tile_width);
}

template <class Real>
CellTiles<Real> cut_into_tiles(const Matrix<Real>& cells) {
    CellTiles<Real> tiles;
    tiles.order = compact_order(cells);
    const std::size_t count = (cells.n_cols + tile_width - 1) / tile_width;
    tiles.values.set_size(tile_width, cells.n_rows * count);
    tiles.centre.set_size(cells.n_rows, count);
    tiles.radius.assign(count, 0.0);
    parallel_for(count, [&](std::size_t tile) { fill_tile(cells, tile, tiles); });
    return tiles;
}

template <class Real>
double distance_at_most(const Real* x, const Real* y, std::size_t n_features) {
    const double sum = sum_of_squares(x, y, n_features) + lost_to_underflow(n_features);
    return std::isnan(sum) ? std::numeric_limits<double>::infinity() : std::sqrt(sum) * (1.0 + rounding_room);
}

template <class Real>
double distance_at_least(const Real* x, const Real* y, std::size_t n_features) {
    const double sum = sum_of_squares(x, y, n_features) - lost_to_underflow(n_features);
    return sum > 0.0 && std::isfinite(sum) ? std::sqrt(sum) * (1.0 - rounding_room) : 0.0;
}

template struct CellTiles<float>;
template struct CellTiles<double>;
template CellTiles<float> cut_into_tiles(const Matrix<float>&);
template CellTiles<double> cut_into_tiles(const Matrix<double>&);
template double distance_at_most(const float*, const float*, std::size_t);
template double distance_at_most(const double*, const double*, std::size_t);
template double distance_at_least(const float*, const float*, std::size_t);
template double distance_at_least(const double*, const double*, std::size_t);

}  // namespace bcbench::neighbor_search
