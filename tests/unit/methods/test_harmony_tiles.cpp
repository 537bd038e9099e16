// differentiable_harmony in tiles: against its reference where tiles are full, partial and many, far from 0, with every
// instruction set, and the same bits for any number of threads.
#include <catch2/catch.hpp>

#include "engine/core/parallel.hpp"
#include "engine/kernels/kernel_sum.hpp"
#include "engine/methods/differentiable_harmony/method.hpp"
#include "engine/reference/methods.hpp"
#include "tests/support/golden.hpp"
#include "tests/unit/instruction_sets.hpp"

using namespace bcbench;
using namespace bcbench::testing;
namespace harmony = bcbench::differentiable_harmony;

namespace {

// Cells in batches that alternate irregularly; batch 1 has a single cell.
template <class Real>
Dataset<Real> mixed_batches(arma::uword n, arma::uword n_features) {
    Dataset<Real> data;
    data.cells = arma::conv_to<Matrix<Real>>::from(0.3F * normal(make_key(1), n_features, n));
    data.batch.names = {"a", "b", "c"};
    for (arma::uword i = 0; i < n; ++i) data.batch.code.push_back(i == n / 2 ? 1U : (i * i % 7 < 3 ? 0U : 2U));
    return data;
}

// Whether a cell's top cluster is another one in the arithmetic of `data` than in double, at some iteration: where two
// tie but for rounding, the cell takes another step.
template <class Real>
bool chooses_otherwise(const Dataset<Real>& data, const harmony::Parameters<Real>& parameters,
                       const harmony::Options& options, arma::uword cell) {
    const auto here = harmony::forward(data, parameters, options, true).tape;
    const auto in_double =
        harmony::forward<double>({arma::conv_to<arma::mat>::from(data.cells), data.batch, data.type},
                                 {arma::conv_to<arma::mat>::from(parameters.centroids)}, options, true)
            .tape;
    for (std::size_t t = 0; t < here.steps.size(); ++t) {
        if (here.steps[t].assignment.top_cluster[cell] != in_double.steps[t].assignment.top_cluster[cell]) return true;
    }
    return false;
}

template <class Real>
void require_reference(arma::uword n, arma::uword n_features, std::int64_t n_clusters, double tolerance,
                       std::int64_t n_iterations = 10) {
    harmony::Options options;
    options.n_clusters = n_clusters;
    options.n_iterations = n_iterations;
    const Dataset<Real> data = mixed_batches<Real>(n, n_features);
    const auto parameters = harmony::initial_parameters<Real>(options, n_features, Stream(0));
    const auto corrected = harmony::forward(data, parameters, options).corrected;
    const auto slow = reference::differentiable_harmony(
        arma::conv_to<arma::mat>::from(data.cells), data.batch, arma::conv_to<arma::mat>::from(parameters.centroids),
        {static_cast<int>(n_iterations), options.sigma, options.temperature});
    const arma::rowvec apart =
        arma::max(arma::abs(arma::conv_to<arma::mat>::from(corrected) - slow.corrected), 0);  // [n]
    const arma::uvec beyond = arma::find(apart >= tolerance);
    REQUIRE(corrected.is_finite());
    REQUIRE(beyond.n_elem <= 1);
    for (const arma::uword cell : beyond) REQUIRE(chooses_otherwise(data, parameters, options, cell));
    const arma::mat assignments = arma::conv_to<arma::mat>::from(harmony::assignments(corrected, parameters, options));
    arma::rowvec assignments_apart = arma::max(arma::abs(assignments - slow.assignments), 0);
    assignments_apart.cols(beyond).zeros();
    REQUIRE(assignments.is_finite());
    REQUIRE(assignments_apart.max() < 30 * tolerance);
}

}  // namespace

TEST_CASE("harmony's tiles equal the reference with every instruction set", "[harmony][reference]") {
    with_every_instruction_set([] {
        for (const std::int64_t n_clusters : {1, 5, 13, 100}) {
            for (const arma::uword n : {3u, 127u, 300u, 700u}) {
                INFO(n << " cells, " << n_clusters << " clusters");
                require_reference<double>(n, 7, n_clusters, 1e-10);
                require_reference<float>(n, 50, n_clusters, 1e-5);
            }
        }
    });
}

TEST_CASE("harmony equals the reference where a chunk has several tiles, and where targets are not kept",
          "[harmony][reference]") {
    require_reference<double>(20000, 5, 4, 1e-10, 2);
    require_reference<double>(700, 20000, 3, 1e-10,
                              2);  // a tile takes 15 MiB, with its target 30: three of nine are kept
    require_reference<double>(5, 70000, 2, 1e-10, 2);  // 103 MiB: none is
}

TEST_CASE("harmony is as exact far from 0 as near it, whatever the cells count from", "[harmony][reference]") {
    harmony::Options options;
    options.n_clusters = 20;
    options.temperature = 30.0;
    const Dataset<double> near = mixed_batches<double>(300, 20);
    for (const double offset : {0.0, 64.0, 1024.0}) {
        INFO("offset " << offset);
        const Dataset<float> far{arma::conv_to<arma::fmat>::from(near.cells + offset), near.batch, near.type};
        const arma::fmat centroids = far.cells.cols(arma::span(0, 19));  // at cells, as training starts
        const arma::mat corrected =
            arma::conv_to<arma::mat>::from(harmony::forward<float>(far, {centroids}, options).corrected);
        const Dataset<double> same{arma::conv_to<arma::mat>::from(far.cells), near.batch, near.type};
        const arma::mat exact =
            harmony::forward<double>(same, {arma::conv_to<arma::mat>::from(centroids)}, options).corrected;
        // the tolerance near 0, and half a unit in the last place of a result near the offset
        REQUIRE(arma::abs(corrected - exact).max() < 1e-5 + (offset + 2.0) * 0x1p-24);
    }
}

TEST_CASE("harmony refuses centroids and cells of another number of features", "[harmony]") {
    const Dataset<double> data = mixed_batches<double>(10, 3);
    const auto parameters = harmony::initial_parameters<double>({}, 4, Stream(0));
    REQUIRE_THROWS_AS(harmony::forward(data, parameters, {}), std::invalid_argument);
    REQUIRE_THROWS_AS(harmony::assignments(data.cells, parameters, {}), std::invalid_argument);
}

namespace {

// <bar, corrected cells> along a direction of cells and centroids, smooth enough for differences.
struct Direction {
    harmony::Options options;
    Dataset<double> data;
    harmony::Parameters<double> parameters;
    arma::mat bar;            // [F x n]
    arma::mat cells_dot;      // [F x n]
    arma::mat centroids_dot;  // [F x K]

    Direction(arma::uword n, arma::uword n_features, std::int64_t n_clusters, std::int64_t n_iterations) {
        options.n_clusters = n_clusters;
        options.n_iterations = n_iterations;
        options.sigma = 1.0;
        data = mixed_batches<double>(n, n_features);
        parameters = harmony::initial_parameters<double>(options, n_features, Stream(0));
        bar = arma::conv_to<arma::mat>::from(normal(make_key(5), n_features, n));
        cells_dot = arma::conv_to<arma::mat>::from(normal(make_key(6), n_features, n));
        centroids_dot = arma::conv_to<arma::mat>::from(normal(make_key(7), n_features, parameters.centroids.n_cols));
    }

    double difference_quotient(double step) const {
        const auto value = [&](double h) {
            Dataset<double> moved = data;
            moved.cells += h * cells_dot;
            return arma::accu(
                bar % harmony::forward<double>(moved, {parameters.centroids + h * centroids_dot}, options).corrected);
        };
        return (value(step) - value(-step)) / (2.0 * step);
    }

    // The centroids' gradient goes to `centroids_bar`.
    double slope(arma::mat& centroids_bar) const {
        const auto result = harmony::forward(data, parameters, options, true);
        harmony::Parameters<double> parameters_bar{arma::mat(arma::size(parameters.centroids), arma::fill::zeros)};
        const arma::mat cells_bar = harmony::backward(result, bar, &parameters_bar);
        centroids_bar = parameters_bar.centroids;
        return arma::dot(cells_bar, cells_dot) + arma::dot(centroids_bar, centroids_dot);
    }
};

}  // namespace

TEST_CASE("harmony's reverse pass is the derivative with every instruction set", "[harmony][gradient]") {
    const Direction direction(300, 9, 13, 3);
    const double expected = direction.difference_quotient(1e-6);
    with_every_instruction_set([&] {
        arma::mat centroids_bar;
        REQUIRE(bcbench::testing::relative_difference(direction.slope(centroids_bar), expected) < 1e-6);
    });
}

TEST_CASE("harmony's reverse pass is the derivative where a chunk has several tiles", "[harmony][gradient]") {
    const Direction direction(20000, 6, 5, 2);
    arma::mat centroids_bar;
    // sums of 120,000 terms of size 1 are rounded at 1e-14, which the step makes 1e-7 of a slope of about 300
    REQUIRE(bcbench::testing::relative_difference(direction.slope(centroids_bar), direction.difference_quotient(1e-7)) <
            1e-6);

    // in float the same gradients but for rounding: 2,500 roundings of 6e-8 in a cluster's sum grow like their root
    const auto in_float = [](const arma::mat& values) { return arma::conv_to<arma::fmat>::from(values); };
    const Dataset<float> single{in_float(direction.data.cells), direction.data.batch, direction.data.type};
    harmony::Parameters<float> single_bar{arma::fmat(arma::size(centroids_bar), arma::fill::zeros)};
    const auto taped =
        harmony::forward<float>(single, {in_float(direction.parameters.centroids)}, direction.options, true);
    harmony::backward<float>(taped, in_float(direction.bar), &single_bar);
    const arma::mat apart = arma::conv_to<arma::mat>::from(single_bar.centroids) - centroids_bar;
    REQUIRE(arma::norm(apart, "fro") < 1e-5 * arma::norm(centroids_bar, "fro"));
}

TEST_CASE("harmony gives the same bits for any number of threads", "[harmony][threads]") {
    harmony::Options options;
    const Dataset<float> data = mixed_batches<float>(3000, 20);
    const auto parameters = harmony::initial_parameters<float>(options, 20, Stream(0));
    const Matrix<float> alone = harmony::forward(data, parameters, options).corrected;
    set_thread_count(3);
    const Matrix<float> together = harmony::forward(data, parameters, options).corrected;
    set_thread_count(1);
    REQUIRE(arma::all(arma::vectorise(alone == together)));
}

TEST_CASE("kernel sums equal their definition with every instruction set", "[mmd][reference]") {
    const std::vector<double> bandwidths = {0.05, 0.7, 20.0};
    with_every_instruction_set([&] {
        for (const arma::uword n : {1u, 16u, 129u, 300u}) {
            const arma::mat u = arma::conv_to<arma::mat>::from(normal(make_key(1), 5, n));
            const arma::mat v = arma::conv_to<arma::mat>::from(normal(make_key(2), 5, 140));
            for (const arma::mat* other : {&v, &u}) {
                double sum = 0.0;
                arma::mat slope(arma::size(u), arma::fill::zeros);
                for (arma::uword i = 0; i < u.n_cols; ++i) {
                    for (arma::uword j = 0; j < other->n_cols; ++j) {
                        const arma::vec gap = u.col(i) - other->col(j);
                        for (const double w : bandwidths) {
                            const double k = std::exp(-0.5 * arma::dot(gap, gap) / (w * w)) / 3.0;
                            sum += k;
                            slope.col(i) -= k / (w * w) * gap;
                        }
                    }
                }
                arma::mat found(arma::size(u), arma::fill::zeros);
                REQUIRE(kernel_sum(u, *other, bandwidths, &found, 2.0) == Approx(sum).epsilon(1e-13));
                REQUIRE(kernel_sum(u, *other, bandwidths) == Approx(sum).epsilon(1e-13));
                REQUIRE(arma::abs(found - 2.0 * slope).max() < 1e-10 * std::max(1.0, arma::abs(slope).max()));
                const arma::fmat u_single = arma::conv_to<arma::fmat>::from(u);
                const arma::fmat other_single = arma::conv_to<arma::fmat>::from(*other);
                REQUIRE(kernel_sum(u_single, other_single, bandwidths) == Approx(sum).epsilon(1e-5));
            }
        }
    });
}
