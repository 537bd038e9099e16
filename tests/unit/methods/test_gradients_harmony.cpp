// Reverse pass of differentiable_harmony on tiny problems that reach every branch: every coordinate of cells and
// centroids against central differences.
#include <catch2/catch.hpp>

#include "engine/methods/differentiable_harmony/method.hpp"
#include "tests/support/dual.hpp"
#include "tests/support/gradients.hpp"

using namespace bcbench;
using namespace bcbench::testing;
namespace harmony = bcbench::differentiable_harmony;

namespace {

struct Problem {
    std::string name;
    Dataset<double> data;
    arma::mat centroids;  // [F x K]
    harmony::Options options;

    arma::mat forward(const arma::mat& cells, const arma::mat& at) const {
        return harmony::forward(Dataset<double>{cells, data.batch, {}}, {at}, options).corrected;
    }
    harmony::Result<double> taped(const arma::mat& cells, const arma::mat& at) const {
        return harmony::forward(Dataset<double>{cells, data.batch, {}}, {at}, options, true);
    }
};

Problem problem(const std::string& name, const std::vector<std::size_t>& sizes, arma::uword n_clusters,
                std::int64_t n_iterations, double sigma, double shift) {
    Problem made;
    made.name = name;
    made.data.batch = batches_of(sizes);
    made.data.cells = shifted_cells(11, made.data.batch, 4, shift);
    made.centroids = random_matrix(12, 4, n_clusters);
    made.options.n_clusters = static_cast<std::int64_t>(n_clusters);
    made.options.n_iterations = n_iterations;
    made.options.sigma = sigma;
    return made;
}

std::vector<Problem> problems() {
    std::vector<Problem> all = {
        problem("two batches", {6, 6}, 5, 3, 1.0, 0.5),
        problem("documented sharpness", {6, 6}, 5, 2, 0.1, 0.5),
        problem("one batch", {9}, 4, 3, 1.0, 0.0),
        problem("three unequal batches", {2, 9, 5}, 4, 3, 0.7, 1.0),
        problem("an empty batch", {5, 0, 5}, 4, 2, 1.0, 0.5),
        problem("one cluster", {5, 4}, 1, 3, 1.0, 1.0),
        problem("one cell", {1}, 3, 2, 1.0, 0.0),
        problem("upper clip", {2, 18}, 4, 3, 0.5, 3.0),
        problem("lower clip", {10, 10}, 3, 2, 0.3, 0.8),
        problem("ten iterations", {5, 5}, 4, 10, 1.0, 1.0),
    };
    // far from every cell of the first batch but one: a stray cell in a cluster of the other batch is clipped from
    // below
    Problem& lower = all[8];
    lower.data.cells.col(0) = lower.data.cells.col(12);
    lower.data.cells.cols(1, 9) -= 6.0;
    lower.centroids.col(0).fill(-6.0);
    lower.centroids.col(1).fill(0.8);
    all.push_back(problem("tied centroids", {6, 6}, 5, 3, 1.0, 0.5));
    all.back().centroids.col(3) = all.back().centroids.col(1);
    all.push_back(problem("tied cells and temperature", {6, 6}, 3, 3, 0.4, 0.5));
    all.back().data.cells.col(7) = all.back().data.cells.col(2);
    all.back().options.temperature = 2.5;
    return all;
}

// How many cells' ratios lie below, inside and above the clip over all iterations.
std::array<int, 3> clip_sides(const Problem& p) {
    std::array<int, 3> sides{};
    const std::vector<std::size_t> sizes = label_sizes(p.data.batch);
    for (const harmony::Step<double>& step : p.taped(p.data.cells, p.centroids).tape.steps) {
        for (arma::uword i = 0; i < p.data.cells.n_cols; ++i) {
            const std::uint32_t b = p.data.batch.code[i];
            const double share = static_cast<double>(sizes[b]) / static_cast<double>(p.data.cells.n_cols);
            const arma::rowvec mass = step.assignment.batch_mass.row(step.assignment.top_cluster[i]);
            const double ratio = mass[b] / arma::accu(mass) / share;
            ++sides[ratio <= 0.5 ? 0 : ratio < 2.0 ? 1 : 2];
        }
    }
    return sides;
}

}  // namespace

TEST_CASE("the problems reach both sides of the clip", "[gradients][harmony]") {
    std::array<int, 3> total{};
    for (const Problem& p : problems()) {
        const std::array<int, 3> sides = clip_sides(p);
        if (p.name == "upper clip") REQUIRE(sides[2] > 0);
        if (p.name == "lower clip") REQUIRE(sides[0] > 0);
        for (std::size_t i = 0; i < 3; ++i) total[i] += sides[i];
    }
    REQUIRE(total[1] > total[0] + total[2]);
}

TEST_CASE("harmony: every cell's and centroid's derivative", "[gradients][harmony]") {
    for (const Problem& p : problems()) {
        INFO(p.name);
        const arma::mat bar = random_like(13, p.data.cells);
        harmony::Parameters<double> centroids_bar{arma::mat(arma::size(p.centroids), arma::fill::zeros)};
        const arma::mat cells_bar = harmony::backward(p.taped(p.data.cells, p.centroids), bar, &centroids_bar);
        require_right(check_gradient(
            [&](const arma::mat& at) {
                return Evaluation{p.forward(at, p.centroids), harmony::choices(p.taped(at, p.centroids))};
            },
            p.data.cells, bar, cells_bar));
        if (p.name == "tied centroids")
            continue;  // moving one of two tied centroids flips k*; forward mode covers it below
        require_right(check_gradient(
            [&](const arma::mat& at) {
                return Evaluation{p.forward(p.data.cells, at), harmony::choices(p.taped(p.data.cells, at))};
            },
            p.centroids, bar, centroids_bar.centroids));
    }
}

TEST_CASE("harmony: reverse and forward mode agree, ties included", "[gradients][harmony]") {
    for (const Problem& p : problems()) {
        INFO(p.name);
        const arma::mat bar = random_like(13, p.data.cells);
        harmony::Parameters<double> centroids_bar{arma::mat(arma::size(p.centroids), arma::fill::zeros)};
        const arma::mat cells_bar = harmony::backward(p.taped(p.data.cells, p.centroids), bar, &centroids_bar);
        for (const std::uint64_t direction : {20u, 21u, 22u}) {
            const arma::mat cells_dot = random_like(direction, p.data.cells);
            const arma::mat centroids_dot = random_like(direction + 10, p.centroids);
            const DualMatrix y =
                testing::harmony({p.data.cells, cells_dot}, p.data.batch, {p.centroids, centroids_dot}, p.options);
            const double forward_mode = inner(bar, y.slope);
            const double reverse_mode = inner(cells_bar, cells_dot) + inner(centroids_bar.centroids, centroids_dot);
            REQUIRE(std::abs(forward_mode - reverse_mode) <=
                    1e-10 * (arma::norm(bar, "fro") * arma::norm(y.slope, "fro")));
        }
    }
}

TEST_CASE("harmony: recomputing iterations changes no bit of a gradient", "[gradients][harmony]") {
    for (Problem p : problems()) {
        for (const std::int64_t n_iterations : {1, 2, 3, 4, 5, 7, 10}) {
            INFO(p.name << ", " << n_iterations << " iterations");
            p.options.n_iterations = n_iterations;
            const arma::mat bar = random_like(13, p.data.cells);
            arma::mat cells_bars[2];
            harmony::Parameters<double> centroids_bars[2];
            std::uint64_t choices[2];
            for (const int recompute : {0, 1}) {
                p.options.recompute = recompute == 1;
                centroids_bars[recompute].centroids.zeros(arma::size(p.centroids));
                const auto taped = p.taped(p.data.cells, p.centroids);
                if (recompute == 1 && n_iterations > 3)
                    REQUIRE(static_cast<std::int64_t>(taped.tape.steps.size()) < n_iterations);
                cells_bars[recompute] = harmony::backward(taped, bar, &centroids_bars[recompute]);
                choices[recompute] = harmony::choices(taped);
            }
            REQUIRE(arma::all(arma::vectorise(cells_bars[0] == cells_bars[1])));
            REQUIRE(arma::all(arma::vectorise(centroids_bars[0].centroids == centroids_bars[1].centroids)));
            REQUIRE(choices[0] == choices[1]);
        }
    }
}

TEST_CASE("harmony: an adjoint of another shape is refused", "[gradients][harmony]") {
    const Problem p = problems().front();
    const auto taped = p.taped(p.data.cells, p.centroids);
    REQUIRE_THROWS_AS(harmony::backward(taped, arma::mat(4, 3), static_cast<harmony::Parameters<double>*>(nullptr)),
                      std::invalid_argument);
}
