// The neighbour search between two sets, exactly against the slow reference.
#include <catch2/catch.hpp>

#include "engine/core/check.hpp"
#include "engine/neighbors/cross_neighbors.hpp"
#include "engine/reference/neighbors.hpp"
#include "tests/support/baselines.hpp"
#include "tests/support/gradients.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

// Whether `neighbors` are those of the definition, distances bit for bit.
template <class Real>
void require_defined(const Neighbors& neighbors, const Matrix<Real>& points, const Matrix<Real>& queries,
                     arma::uword k) {
    const auto exact_points = arma::conv_to<arma::mat>::from(points);
    const auto exact_queries = arma::conv_to<arma::mat>::from(queries);
    const arma::Mat<std::uint32_t> index = reference::nearest_neighbors_among(exact_points, exact_queries, k);
    REQUIRE(arma::size(neighbors.index) == arma::size(index));
    REQUIRE(arma::all(arma::vectorise(neighbors.index == index)));
    for (arma::uword i = 0; i < queries.n_cols; ++i) {
        for (arma::uword r = 0; r < k; ++r) {
            double squared = 0.0;
            for (arma::uword f = 0; f < queries.n_rows; ++f) {
                const double difference = exact_queries(f, i) - exact_points(f, index(r, i));
                squared += difference * difference;
            }
            REQUIRE(neighbors.squared_distance(r, i) == squared);
        }
    }
}

template <class Real>
void check_sets(const arma::mat& wanted_first, const arma::mat& wanted_second, arma::uword k_first,
                arma::uword k_second) {
    INFO(wanted_first.n_rows << " features, " << wanted_first.n_cols << " and " << wanted_second.n_cols << " cells, k "
                             << k_first << " and " << k_second);
    const auto first = arma::conv_to<Matrix<Real>>::from(wanted_first);
    const auto second = arma::conv_to<Matrix<Real>>::from(wanted_second);
    const CrossNeighbors neighbors = cross_neighbors(first, second, k_first, k_second);
    require_defined(neighbors.of_first, second, first, k_first);
    require_defined(neighbors.of_second, first, second, k_second);
    require_defined(nearest_neighbors_among(second, first, k_first), second, first, k_first);
}

void check_both_precisions(const arma::mat& first, const arma::mat& second, arma::uword k_first, arma::uword k_second) {
    check_sets<float>(first, second, k_first, k_second);
    check_sets<double>(first, second, k_first, k_second);
}

}  // namespace

TEST_CASE("cross neighbours of every shape are those of the reference", "[neighbors][cross]") {
    for (const arma::uword n : {1U, 3U, 256U, 700U}) {
        for (const arma::uword m : {1U, 17U, 257U, 1025U}) {
            const arma::uword n_features = 1 + (3 * n + m) % 11;
            const arma::uword k_first = 1 + (n + m) % std::min<arma::uword>(m, 23);
            const arma::uword k_second = 1 + (n + 2 * m) % std::min<arma::uword>(n, 23);
            check_both_precisions(random_matrix(1, n_features, n), random_matrix(2, n_features, m), k_first, k_second);
        }
    }
    check_both_precisions(random_matrix(3, 4, 600), random_matrix(4, 4, 500), 400, 1);  // more than a tile holds
    check_both_precisions(random_matrix(3, 4, 40), random_matrix(4, 4, 30), 30, 40);    // all of them
}

TEST_CASE("cross neighbours: ties, copies and sets far apart", "[neighbors][cross]") {
    const arma::mat places = arma::round(random_matrix(5, 3, 700));  // few places, many ties
    check_both_precisions(places.head_cols(400), places.tail_cols(300), 12, 7);
    const arma::mat cells = random_matrix(6, 9, 600);
    check_both_precisions(cells, cells, 5, 5);         // every cell finds its copy
    check_both_precisions(cells, cells + 1e4, 5, 3);   // the copies are nearest along no axis
    check_both_precisions(cells, 1e-3 * cells, 5, 3);  // one set is a point to the other
    check_both_precisions(1e4 + 1e-3 * cells, 1e4 + 1e-3 * arma::shift(cells, 1, 0), 4, 6);
    check_both_precisions(arma::mat(4, 300, arma::fill::value(3.5)), arma::mat(4, 400, arma::fill::value(3.5)), 6, 9);
}

TEST_CASE("cross neighbours do not depend on the number of threads", "[neighbors][cross][threads]") {
    const arma::mat first = random_matrix(7, 12, 2000);
    const arma::mat second = random_matrix(8, 12, 1500);
    CHECK(same_for_any_threads([&] { return cross_neighbors(first, second, 10, 7).of_first.squared_distance; }));
    CHECK(same_for_any_threads([&] { return cross_neighbors(first, second, 10, 7).of_second.index; }));
}

TEST_CASE("the cross search refuses what it cannot answer", "[neighbors][cross]") {
    arma::mat first(3, 5, arma::fill::zeros);
    const arma::mat second(3, 4, arma::fill::zeros);
    CHECK_NOTHROW(cross_neighbors(first, second, 4, 5));
    CHECK_THROWS_WITH(cross_neighbors(first, second, 5, 5),
                      "the number of neighbours is 5 and must be from 1 to the 4 cells of the other set");
    CHECK_THROWS_AS(cross_neighbors(first, second, 1, 6), std::invalid_argument);
    CHECK_THROWS_AS(nearest_neighbors_among(second, first, 0), std::invalid_argument);
    CHECK_THROWS_AS(cross_neighbors(first, arma::mat(2, 4, arma::fill::zeros), 1, 1), std::invalid_argument);
    CHECK_THROWS_AS(cross_neighbors(first, arma::mat(3, 0), 1, 1), std::invalid_argument);
    first(1, 2) = arma::datum::nan;
    CHECK_THROWS_AS(cross_neighbors(first, second, 1, 1), NumericalError);
}
