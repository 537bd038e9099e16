// Ties at the k-th distance: no order of the rows may matter to what counts neighbours.
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "engine/metrics/batch_mixing_entropy.hpp"
#include "engine/metrics/kbet/kbet.hpp"
#include "engine/metrics/ksim.hpp"
#include "engine/metrics/lisi/lisi.hpp"
#include "engine/metrics/mixing_ceiling.hpp"
#include "engine/metrics/type_purity.hpp"
#include "engine/reference/metrics/spread.hpp"
#include "tests/support/random_cells.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

template <class Real>
struct Neighborhood {
    Neighbors neighbors;
    Ties ties;
    arma::uword k;

    Neighborhood(const Matrix<Real>& cells, arma::uword neighbors_of_each)
        : neighbors(nearest_neighbors(cells, std::min(neighbors_of_each + 1, cells.n_cols - 1))),
          ties(ties_at(cells, neighbors, neighbors_of_each)),
          k(neighbors_of_each) {}
    NeighborsView view() const { return {neighbors, k}; }
};

// Cells on a coarse grid, where most distances occur several times and some cells are equal.
LabelledCells grid_cells(arma::uword n_cells, int side, unsigned seed) {
    LabelledCells data = random_cells(3, n_cells, 3, 2, seed);
    std::mt19937 engine(seed);
    data.cells.imbue([&] { return static_cast<double>(static_cast<int>(engine() % static_cast<unsigned>(side))); });
    return data;
}

}  // namespace

TEST_CASE("counts of tied neighbours are averaged over all that tie, as defined", "[neighbors][metrics]") {
    for (unsigned seed = 1; seed <= 12; ++seed) {
        const int side = 2 + static_cast<int>(seed % 4);
        const LabelledCells data = grid_cells(40 + 10 * seed, side, seed);
        for (const arma::uword k : {1U, 4U, 10U, 30U}) {
            INFO("seed " << seed << " k " << k);
            const Neighborhood<double> near(data.cells, k);
            CHECK(near.ties.cells.size() > data.cells.n_cols / 10);
            const double mixing = batch_mixing_entropy(near.view(), data.batch, near.ties);
            CHECK(mixing == Approx(reference::mixing_with_ties(data.cells, data.batch, k)).epsilon(1e-12));
            const double purity = type_purity(near.view(), data.label, near.ties);
            CHECK(purity == Approx(reference::purity_with_ties(data.cells, data.label, k)).epsilon(1e-12));
            const LabelledCells other = permuted(data, seed + 100);
            const Neighborhood<float> again(arma::conv_to<arma::fmat>::from(other.cells), k);
            CHECK(batch_mixing_entropy(again.view(), other.batch, again.ties) == Approx(mixing).epsilon(1e-12));
            CHECK(type_purity(again.view(), other.label, again.ties) == Approx(purity).epsilon(1e-12));
        }
    }
}

TEST_CASE("equal cells mix as their batches are mixed, in whatever order they stand", "[neighbors][metrics]") {
    const arma::mat cells(2, 60, arma::fill::ones);
    Labels sorted{std::vector<std::uint32_t>(60), {"a", "b"}}, alternating = sorted;
    for (std::uint32_t i = 0; i < 60; ++i) {
        sorted.code[i] = i < 30 ? 0 : 1;
        alternating.code[i] = i % 2;
    }
    const Neighborhood<double> near(cells, 10);
    CHECK(near.ties.cells.size() == 60);
    CHECK(near.ties.sets.size() == 1);
    CHECK(near.ties.share_of_pairs(60) == 1.0);
    const double p = 29.0 / 59.0;
    const double expected = -p * std::log(p) - (1 - p) * std::log(1 - p);
    for (const Labels& batch : {sorted, alternating}) {
        CHECK(batch_mixing_entropy(near.view(), batch, near.ties) == Approx(expected).epsilon(1e-13));
        CHECK(mixing_ceiling(near.view(), batch, {}, 3, 0, near.ties) == Approx(expected).epsilon(1e-13));
    }
}

TEST_CASE("without ties there is nothing to do, and with all others as neighbours nothing ties", "[neighbors]") {
    const LabelledCells data = random_cells(5, 80, 2, 2, 3);
    CHECK(Neighborhood<double>(data.cells, 10).ties.cells.empty());
    const arma::mat equal(2, 8, arma::fill::zeros);
    CHECK(Neighborhood<double>(equal, 7).ties.cells.empty());
    CHECK_THROWS_WITH(ties_at(equal, nearest_neighbors(equal, 3), 3), Catch::Contains("one neighbour more"));
}

TEST_CASE("LISI, kBET and kSIM do not depend on the order of rows that tie", "[neighbors][metrics]") {
    std::size_t moved_without = 0;
    for (unsigned seed = 1; seed <= 6; ++seed) {
        const LabelledCells data = grid_cells(150, 4, seed);
        const arma::uword k = 20;
        const auto values = [&](const LabelledCells& of, bool with_ties) {
            const Neighborhood<double> near(of.cells, k);
            const lisi::Options options{.n_others = 20, .perplexity = {}};
            const lisi::Bandwidths bandwidths = lisi::solve(near.view(), options);
            const ksim::Options own{.n_others = 10};
            const Neighborhood<double> few(of.cells, static_cast<arma::uword>(ksim::others_that_count(own, 150)));
            const Ties none;
            const Ties& ties = with_ties ? near.ties : none;
            return std::vector<double>{*detail_of(lisi::ilisi(near.view(), bandwidths, of.batch, ties), "mean"),
                                       *detail_of(lisi::clisi(near.view(), bandwidths, of.label, ties), "mean"),
                                       *kbet::evaluate(near.view(), of.batch, {.n_others = 20}, ties).value,
                                       *ksim::evaluate(few.view(), of.label, own, with_ties ? few.ties : none).value};
        };
        const LabelledCells other = permuted(data, seed + 50);
        const std::vector<double> here = values(data, true), there = values(other, true);
        for (std::size_t m = 0; m < here.size(); ++m) CHECK(there[m] == Approx(here[m]).epsilon(1e-11));
        const std::vector<double> before = values(data, false), after = values(other, false);
        for (std::size_t m = 0; m < here.size(); ++m) moved_without += std::abs(before[m] - after[m]) > 1e-6 ? 1 : 0;
    }
    CHECK(moved_without > 12);
}
