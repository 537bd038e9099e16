// differentiable_harmony in tiles: against its reference where tiles are full, partial and many, with every instruction
// set, and the same bits for any number of threads.
#include <hwy/targets.h>

#include <catch2/catch.hpp>

#include "engine/kernel_sum.hpp"
#include "engine/methods/differentiable_harmony.hpp"
#include "engine/parallel.hpp"
#include "engine/reference/methods.hpp"
#include "golden.hpp"

using namespace bcbench;
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

template <class Body>
void with_every_instruction_set(const Body& body) {
    const auto available = hwy::SupportedTargets();
    for (const std::int64_t target : {HWY_AVX3, HWY_AVX2, HWY_SSE4, HWY_SSSE3}) {
        if ((available & target) == 0) continue;
        INFO(hwy::TargetName(target));
        hwy::SetSupportedTargetsForTest(target);
        body();
    }
    hwy::SetSupportedTargetsForTest(0);
}

template <class Real>
void require_reference(arma::uword n, arma::uword n_features, std::int64_t n_clusters, double tolerance) {
    harmony::Options options;
    options.n_clusters = n_clusters;
    const Dataset<Real> data = mixed_batches<Real>(n, n_features);
    const auto parameters = harmony::initial_parameters<Real>(options, n_features, Stream(0));
    const auto corrected = harmony::forward(data, parameters, options).corrected;
    const auto slow = reference::differentiable_harmony(
        arma::conv_to<arma::mat>::from(data.cells), data.batch,
        arma::conv_to<arma::mat>::from(parameters.centroids), {10, options.sigma, options.temperature});
    REQUIRE(bcbench::testing::max_difference(corrected, slow.corrected) < tolerance);
    REQUIRE(bcbench::testing::max_difference(harmony::assignments(corrected, parameters, options), slow.assignments) <
            30 * tolerance);
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

TEST_CASE("harmony's reverse pass is the derivative with every instruction set", "[harmony][gradient]") {
    harmony::Options options;
    options.n_clusters = 13;
    options.n_iterations = 3;
    options.sigma = 1.0;  // smooth enough for differences
    const Dataset<double> data = mixed_batches<double>(300, 9);
    const auto parameters = harmony::initial_parameters<double>(options, 9, Stream(0));
    const arma::mat bar = arma::conv_to<arma::mat>::from(normal(make_key(5), 9, 300));
    const arma::mat cells_dot = arma::conv_to<arma::mat>::from(normal(make_key(6), 9, 300));
    const arma::mat centroids_dot = arma::conv_to<arma::mat>::from(normal(make_key(7), 9, 13));
    const auto value = [&](double h) {
        Dataset<double> moved = data;
        moved.cells += h * cells_dot;
        return arma::accu(bar % harmony::forward<double>(moved, {parameters.centroids + h * centroids_dot}, options).corrected);
    };
    const double expected = (value(1e-6) - value(-1e-6)) / 2e-6;
    with_every_instruction_set([&] {
        const auto result = harmony::forward(data, parameters, options, true);
        harmony::Parameters<double> parameters_bar{arma::mat(9, 13, arma::fill::zeros)};
        const arma::mat cells_bar = harmony::backward(result.tape, bar, &parameters_bar);
        const double found = arma::dot(cells_bar, cells_dot) + arma::dot(parameters_bar.centroids, centroids_dot);
        REQUIRE(bcbench::testing::relative_difference(found, expected) < 1e-6);
    });
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
