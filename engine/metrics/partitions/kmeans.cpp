#include "engine/metrics/partitions/kmeans.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

#include "engine/core/check.hpp"
#include "engine/core/checkpoint.hpp"
#include "engine/core/parallel.hpp"
#include "engine/core/random.hpp"
#include "engine/metrics/groups.hpp"
#include "engine/metrics/partitions/centre_distances.hpp"

namespace bcbench::kmeans {

namespace {

/// The first of 0 .. n-1 in a random order: as many rounds of sorting by random words as make equal words of all rounds
/// unlikely.
std::uint32_t first_of_random_order(Key key, std::uint32_t n) {
    const double rounds = std::ceil(3.0 * std::log(static_cast<double>(n)) / std::log(4294967295.0));
    std::vector<std::uint32_t> order(n);
    std::iota(order.begin(), order.end(), 0U);
    for (double round = 0.0; round < rounds; round += 1.0) {
        const std::vector<Key> keys = split(key, 2);
        key = keys[0];
        const std::vector<std::uint32_t> places = permutation(keys[1], n);
        std::vector<std::uint32_t> sorted(n);
        for (std::uint32_t i = 0; i < n; ++i) sorted[i] = order[places[i]];
        order = std::move(sorted);
    }
    return order[0];
}

/// The sum of `values` in a fixed order.
double sum_in_chunks(const std::vector<double>& values) {
    const Tiles chunks = chunks_of(values.size());
    std::vector<double> partial(chunks.count(), 0.0);
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        const auto first = values.begin() + static_cast<std::ptrdiff_t>(chunks.first(chunk));
        partial[chunk] = std::accumulate(first, first + static_cast<std::ptrdiff_t>(chunks.size(chunk)), 0.0);
    });
    return std::accumulate(partial.begin(), partial.end(), 0.0);
}

/// `count` different cells drawn with weights D: the largest of Gumbel draw + ln D / sum D, ties by lower index, the
/// largest first.
std::vector<std::uint32_t> draw_candidates(Key key, const std::vector<double>& weight, std::size_t count) {
    const double total = sum_in_chunks(weight);
    std::vector<double> score(weight.size());
    const Tiles tiles{weight.size(), tile_cells};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        for (std::size_t i = tiles.first(tile); i < tiles.first(tile) + tiles.size(tile); ++i) {
            const float u = uniform_from_word(random_word(key, i), std::numeric_limits<float>::min(), 1.0F);
            const float gumbel = -std::log(-std::log(u));
            score[i] = weight[i] > 0.0 ? static_cast<double>(gumbel) + std::log(weight[i] / total)
                                       : -std::numeric_limits<double>::infinity();
        }
    });
    std::vector<std::uint32_t> order(weight.size());
    std::iota(order.begin(), order.end(), 0U);
    const auto middle = order.begin() + static_cast<std::ptrdiff_t>(std::min(count, order.size()));
    std::partial_sort(order.begin(), middle, order.end(), [&score](std::uint32_t a, std::uint32_t b) {
        return score[a] > score[b] || (score[a] == score[b] && a < b);
    });
    order.erase(middle, order.end());
    return order;
}

arma::mat columns_of_cells(const CentredCells& cells, const std::vector<std::uint32_t>& which) {
    arma::mat chosen(cells.values.n_rows, which.size());
    for (std::size_t c = 0; c < which.size(); ++c) chosen.col(c) = cells.values.col(which[c]);
    return chosen;
}

/// min(D_i, squared distance from each candidate). [n x candidates]
arma::mat with_candidates(const CentredCells& cells, const std::vector<double>& weight,
                          const std::vector<std::uint32_t>& candidates) {
    const arma::mat places = columns_of_cells(cells, candidates);
    arma::mat left(weight.size(), candidates.size());
    const Tiles tiles{weight.size(), tile_cells};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        const arma::mat distance = squared_distances(cells, tiles.first(tile), tiles.size(tile), places);
        for (arma::uword i = 0; i < tiles.size(tile); ++i) {
            const arma::uword cell = tiles.first(tile) + i;
            for (arma::uword c = 0; c < candidates.size(); ++c) {
                left(cell, c) = std::min(weight[cell], distance(c, i));
            }
        }
    });
    return left;
}

/// The cells to start from.
std::vector<std::uint32_t> seeds(const CentredCells& cells, std::size_t n_clusters, Key key) {
    const auto n_cells = static_cast<std::uint32_t>(cells.values.n_cols);
    const auto n_candidates = static_cast<std::size_t>(2.0 + std::floor(std::log(static_cast<double>(n_clusters))));
    std::vector<Key> keys = split(key, 2);
    std::vector<std::uint32_t> chosen = {first_of_random_order(keys[1], n_cells)};
    std::vector<double> weight(n_cells, std::numeric_limits<double>::infinity());
    weight = arma::conv_to<std::vector<double>>::from(with_candidates(cells, weight, chosen).col(0));
    while (chosen.size() < n_clusters) {
        checkpoint();
        keys = split(keys[0], 2);
        const std::vector<std::uint32_t> candidates = draw_candidates(keys[1], weight, n_candidates);
        const arma::mat left = with_candidates(cells, weight, candidates);
        std::size_t best = 0;
        double smallest = std::numeric_limits<double>::infinity();
        for (std::size_t c = 0; c < candidates.size(); ++c) {
            const double sum = sum_in_chunks(arma::conv_to<std::vector<double>>::from(left.col(c)));
            if (!(sum < smallest)) continue;
            smallest = sum;
            best = c;
        }
        chosen.push_back(candidates[best]);
        weight = arma::conv_to<std::vector<double>>::from(left.col(best));
    }
    return chosen;
}

/// The mean of the cells of each cluster; 0, the mean of all cells, for a cluster without any. [F x K]
arma::mat means_of(const CentredCells& cells, const std::vector<std::uint32_t>& cluster, arma::uword n_clusters) {
    const Tiles chunks = chunks_of(cluster.size());
    std::vector<arma::mat> partial(chunks.count());
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        partial[chunk].zeros(cells.values.n_rows, n_clusters);
        for (std::size_t i = chunks.first(chunk); i < chunks.first(chunk) + chunks.size(chunk); ++i) {
            partial[chunk].col(cluster[i]) += cells.values.col(i);
        }
    });
    arma::mat means(cells.values.n_rows, n_clusters, arma::fill::zeros);
    for (const arma::mat& sums : partial) means += sums;
    std::vector<std::size_t> size(n_clusters, 0);
    for (const std::uint32_t c : cluster) ++size[c];
    for (arma::uword c = 0; c < n_clusters; ++c) {
        if (size[c] > 0) means.col(c) /= static_cast<double>(size[c]);
    }
    return means;
}

double inertia_of(const CentredCells& cells, const Clustering& clustering) {
    std::vector<double> squared(cells.values.n_cols);
    const Tiles tiles{squared.size(), tile_cells};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        for (std::size_t i = tiles.first(tile); i < tiles.first(tile) + tiles.size(tile); ++i) {
            const double* centre = clustering.centres.colptr(clustering.cluster[i]);
            squared[i] = squared_distance(cells.values.colptr(i), centre, cells.values.n_rows);
        }
    });
    return sum_in_chunks(squared);
}

/// One initialisation. The centres are about the mean of the cells.
Clustering cluster_from(const CentredCells& cells, const Options& options, Key key) {
    Clustering clustering;
    clustering.first_cells = seeds(cells, static_cast<std::size_t>(options.n_clusters), key);
    clustering.centres = columns_of_cells(cells, clustering.first_cells);
    clustering.cluster = nearest_centres(cells, clustering.centres);
    while (!clustering.converged && clustering.n_rounds < options.n_max_rounds) {
        checkpoint();
        clustering.centres = means_of(cells, clustering.cluster, clustering.centres.n_cols);
        std::vector<std::uint32_t> moved = nearest_centres(cells, clustering.centres);
        clustering.converged = moved == clustering.cluster;
        clustering.cluster = std::move(moved);
        ++clustering.n_rounds;
    }
    clustering.inertia = inertia_of(cells, clustering);
    return clustering;
}

}  // namespace

void validate(const Options& options, std::size_t n_cells) {
    if (options.n_clusters < 1 || static_cast<std::uint64_t>(options.n_clusters) > n_cells) {
        throw std::invalid_argument("k-means needs between 1 and as many clusters as cells, " +
                                    std::to_string(n_cells) + ", not " + std::to_string(options.n_clusters));
    }
    require(options.n_init >= 1, "k-means needs at least 1 initialisation (n_init)");
    require(options.n_init <= 1000000, "k-means takes at most 1000000 initialisations (n_init)");
    require(options.n_max_rounds >= 1, "k-means needs at least 1 round (n_max_rounds)");
}

template <class Real>
Clustering cluster(const Matrix<Real>& cells, const Options& options) {
    validate(options, cells.n_cols);
    require_finite(cells, "a cell given to k-means");
    const CentredCells centred(cells);
    if (!centred.norm.is_finite()) throw NumericalError("the squared distances of the cells overflow in k-means");
    Clustering best;
    for (const Key key : split(make_key(options.seed), static_cast<std::uint32_t>(options.n_init))) {
        Clustering clustering = cluster_from(centred, options, key);
        if (best.cluster.empty() || clustering.inertia < best.inertia) best = std::move(clustering);
    }
    best.centres.each_col() += centred.mean;
    return best;
}

template <class Real>
Clustering cluster_as_labels(const Matrix<Real>& cells, const Labels& label, Options options) {
    options.n_clusters = static_cast<std::int64_t>(groups_of(label, cells.n_cols, "labels").count());
    return cluster(cells, options);
}

template Clustering cluster(const Matrix<float>&, const Options&);
template Clustering cluster(const Matrix<double>&, const Options&);
template Clustering cluster_as_labels(const Matrix<float>&, const Labels&, Options);
template Clustering cluster_as_labels(const Matrix<double>&, const Labels&, Options);

}  // namespace bcbench::kmeans
