// The neighbour search against its definition: the same indices and, bit for bit, the same squared distances.
#include "engine/neighbors/neighbors.hpp"

#include <hwy/targets.h>
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>

#include "engine/core/check.hpp"
#include "engine/core/parallel.hpp"
#include "engine/neighbors/bound.hpp"
#include "engine/neighbors/filter.hpp"
#include "engine/neighbors/largest.hpp"
#include "engine/neighbors/tiles.hpp"
#include "engine/reference/neighbors.hpp"

namespace bcbench {

namespace {

/// Independent standard normal cells [F x n].
arma::mat gaussian_cells(arma::uword n_features, arma::uword n_cells, unsigned seed) {
    std::mt19937 engine(seed);
    std::normal_distribution<double> normal;
    arma::mat cells(n_features, n_cells);
    cells.imbue([&] { return normal(engine); });
    return cells;
}

/// Whole numbers 0 .. largest: duplicates and ties.
arma::mat lattice_cells(arma::uword n_features, arma::uword n_cells, int largest, unsigned seed) {
    std::mt19937 engine(seed);
    std::uniform_int_distribution<int> coordinate(0, largest);
    arma::mat cells(n_features, n_cells);
    cells.imbue([&] { return static_cast<double>(coordinate(engine)); });
    return cells;
}

/// Gaussian clusters around distant centres.
arma::mat clustered_cells(arma::uword n_features, arma::uword n_cells, arma::uword n_clusters, double distance) {
    arma::mat cells = gaussian_cells(n_features, n_cells, 5);
    const arma::mat centres = distance * gaussian_cells(n_features, n_clusters, 6);
    for (arma::uword i = 0; i < n_cells; ++i) cells.col(i) += centres.col(i * 7 % n_clusters);
    return cells;
}

template <class Real>
double defined_distance(const Matrix<Real>& cells, arma::uword i, arma::uword j) {
    double sum = 0.0;
    for (arma::uword f = 0; f < cells.n_rows; ++f) {
        const double difference = static_cast<double>(cells(f, i)) - static_cast<double>(cells(f, j));
        sum += difference * difference;
    }
    return sum;
}

template <class Real>
void check_against_reference(const arma::mat& wanted_cells, arma::uword k) {
    const auto cells = arma::conv_to<Matrix<Real>>::from(wanted_cells);
    const arma::Mat<std::uint32_t> index = reference::nearest_neighbors(arma::conv_to<arma::mat>::from(cells), k);
    const Neighbors neighbors = nearest_neighbors(cells, k);
    REQUIRE(neighbors.index.n_rows == k);
    REQUIRE(neighbors.index.n_cols == cells.n_cols);
    arma::uword wrong = 0;
    for (arma::uword i = 0; i < cells.n_cols; ++i) {
        for (arma::uword r = 0; r < k; ++r) {
            const bool same = neighbors.index(r, i) == index(r, i) &&
                              neighbors.squared_distance(r, i) == defined_distance(cells, i, index(r, i));
            if (!same) ++wrong;
        }
    }
    CHECK(wrong == 0);
}

void check_both_precisions(const std::string& what, const arma::mat& cells, arma::uword k) {
    INFO(what << ": " << cells.n_rows << " features, " << cells.n_cols << " cells, k = " << k);
    check_against_reference<float>(cells, k);
    check_against_reference<double>(cells, k);
}

}  // namespace

TEST_CASE("neighbours of every shape are those of the reference", "[neighbors]") {
    for (const arma::uword n : {2U, 3U, 17U, 255U, 256U, 257U, 513U, 1025U}) {
        for (const arma::uword n_features : {1U, 2U, 7U, 131U}) {
            const arma::uword k = std::min<arma::uword>(n - 1, 1 + (n + n_features) % 13);
            check_both_precisions("gaussian", gaussian_cells(n_features, n, 1), k);
        }
    }
    check_both_precisions("all neighbours", gaussian_cells(5, 300, 2), 299);
    check_both_precisions("more neighbours than a tile holds", gaussian_cells(5, 700, 3), 400);
    check_both_precisions("one neighbour", gaussian_cells(20, 900, 4), 1);
}

TEST_CASE("ties and duplicates go to the lower index", "[neighbors]") {
    check_both_precisions("lattice", lattice_cells(3, 900, 4, 1), 10);
    check_both_precisions("fine lattice", lattice_cells(6, 900, 9, 2), 10);
    check_both_precisions("few places", lattice_cells(2, 700, 1, 3), 15);
    check_both_precisions("all alike", arma::mat(4, 600, arma::fill::value(3.5)), 7);
    arma::mat twins = gaussian_cells(30, 800, 4);
    twins.cols(400, 799) = twins.cols(0, 399);
    check_both_precisions("twins", twins, 5);
}

TEST_CASE("near-duplicates far from the origin are told apart", "[neighbors]") {
    const arma::mat apart = 1e4 + 1e-7 * gaussian_cells(10, 700, 1);
    check_both_precisions("1e-7 apart at 1e4", apart, 8);
    arma::mat pairs = 1e4 + gaussian_cells(10, 800, 2);
    pairs.cols(400, 799) = pairs.cols(0, 399) + 1e-7 * gaussian_cells(10, 400, 3);
    check_both_precisions("pairs 1e-7 apart, 1 between pairs, at 1e4", pairs, 3);
    check_both_precisions("1e-3 apart at 1e4", 1e4 + 1e-3 * gaussian_cells(50, 600, 4), 10);
}

TEST_CASE("clusters, outliers and constant features do not mislead the search", "[neighbors]") {
    check_both_precisions("far clusters", clustered_cells(12, 1100, 7, 1e3), 10);
    check_both_precisions("near clusters", clustered_cells(12, 1100, 7, 3.0), 10);
    for (const double distance : {1e2, 1e3, 3e4, 1e5, 1e9}) {
        arma::mat outlier = gaussian_cells(3, 700, 1);  // the grid of its tile becomes coarse
        outlier.col(350) += distance;
        check_both_precisions("an outlier", outlier, 6);
    }
    arma::mat constant = gaussian_cells(6, 600, 2);
    constant.row(2).fill(-7e5);
    constant.row(5).zeros();
    check_both_precisions("constant features", constant, 10);
    arma::mat unequal = gaussian_cells(20, 800, 3);
    for (arma::uword f = 0; f < 20; ++f) unequal.row(f) *= std::pow(10.0, -static_cast<double>(f) / 4.0);
    check_both_precisions("features of very different scale", unequal, 10);
}

// An outlier makes the grid of its tile so coarse that rounding reorders near neighbours; no bound may be too
// tight.
TEST_CASE("rounding to a coarse grid loses no neighbour", "[neighbors]") {
    for (unsigned seed = 1; seed <= 200; ++seed) {
        arma::mat cells = 20.0 * gaussian_cells(1 + seed % 3, 200, seed);
        cells.col(100).fill(1e4);
        check_both_precisions("seed " + std::to_string(seed), cells, 1 + seed % 4);
    }
}

TEST_CASE("the search works at any scale", "[neighbors]") {
    const arma::mat cells = gaussian_cells(9, 600, 1);
    for (const double scale : {1e-45, 1e-42, 1e-38, 1e-30, 1e-20, 1e20, 1e30, 3e37}) {
        check_both_precisions("scale " + std::to_string(std::log10(scale)), scale * cells, 6);
    }
    for (const double scale :
         {4e-324, 1e-320, 1e-300, 1e-170, 1e-162, 1e-161, 1e-160, 1e-155, 1e150, 1e154, 1e200, 1e307}) {
        INFO("scale " << scale);
        check_against_reference<double>(scale * cells, 6);
    }
    arma::mat mixed = cells;
    for (arma::uword i = 0; i < 600; ++i) mixed.col(i) *= std::pow(10.0, static_cast<double>(i % 40) - 20.0);
    check_both_precisions("cells of every scale at once", mixed, 6);
}

TEST_CASE("neighbours do not depend on the number of threads", "[neighbors][threads]") {
    const auto cells = arma::conv_to<Matrix<float>>::from(clustered_cells(20, 3000, 5, 2.0));
    const unsigned before = thread_count();
    set_thread_count(1);
    const Neighbors one = nearest_neighbors(cells, 10);
    for (const unsigned threads : {2U, 8U}) {
        set_thread_count(threads);
        const Neighbors several = nearest_neighbors(cells, 10);
        CHECK(arma::all(arma::vectorise(several.index == one.index)));
        CHECK(arma::all(arma::vectorise(several.squared_distance == one.squared_distance)));
    }
    set_thread_count(before);
}

TEST_CASE("neighbours are the same with every instruction set", "[neighbors]") {
    const std::int64_t available = hwy::SupportedTargets();
    for (const std::int64_t target :
         {HWY_AVX3_DL, HWY_AVX3, HWY_AVX2, HWY_SSE4, HWY_SSSE3, static_cast<long long>(HWY_SCALAR)}) {
        if ((available & target) == 0 && target != HWY_SCALAR) continue;
        INFO(hwy::TargetName(target));
        hwy::SetSupportedTargetsForTest(target);
        hwy::GetChosenTarget().DeInit();
        check_against_reference<float>(gaussian_cells(7, 700, 1), 5);
        check_against_reference<double>(gaussian_cells(8, 300, 1), 5);
    }
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().DeInit();
}

TEST_CASE("the neighbour search refuses what it cannot answer", "[neighbors]") {
    Matrix<float> cells(3, 5, arma::fill::zeros);
    CHECK_THROWS_AS(nearest_neighbors(cells, 0), std::invalid_argument);
    CHECK_THROWS_AS(nearest_neighbors(cells, 5), std::invalid_argument);
    CHECK_NOTHROW(nearest_neighbors(cells, 4));
    cells(1, 3) = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_AS(nearest_neighbors(cells, 2), NumericalError);
    cells(1, 3) = std::numeric_limits<float>::infinity();
    CHECK_THROWS_AS(nearest_neighbors(cells, 2), NumericalError);
}

// The filter is only worth having if it throws out nearly all pairs, wherever the cells lie.
TEST_CASE("the filter keeps every pair within reach and few others", "[neighbors]") {
    using namespace neighbor_search;
    const double offset = GENERATE(0.0, 1e3, 1e6);
    const auto cells = arma::conv_to<Matrix<double>>::from(offset + gaussian_cells(50, 2 * tile_width, 1));
    const CellTiles<double> tiles = cut_into_tiles(cells);
    const Grid<double> grid = common_grid(tiles, 0, tiles, {1});
    const double within = 60.0;  // squared; half the pairs of standard normal cells are about 100 apart
    GridTile on_grid[2];
    for (const std::size_t tile : {0U, 1U}) {
        put_on_grid(tiles, tile, grid, on_grid[tile]);
        set_limits(std::vector<double>(tile_width, within), grid, on_grid[tile]);
    }
    std::vector<PlacePair> close;
    find_close_pairs(on_grid[0], on_grid[1], close);
    arma::umat kept(tile_width, tile_width, arma::fill::zeros);
    for (const PlacePair places : close) kept(places.a, places.b) += 1;
    CHECK(kept.max() == 1);
    std::size_t within_reach = 0;
    std::size_t lost = 0;
    for (std::size_t a = 0; a < tile_width; ++a) {
        for (std::size_t b = 0; b < tile_width; ++b) {
            if (defined_distance(cells, tiles.order[a], tiles.order[tile_width + b]) > within) continue;
            ++within_reach;
            if (kept(a, b) == 0) ++lost;
        }
    }
    CHECK(lost == 0);
    CHECK(within_reach > 100);
    CHECK(static_cast<double>(close.size()) < 1.05 * static_cast<double>(within_reach));
}

// A bound that is too low loses neighbours; one that is too high is useless.
TEST_CASE("the bound holds the k nearest and little more", "[neighbors]") {
    using namespace neighbor_search;
    const double offset = GENERATE(0.0, 1e6);
    const arma::uword k = GENERATE(1U, 10U, 89U);
    const auto cells = arma::conv_to<Matrix<double>>::from(offset + gaussian_cells(20, 1500, 2));
    const CellTiles<double> tiles = cut_into_tiles(cells);
    const std::vector<std::size_t> all = {0, 1, 2, 3, 4, 5};
    REQUIRE(tiles.count() == all.size());
    for (const std::size_t tile : {std::size_t{0}, std::size_t{5}}) {
        const std::vector<double> bound = worst_among(tiles, tile, tiles, all, k + 1);
        for (std::size_t place = 0; place < tile_width; ++place) {
            if (place >= tiles.size(tile)) {
                CHECK(bound[place] == 0.0);
                continue;
            }
            const arma::uword i = tiles.order[tile * tile_width + place];
            std::vector<double> distances;
            for (arma::uword j = 0; j < cells.n_cols; ++j) distances.push_back(defined_distance(cells, i, j));
            std::sort(distances.begin(), distances.end());
            CHECK(bound[place] >= distances[k]);
            CHECK(bound[place] <= 1.01 * distances[k]);  // the grid is finer than a thousandth of a typical distance
        }
        for (const double none : worst_among(tiles, tile, tiles, {1}, 257)) CHECK((none == 0.0 || std::isinf(none)));
    }
}

TEST_CASE("the largest of many integers", "[neighbors]") {
    using neighbor_search::Largest;
    std::mt19937 engine(3);
    for (const std::size_t wanted : {1U, 7U, 100U, 1000U}) {
        for (const int largest : {0, 3, 1000000000}) {
            std::uniform_int_distribution<std::int32_t> draw(-largest, largest / 2);
            Largest kept(wanted, 256);
            std::vector<std::int32_t> all;
            for (const std::size_t count : {256U, 1U, 100U, 256U, 256U, 255U, 256U, 256U, 256U, 256U}) {
                CHECK(kept.complete() == (all.size() >= wanted));
                std::vector<std::int32_t> piece(count);
                for (std::int32_t& value : piece) value = draw(engine);
                kept.offer(piece.data(), piece.size());
                all.insert(all.end(), piece.begin(), piece.end());
                if (all.size() < wanted) continue;
                std::sort(all.begin(), all.end(), std::greater<>());
                Largest copy = kept;
                CHECK(copy.bound() == all[wanted - 1]);
            }
        }
    }
}

}  // namespace bcbench
