#include "engine/linear/sparse_rows.hpp"

#include <hwy/highway.h>

#include <catch2/catch.hpp>
#include <random>
#include <vector>

using namespace bcbench;

namespace {

// A sparse matrix, some rows empty, and the same with its zeros.
struct Sparse {
    std::vector<std::size_t> start{0};
    std::vector<std::uint32_t> target;
    std::vector<double> value;
    arma::mat dense;

    explicit Sparse(arma::uword n) : dense(n, n, arma::fill::zeros) {
        std::mt19937 engine(1);
        std::normal_distribution<double> normal;
        for (arma::uword i = 0; i < n; ++i) {
            const arma::uword entries = i % 13;
            for (arma::uword j = 0; j < entries; ++j) {
                target.push_back(static_cast<std::uint32_t>((i + j * j + 1) % n));
                value.push_back(normal(engine));
                dense(i, target.back()) += value.back();
            }
            start.push_back(target.size());
        }
    }
};

arma::mat drawn(arma::uword rows, arma::uword columns, unsigned seed) {
    std::mt19937 engine(seed);
    std::normal_distribution<double> normal;
    arma::mat matrix(rows, columns);
    matrix.imbue([&] { return normal(engine); });
    return matrix;
}

}  // namespace

TEST_CASE("a step of a recurrence with sparse rows, of any width, by every instruction set", "[linear][eigenpairs]") {
    const Sparse sparse(60);
    const std::int64_t available = hwy::SupportedTargets();
    for (std::int64_t target = 1; target <= available && target > 0; target <<= 1) {
        if ((available & target) == 0) continue;
        hwy::SetSupportedTargetsForTest(target);
        for (const arma::uword width : {1U, 7U, 8U, 19U}) {
            INFO(hwy::TargetName(target) << ", width " << width);
            const arma::mat x = drawn(width, 60, 2);
            const arma::mat y = drawn(width, 60, 3);
            arma::mat found = y;
            linear::recur({sparse.start.data(), sparse.target.data(), sparse.value.data(), 5, 50}, x, 0.7, found);
            arma::mat expected = y;
            expected.cols(5, 54) = (0.7 * x * sparse.dense.t() - y).eval().cols(5, 54);
            CHECK(arma::abs(found - expected).max() < 1e-14);  // a dozen products of order 1
        }
        hwy::SetSupportedTargetsForTest(0);
    }
}
