#include "engine/methods/harmony/seeding.hpp"

#include <algorithm>
#include <cmath>

#include "engine/core/check.hpp"
#include "engine/core/operations.hpp"
#include "engine/core/parallel.hpp"
#include "engine/core/random_words.hpp"

namespace bcbench::harmony {

template <class Real>
Centroids<Real> pack(const arma::mat& centroids, const std::vector<double>& scale, const std::vector<double>& offset,
                     std::size_t width) {
    Centroids<Real> packed;
    const std::size_t n_clusters = centroids.n_cols;
    packed.n_features = centroids.n_rows;
    packed.width = width;
    packed.values = Buffer<Real>(packed.n_features * packed.width);
    packed.scale = Buffer<Real>(packed.width);
    packed.offset = Buffer<Real>(packed.width);
    packed.values.zero();
    packed.scale.zero();
    std::fill(packed.offset.get(), packed.offset.get() + packed.width, static_cast<Real>(-1e30));
    for (std::size_t k = 0; k < n_clusters; ++k) {
        for (std::size_t f = 0; f < packed.n_features; ++f) {
            packed.values.get()[f * packed.width + k] = static_cast<Real>(centroids(f, k));
        }
        packed.scale.get()[k] = static_cast<Real>(scale[k]);
        packed.offset.get()[k] = static_cast<Real>(offset[k]);
    }
    return packed;
}

template <class Real>
void products(const Centroids<Real>& centroids, const Real* rows, std::size_t count, std::size_t feature_width,
              Real* out) {
    multiply<Real>({count, centroids.n_features, centroids.width, rows, feature_width, 1, centroids.values.get(), out,
                    false, centroids.scale.get(), centroids.offset.get()});
}

void scale_to_unit(arma::mat& columns) {
    for (arma::uword k = 0; k < columns.n_cols; ++k) {
        const double largest = arma::abs(columns.col(k)).max();
        if (largest == 0.0) continue;
        columns.col(k) /= largest;
        columns.col(k) /= std::sqrt(arma::dot(columns.col(k), columns.col(k)));
    }
}

namespace {

/// One cell of unit length, in Real and then in double. [F]
template <class Real>
Matrix<Real> unit_cells(const Matrix<Real>& cells, const std::vector<std::uint32_t>& which) {
    const std::size_t width = padded<Real>(cells.n_rows);
    Buffer<Real> row(width);
    Matrix<Real> unit(cells.n_rows, which.size());
    for (std::size_t k = 0; k < which.size(); ++k) {
        load_rows(cells, which.data() + k, 1, width, row.get());
        to_unit(row.get(), 1, width);
        std::copy(row.get(), row.get() + cells.n_rows, unit.colptr(k));
    }
    return unit;
}

/// Below this a distance counts as none.
constexpr double least_distance = 1e-6;

template <class Real>
double distance(const Real* a, const Real* b, std::size_t n_features) {
    Real dot = 0;
    for (std::size_t f = 0; f < n_features; ++f) dot += a[f] * b[f];
    const double value = 2.0 * (1.0 - static_cast<double>(dot));
    return value < least_distance ? 0.0 : value;
}

/// Sums over tiles of cells of the distances to all start cells. [tile][width]
template <class Real>
std::vector<double> distance_sums(const Matrix<Real>& cells, const Matrix<Real>& starts, const Tiles& tiles) {
    const std::size_t n_clusters = starts.n_cols;
    const std::size_t feature_width = padded<Real>(cells.n_rows);
    const Centroids<Real> packed =
        pack<Real>(arma::conv_to<arma::mat>::from(starts), std::vector<double>(n_clusters, 1.0),
                   std::vector<double>(n_clusters), padded<Real>(n_clusters));
    std::vector<double> sums(tiles.count() * packed.width, 0.0);
    parallel_for(tiles.count(), [&](std::size_t t) {
        Buffer<Real> rows(tile_width * feature_width);
        Buffer<Real> dots(tile_width * packed.width);
        for (std::size_t done = 0; done < tiles.size(t); done += tile_width) {
            const std::size_t count = std::min(tile_width, tiles.size(t) - done);
            load_rows(cells, tiles.first(t) + done, count, feature_width, rows.get());
            to_unit(rows.get(), count, feature_width);
            products(packed, rows.get(), count, feature_width, dots.get());
            add_distances(dots.get(), count, packed.width, sums.data() + t * packed.width);
        }
    });
    return sums;
}

/// The cells of one tile of unit length, and their distances to one.
template <class Real>
std::vector<double> tile_distances(const Matrix<Real>& cells, std::size_t first, std::size_t count, const Real* start,
                                   const std::vector<char>& is_seed) {
    const std::size_t width = padded<Real>(cells.n_rows);
    Buffer<Real> rows(count * width);
    load_rows(cells, first, count, width, rows.get());
    to_unit(rows.get(), count, width);
    std::vector<double> distances(count);
    for (std::size_t i = 0; i < count; ++i) {
        distances[i] = is_seed[first + i] ? 0.0 : distance(rows.get() + i * width, start, cells.n_rows);
    }
    return distances;
}

}  // namespace

template <class Real>
Seeds draw_seeds(const Matrix<Real>& cells, std::size_t n_clusters, std::uint64_t seed) {
    const std::size_t n = cells.n_cols;
    Seeds drawn;
    std::vector<std::uint32_t> start_words(n_clusters);
    std::vector<std::uint32_t> seed_words(n_clusters);
    random_words(fold_in(make_key(seed), 0), 0, static_cast<std::uint32_t>(n_clusters), start_words.data());
    random_words(fold_in(make_key(seed), 1), 0, static_cast<std::uint32_t>(n_clusters), seed_words.data());
    for (const std::uint32_t word : start_words) {
        drawn.start_cells.push_back(static_cast<std::uint32_t>((std::uint64_t{word} * n) >> 32));
    }
    const Matrix<Real> starts = unit_cells(cells, drawn.start_cells);
    const Tiles tiles{n, tile_cells};
    const std::vector<double> sums = distance_sums(cells, starts, tiles);
    const std::size_t width = padded<Real>(n_clusters);
    count_operations(n, 2 * cells.n_rows * n_clusters);

    Matrix<Real> unit_seeds(cells.n_rows, n_clusters);
    std::vector<char> is_seed(n, 0);
    std::vector<char> has_seed(tiles.count(), 0);
    std::size_t lowest_free = 0;
    for (std::size_t k = 0; k < n_clusters; ++k) {
        const auto in_tile = [&](std::size_t t) {
            return tile_distances(cells, tiles.first(t), tiles.size(t), starts.colptr(k), is_seed);
        };
        std::vector<double> tile_sum(tiles.count());
        for (std::size_t t = 0; t < tiles.count(); ++t) tile_sum[t] = sums[t * width + k];
        for (std::size_t j = 0; j < k; ++j) {  // seeds take no part any more
            tile_sum[drawn.seeds[j] / tiles.width] -= distance(unit_seeds.colptr(j), starts.colptr(k), cells.n_rows);
        }
        double total = 0.0;
        for (std::size_t t = 0; t < tiles.count(); ++t) {
            if (has_seed[t] && tile_sum[t] < 1e-3) {  // so little is left that rounding would count
                tile_sum[t] = 0.0;
                for (const double d : in_tile(t)) tile_sum[t] += d;
            }
            total += tile_sum[t];
        }
        while (is_seed[lowest_free]) ++lowest_free;
        std::size_t chosen = lowest_free;
        const double wanted = (seed_words[k] + 0.5) / 4294967296.0 * total;
        double before = 0.0;
        for (std::size_t t = 0; total > 0.0 && t < tiles.count(); ++t) {
            if (!(before + tile_sum[t] > wanted)) {
                before += tile_sum[t];
                continue;
            }
            const std::vector<double> distances = in_tile(t);
            double cumulative = before;
            bool found = false;
            for (std::size_t i = 0; i < distances.size() && !found; ++i) {
                if (distances[i] == 0.0) continue;
                cumulative += distances[i];
                chosen = tiles.first(t) + i;  // the last one if rounding leaves the sum below what is wanted
                found = cumulative > wanted;
            }
            break;
        }
        drawn.seeds.push_back(static_cast<std::uint32_t>(chosen));
        is_seed[chosen] = 1;
        has_seed[chosen / tiles.width] = 1;
        unit_seeds.col(k) = unit_cells(cells, {static_cast<std::uint32_t>(chosen)});
    }
    return drawn;
}

namespace {

/// What a part of the cells contributes to the next centroids.
struct LloydSums {
    std::vector<double> sums;               // [K x F], feature by feature within a cluster
    std::vector<std::uint32_t> counts;      // [K]
    std::vector<std::uint32_t> last_cells;  // [K]
};

/// Centroids without cells take the last cell of one that has two or more: empty ones ascending, donors descending,
/// each donor once. The donor keeps its mean.
template <class Real>
void fill_empty(const Matrix<Real>& cells, const LloydSums& total, arma::mat& centroids) {
    std::size_t donor = total.counts.size();
    for (std::size_t k = 0; k < total.counts.size(); ++k) {
        if (total.counts[k] > 0) continue;
        do {
            if (donor == 0) return;
            --donor;
        } while (total.counts[donor] < 2);
        centroids.col(k) = arma::conv_to<arma::mat>::from(unit_cells(cells, {total.last_cells[donor]}));
    }
}

template <class Real>
LloydSums lloyd_sums(const Matrix<Real>& cells, const Centroids<Real>& packed, std::size_t n_clusters) {
    const std::size_t n_features = cells.n_rows;
    const std::size_t feature_width = padded<Real>(n_features);
    const Tiles chunks = chunks_of(cells.n_cols);
    std::vector<LloydSums> parts(chunks.count());
    parallel_for(chunks.count(), [&](std::size_t c) {
        LloydSums& part = parts[c];
        part.sums.assign(n_clusters * feature_width, 0.0);
        part.counts.assign(n_clusters, 0);
        part.last_cells.assign(n_clusters, 0);
        Buffer<Real> rows(tile_width * feature_width);
        Buffer<Real> dots(tile_width * packed.width);
        std::uint32_t nearest[tile_width];
        const std::size_t end = chunks.first(c) + chunks.size(c);
        for (std::size_t first = chunks.first(c); first < end; first += tile_width) {
            const std::size_t count = std::min(tile_width, end - first);
            load_rows(cells, first, count, feature_width, rows.get());
            to_unit(rows.get(), count, feature_width);
            products(packed, rows.get(), count, feature_width, dots.get());
            find_largest(dots.get(), count, packed.width, nearest);
            for (std::size_t i = 0; i < count; ++i) {
                add_to(rows.get() + i * feature_width, feature_width, part.sums.data() + nearest[i] * feature_width);
                ++part.counts[nearest[i]];
                part.last_cells[nearest[i]] = static_cast<std::uint32_t>(first + i);
            }
        }
    });
    LloydSums total = std::move(parts[0]);
    for (std::size_t c = 1; c < parts.size(); ++c) {
        for (std::size_t i = 0; i < total.sums.size(); ++i) total.sums[i] += parts[c].sums[i];
        for (std::size_t k = 0; k < n_clusters; ++k) {
            total.counts[k] += parts[c].counts[k];
            if (parts[c].counts[k] > 0) total.last_cells[k] = parts[c].last_cells[k];
        }
    }
    return total;
}

}  // namespace

template <class Real>
arma::mat first_centroids(const Matrix<Real>& cells, const std::vector<std::uint32_t>& seeds, std::int64_t steps) {
    const std::size_t n_clusters = seeds.size();
    const std::size_t n_features = cells.n_rows;
    const std::size_t feature_width = padded<Real>(n_features);
    arma::mat centroids = arma::conv_to<arma::mat>::from(unit_cells(cells, seeds));
    for (std::int64_t step = 0; step < steps; ++step) {
        // nearest: largest y . zhat - |y|^2 / 2
        std::vector<double> offset(n_clusters);
        for (std::size_t k = 0; k < n_clusters; ++k) offset[k] = -0.5 * arma::dot(centroids.col(k), centroids.col(k));
        const Centroids<Real> packed =
            pack<Real>(centroids, std::vector<double>(n_clusters, 1.0), offset, padded<Real>(n_clusters));
        const LloydSums total = lloyd_sums(cells, packed, n_clusters);
        count_operations(cells.n_cols, 2 * n_features * n_clusters);
        centroids.zeros();
        for (std::size_t k = 0; k < n_clusters; ++k) {
            if (total.counts[k] == 0) continue;
            for (std::size_t f = 0; f < n_features; ++f) {
                centroids(f, k) = total.sums[k * feature_width + f] / total.counts[k];
            }
        }
        fill_empty(cells, total, centroids);
    }
    scale_to_unit(centroids);
    return centroids;
}

#define BCBENCH_INSTANTIATE(Real)                                                                           \
    template Centroids<Real> pack(const arma::mat&, const std::vector<double>&, const std::vector<double>&, \
                                  std::size_t);                                                             \
    template void products(const Centroids<Real>&, const Real*, std::size_t, std::size_t, Real*);           \
    template Seeds draw_seeds(const Matrix<Real>&, std::size_t, std::uint64_t);                             \
    template arma::mat first_centroids(const Matrix<Real>&, const std::vector<std::uint32_t>&, std::int64_t)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::harmony
