#include "engine/metrics/kbet/diffusion_embedding.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/core/check.hpp"
#include "engine/core/operations.hpp"
#include "engine/core/parallel.hpp"
#include "engine/linear/extreme_eigenpairs.hpp"
#include "engine/linear/sparse_rows.hpp"

namespace bcbench {

namespace {

using arma::uword;

constexpr uword few_nodes = 350;            // up to here all eigenpairs are cheaper than the leading ones
constexpr uword most_nodes_at_once = 4000;  // up to here all eigenpairs may be computed where the iteration fails
constexpr std::size_t rows_at_a_time = 512;

// M with the structure of the graph, and the square roots of z.
struct Diffusion {
    const WeightedGraph& graph;
    std::vector<double> value;  // [2 x edges]
    arma::vec root;             // [n]
};

Diffusion diffusion_of(const WeightedGraph& graph) {
    const std::size_t n = graph.count();
    const std::vector<double> q = strengths(graph);
    Diffusion diffusion{graph, graph.weight, arma::vec(n, arma::fill::zeros)};
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t e = graph.start[i]; e < graph.start[i + 1]; ++e) {
            diffusion.value[e] /= q[i] * q[graph.target[e]];
            diffusion.root[i] += diffusion.value[e];
        }
    }
    diffusion.root = arma::sqrt(diffusion.root);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t e = graph.start[i]; e < graph.start[i + 1]; ++e) {
            diffusion.value[e] /= diffusion.root[i] * diffusion.root[graph.target[e]];
        }
    }
    return diffusion;
}

// y <- factor x M - y for x and y [b x n], a column per node.
void recur(const Diffusion& diffusion, const arma::mat& x, double factor, arma::mat& y) {
    count_operations(diffusion.graph.target.size(), 2 * x.n_rows);
    const Tiles tiles{diffusion.graph.count(), rows_at_a_time};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        const linear::SparseRows rows{diffusion.graph.start.data(), diffusion.graph.target.data(),
                                      diffusion.value.data(), tiles.first(tile), tiles.size(tile)};
        linear::recur(rows, x, factor, y);
    });
}

Eigenpairs all_eigenpairs(const Diffusion& diffusion, uword count) {
    const WeightedGraph& graph = diffusion.graph;
    arma::mat dense(graph.count(), graph.count(), arma::fill::zeros);
    for (std::size_t i = 0; i < graph.count(); ++i) {
        for (std::size_t e = graph.start[i]; e < graph.start[i + 1]; ++e)
            dense(graph.target[e], i) = diffusion.value[e];
    }
    return largest_eigenpairs(dense, count);
}

// The eigenvectors of eigenvalue 1 are known: the square roots of z on one component, 0 elsewhere. [n x components]
arma::mat constant_functions(const Diffusion& diffusion) {
    const auto components = connected_components(diffusion.graph);
    arma::mat functions(diffusion.graph.count(), components.size(), arma::fill::zeros);
    for (std::size_t c = 0; c < components.size(); ++c) {
        for (const std::uint32_t node : components[c]) functions(node, c) = diffusion.root[node];
    }
    return arma::normalise(functions);
}

Eigenpairs leading_eigenpairs(const Diffusion& diffusion, uword count) {
    const uword n = diffusion.graph.count();
    const arma::mat known = constant_functions(diffusion);
    if (n <= few_nodes || n < 3 * count + 32 + known.n_cols) return all_eigenpairs(diffusion, count);
    const auto product = [&](const arma::mat& x, double factor, arma::mat& y) { recur(diffusion, x, factor, y); };
    auto found = largest_eigenpairs(product, n, count, known);
    if (found) return std::move(*found);
    if (n > most_nodes_at_once) {
        throw NumericalError("the diffusion embedding of " + std::to_string(n) + " cells did not converge");
    }
    return all_eigenpairs(diffusion, count);
}

double weight_of(double eigenvalue) {
    const float shifted = static_cast<float>(eigenvalue) + 1e-8F;
    return shifted == 1.0F ? 1.0 : static_cast<double>(shifted / (1.0F - shifted));
}

}  // namespace

DiffusionEmbedding diffusion_embedding(const WeightedGraph& graph, uword n_components) {
    require(n_components >= 1, "a diffusion embedding needs at least 1 component");
    require(graph.count() >= 1, "a diffusion embedding needs cells");
    for (std::size_t i = 0; i < graph.count(); ++i) {
        require(graph.start[i + 1] > graph.start[i], "a diffusion embedding needs an edge at every cell");
    }
    Eigenpairs pairs = leading_eigenpairs(diffusion_of(graph), std::min<uword>(n_components, graph.count()));
    DiffusionEmbedding embedding;
    embedding.coordinates = pairs.vectors.t();
    for (uword c = 0; c < pairs.values.n_elem; ++c) embedding.coordinates.row(c) *= weight_of(pairs.values[c]);
    embedding.eigenvalues = std::move(pairs.values);
    return embedding;
}

}  // namespace bcbench
