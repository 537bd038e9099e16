#include "engine/linear/symmetric_product.hpp"

#include <catch2/catch.hpp>

#include "engine/core/parallel.hpp"

using namespace bcbench;

TEST_CASE("symmetric product: what the whole product is, for any sizes and number of threads", "[linear]") {
    arma::arma_rng::set_seed(6);
    for (const arma::uword n : {1U, 7U, 64U, 203U}) {
        const arma::mat any(n, n, arma::fill::randn), s = 0.5 * (any + any.t());
        for (const arma::uword b : {1U, 3U, 8U, 19U}) {
            INFO("n " << n << ", b " << b);
            const arma::mat x(b, n, arma::fill::randn);
            const arma::mat found = symmetric_product(x, s);
            // another order of sums: twice n roundings of sums of n products, below n 2^-52 times the product of the
            // sizes
            const double rounding = static_cast<double>(n) * 0x1p-52 * (arma::abs(x) * arma::abs(s)).max();
            CHECK(arma::abs(found - x * s).max() <= rounding);
            set_thread_count(3);
            CHECK(arma::approx_equal(symmetric_product(x, s), found, "absdiff", 0.0));
            set_thread_count(1);
        }
    }
    CHECK_THROWS(symmetric_product(arma::mat(2, 3, arma::fill::zeros), arma::mat(3, 4, arma::fill::zeros)));
}
