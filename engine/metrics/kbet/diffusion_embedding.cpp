#include "engine/metrics/kbet/diffusion_embedding.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/core/check.hpp"
#include "engine/core/operations.hpp"
#include "engine/core/parallel.hpp"
#include "engine/linear/extreme_eigenpairs.hpp"

namespace bcbench {

namespace {

using arma::uword;

constexpr uword few_nodes = 500;            // up to here all eigenpairs are cheaper than the leading ones
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

// Adds row i of M times x [b x n] to sum [b], b known to the compiler: the sums stay in registers.
template <uword width>
void add_row(const Diffusion& diffusion, std::size_t i, const arma::mat& x, double* sum) {
    double sums[width] = {};
    for (std::size_t e = diffusion.graph.start[i]; e < diffusion.graph.start[i + 1]; ++e) {
        const double* const other = x.memptr() + width * diffusion.graph.target[e];
        const double value = diffusion.value[e];
        for (uword c = 0; c < width; ++c) sums[c] += value * other[c];
    }
    for (uword c = 0; c < width; ++c) sum[c] = sums[c];
}

// x M for x [b x n], a column per node.
arma::mat times_diffusion(const arma::mat& x, const Diffusion& diffusion) {
    const WeightedGraph& graph = diffusion.graph;
    const uword width = x.n_rows;
    count_operations(graph.target.size(), 2 * width);
    arma::mat product(width, x.n_cols, arma::fill::zeros);
    const Tiles tiles{graph.count(), rows_at_a_time};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        for (std::size_t i = tiles.first(tile); i < tiles.first(tile) + tiles.size(tile); ++i) {
            double* const sum = product.colptr(i);
            if (width == 8) {
                add_row<8>(diffusion, i, x, sum);
                continue;
            }
            for (std::size_t e = graph.start[i]; e < graph.start[i + 1]; ++e) {
                const double* const other = x.colptr(graph.target[e]);
                for (uword c = 0; c < width; ++c) sum[c] += diffusion.value[e] * other[c];
            }
        }
    });
    return product;
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
    const auto product = [&](const arma::mat& x) { return times_diffusion(x, diffusion); };
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
