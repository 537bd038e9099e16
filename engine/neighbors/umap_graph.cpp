#include "engine/neighbors/umap_graph.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/core/parallel.hpp"
#include "engine/neighbors/umap_weights.hpp"

namespace bcbench {

namespace {

using arma::uword;

constexpr std::size_t cells_at_a_time = 512;
constexpr double smallest_share = 0.001;  // of the mean distance: the least sigma

// One direction: each cell's weights to its neighbours.
struct Directed {
    arma::Mat<std::uint32_t> target;  // [others x n] rising within a column
    Matrix<double> weight;            // [others x n] 0: no edge
};

double mean_distance(const NeighborsView& neighbors) {
    const uword n = neighbors.n_cells();
    const Tiles tiles{n, cells_at_a_time};
    std::vector<double> partial(tiles.count(), 0.0);
    parallel_for(tiles.count(), [&](std::size_t tile) {
        for (uword i = tiles.first(tile); i < tiles.first(tile) + tiles.size(tile); ++i) {
            for (uword r = 0; r < neighbors.k(); ++r) partial[tile] += std::sqrt(neighbors.squared_distance(i)[r]);
        }
    });
    double sum = 0.0;
    for (const double part : partial) sum += part;
    return sum / (static_cast<double>(n) * static_cast<double>(neighbors.k() + 1));
}

struct CellWork {
    std::vector<double> distance;  // [others]
    std::vector<double> excess;    // [others, padded to a multiple of 8] max(d - rho, 0), infinity in the padding
    std::vector<double> weight;    // [the same]
    std::vector<std::pair<std::uint32_t, double>> edges;  // [others]
};

void weigh_cell(const NeighborsView& neighbors, uword i, double mean_of_all, CellWork& work, Directed& directed) {
    const std::size_t others = directed.target.n_rows;
    const auto counted = static_cast<double>(others + 1);
    double rho = 0.0;
    double sum = 0.0;
    for (std::size_t r = others; r-- > 0;) {
        work.distance[r] = std::sqrt(neighbors.squared_distance(i)[r]);
        if (work.distance[r] > 0.0) rho = work.distance[r];  // from far to near: the smallest positive one stays
        sum += work.distance[r];
    }
    for (std::size_t r = 0; r < others; ++r) work.excess[r] = std::max(work.distance[r] - rho, 0.0);
    double sigma = umap_weights::bisected_sigma(work.excess.data(), work.excess.size(), std::log2(counted));
    sigma = std::max(sigma, smallest_share * (rho > 0.0 ? sum / counted : mean_of_all));
    umap_weights::weigh(work.excess.data(), work.excess.size(), sigma, work.weight.data());
    for (std::size_t r = 0; r < others; ++r) {
        const double weight = work.excess[r] > 0.0 ? work.weight[r] : 1.0;
        const bool edge = static_cast<float>(weight) > 0.0F;
        work.edges[r] = {neighbors.index(i)[r], edge ? weight : 0.0};
    }
    std::sort(work.edges.begin(), work.edges.end());
    for (std::size_t r = 0; r < others; ++r) {
        directed.target(r, i) = work.edges[r].first;
        directed.weight(r, i) = work.edges[r].second;
    }
}

Directed directed_weights(const NeighborsView& neighbors) {
    const uword n = neighbors.n_cells();
    const uword others = neighbors.k();
    Directed directed;
    directed.target.set_size(others, n);
    directed.weight.set_size(others, n);
    const double mean_of_all = mean_distance(neighbors);
    if (!std::isfinite(mean_of_all)) throw NumericalError("the distances of the cells leave the range of doubles");
    const Tiles tiles{n, cells_at_a_time};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        CellWork work;
        work.distance.resize(others);
        constexpr std::size_t together = umap_weights::at_a_time;
        work.excess.assign((others + together - 1) / together * together, std::numeric_limits<double>::infinity());
        work.weight.resize(work.excess.size());
        work.edges.resize(others);
        for (uword i = tiles.first(tile); i < tiles.first(tile) + tiles.size(tile); ++i) {
            weigh_cell(neighbors, i, mean_of_all, work, directed);
        }
    });
    return directed;
}

// The edges that point at each cell, by rising source.
WeightedGraph reversed(const Directed& directed) {
    const uword n = directed.target.n_cols;
    WeightedGraph incoming;
    incoming.start.assign(n + 1, 0);
    for (uword e = 0; e < directed.target.n_elem; ++e) {
        if (directed.weight[e] > 0.0) ++incoming.start[directed.target[e] + 1];
    }
    for (uword i = 0; i < n; ++i) incoming.start[i + 1] += incoming.start[i];
    incoming.target.resize(incoming.start.back());
    incoming.weight.resize(incoming.start.back());
    std::vector<std::size_t> place(incoming.start.begin(), incoming.start.end() - 1);
    for (uword i = 0; i < n; ++i) {
        for (uword r = 0; r < directed.target.n_rows; ++r) {
            if (directed.weight(r, i) <= 0.0) continue;
            const std::size_t at = place[directed.target(r, i)]++;
            incoming.target[at] = static_cast<std::uint32_t>(i);
            incoming.weight[at] = directed.weight(r, i);
        }
    }
    return incoming;
}

// Calls edge(target, w_out, w_in) for every cell that `i` points at or that points at `i`, by rising target.
template <class Edge>
void for_each_edge(const Directed& out, const WeightedGraph& in, uword i, const Edge& edge) {
    const uword others = out.target.n_rows;
    uword r = 0;
    std::size_t e = in.start[i];
    while (true) {
        while (r < others && out.weight(r, i) <= 0.0) ++r;
        const bool more_out = r < others;
        const bool more_in = e < in.start[i + 1];
        if (!more_out && !more_in) return;
        if (more_out && more_in && out.target(r, i) == in.target[e]) {
            edge(in.target[e], out.weight(r, i), in.weight[e]);
            ++r, ++e;
        } else if (more_out && (!more_in || out.target(r, i) < in.target[e])) {
            edge(out.target(r, i), out.weight(r, i), 0.0);
            ++r;
        } else {
            edge(in.target[e], 0.0, in.weight[e]);
            ++e;
        }
    }
}

}  // namespace

WeightedGraph umap_graph(const NeighborsView& neighbors, const UmapGraphOptions& options) {
    const uword n = neighbors.n_cells();
    require(n > 0, "a graph needs cells");
    if (options.n_others < 1) {
        throw std::invalid_argument("the neighbours of each cell in a UMAP graph are " +
                                    std::to_string(options.n_others) + " and must be at least 1");
    }
    const Directed out = directed_weights(neighbors.nearest(static_cast<uword>(options.n_others)));
    const WeightedGraph in = reversed(out);
    WeightedGraph graph;
    graph.start.assign(n + 1, 0);
    const Tiles tiles{n, cells_at_a_time};
    const auto for_each_cell = [&](const auto& body) {
        parallel_for(tiles.count(), [&](std::size_t tile) {
            for (uword i = tiles.first(tile); i < tiles.first(tile) + tiles.size(tile); ++i) body(i);
        });
    };
    for_each_cell(
        [&](uword i) { for_each_edge(out, in, i, [&](std::uint32_t, double, double) { ++graph.start[i + 1]; }); });
    for (uword i = 0; i < n; ++i) graph.start[i + 1] += graph.start[i];
    graph.target.resize(graph.start.back());
    graph.weight.resize(graph.start.back());
    for_each_cell([&](uword i) {
        std::size_t at = graph.start[i];
        for_each_edge(out, in, i, [&](std::uint32_t target, double w_out, double w_in) {
            graph.target[at] = target;
            graph.weight[at++] = w_out + w_in - w_out * w_in;
        });
    });
    return graph;
}

}  // namespace bcbench
