// Principal components: few features by all eigenvectors, many by a Krylov space, and both the same.
#include <catch2/catch.hpp>

#include "engine/core/parallel.hpp"
#include "engine/linear/leading_eigenvectors.hpp"
#include "engine/linear/pca.hpp"
#include "tests/support/gradients.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

// Symmetric with the given eigenvalues. [n x n]
arma::mat with_eigenvalues(const arma::vec& values) {
    const arma::mat basis = arma::orth(random_matrix(3, values.n_elem, values.n_elem));
    return basis * arma::diagmat(values) * basis.t();
}

// Largest sine of an angle between the column spaces of two orthonormal matrices of one shape.
double distance_of_spaces(const arma::mat& a, const arma::mat& b) { return arma::norm(a - b * (b.t() * a), 2); }

}  // namespace

TEST_CASE("leading eigenvectors are those of the whole decomposition", "[pca]") {
    arma::vec values = arma::linspace(1.0, 100.0, 120);
    for (const double top : {101.0, 150.0}) {
        values.back() = top;
        const arma::mat s = with_eigenvalues(values);
        const auto found = leading_eigenvectors([&](const arma::mat& x) { return arma::mat(s * x); }, 120, 2, 120);
        REQUIRE(found);
        arma::vec all;
        arma::mat vectors;
        arma::eig_sym(all, vectors, s);
        // residual 1e-10 * 150 over the smallest gap, 0.8 between eigenvalues: 2e-8
        for (arma::uword c = 0; c < 2; ++c) CHECK(distance_of_spaces(found->col(c), vectors.col(119 - c)) < 2e-8);
        CHECK(arma::norm(found->t() * *found - arma::eye(2, 2)) < 1e-12);
    }
}

TEST_CASE("leading eigenvectors of equal eigenvalues, of low rank, and of nothing", "[pca]") {
    arma::vec values(300, arma::fill::zeros);
    values.tail(2).fill(7.0);
    const arma::mat s = with_eigenvalues(values);
    const auto found = leading_eigenvectors([&](const arma::mat& x) { return arma::mat(s * x); }, 300, 2, 200);
    REQUIRE(found);
    CHECK(arma::norm(s * *found - 7.0 * *found, "fro") < 1e-8);
    const auto nothing = leading_eigenvectors([](const arma::mat& x) { return arma::mat(0.0 * x); }, 300, 2, 200);
    REQUIRE(nothing);
    CHECK(nothing->n_cols == 2);
    // a space too small for a spectrum without gaps
    const arma::mat slow = with_eigenvalues(1.0 + 1e-6 * arma::linspace(0.0, 1.0, 300));
    CHECK_FALSE(leading_eigenvectors([&](const arma::mat& x) { return arma::mat(slow * x); }, 300, 2, 12));
}

TEST_CASE("components of many features are those of all eigenvectors, whatever the threads", "[pca][threads]") {
    arma::mat cells = random_matrix(5, 600, 700);
    cells.row(17) *= 9.0;
    cells.row(400) *= 6.0;
    cells.each_col() += random_matrix(6, 600, 1);
    arma::mat centred = cells.each_col() - arma::mean(cells, 1);
    arma::vec values;
    arma::mat vectors;
    arma::eig_sym(values, vectors, centred * centred.t());
    const arma::mat found = principal_components(cells, 2);
    for (arma::uword c = 0; c < 2; ++c) {
        arma::vec direction = vectors.col(599 - c);
        if (direction[arma::abs(direction).index_max()] < 0.0) direction *= -1.0;
        const arma::rowvec expected = direction.t() * centred;
        // an angle of 1e-10 * lambda_1 / gap, about 2e-10, of cells 30 long
        CHECK(arma::abs(found.row(c) - expected).max() < 1e-8);
    }
    set_thread_count(3);
    CHECK(arma::approx_equal(found, principal_components(cells, 2), "absdiff", 0.0));
    set_thread_count(1);
}
