// Packed products against plain sums: every number of rows, columns and steps around the widths of blocks and vectors,
// with every instruction set, and nothing written beyond the product.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "engine/core/random.hpp"
#include "engine/linear/packed_product.hpp"
#include "tests/unit/instruction_sets.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

using arma::uword;

template <class Real>
Matrix<Real> drawn(std::uint64_t number, uword rows, uword columns) {
    return arma::conv_to<Matrix<Real>>::from(normal(make_key(number), rows, columns));
}

// A product with a margin around it, which must stay as it was.
template <class Real>
struct Guarded {
    static constexpr uword margin = 40;  // more than a block of rows
    std::vector<Real> memory;
    Matrix<Real> y;

    explicit Guarded(const Matrix<Real>& values)
        : memory(values.n_elem + 2 * margin, Real(7)),
          y(memory.data() + margin, values.n_rows, values.n_cols, false, true) {
        std::copy(values.begin(), values.end(), y.begin());
    }
    bool is_whole() const {
        const auto seven = [](Real value) { return value == Real(7); };
        return std::all_of(memory.begin(), memory.begin() + margin, seven) &&
               std::all_of(memory.end() - margin, memory.end(), seven);
    }
};

// S terms of size 1, each product and sum rounded at eps / 2, in double: their errors add up to S eps times the sum of
// the terms' sizes, at most.
template <class Real>
void require_close(const Matrix<Real>& y, const arma::mat& expected, const arma::mat& sizes, uword n_steps) {
    const double eps = std::numeric_limits<Real>::epsilon();
    const arma::mat bound = static_cast<double>(n_steps + 2) * eps * (sizes + 1.0);
    REQUIRE(arma::all(arma::vectorise(arma::abs(arma::conv_to<arma::mat>::from(y) - expected) <= bound)));
}

template <class Real>
void require_products(uword rows, uword steps, uword n) {
    INFO(rows << " x " << steps << " x " << n);
    const Matrix<Real> a = drawn<Real>(1, rows, steps);
    const Matrix<Real> x = drawn<Real>(2, steps, n);
    const Matrix<Real> before = drawn<Real>(3, rows, n);
    const Vector<Real> bias = drawn<Real>(4, rows, 1);
    const arma::mat exact = arma::conv_to<arma::mat>::from(a) * arma::conv_to<arma::mat>::from(x);
    const arma::mat sizes = arma::abs(arma::conv_to<arma::mat>::from(a)) * arma::abs(arma::conv_to<arma::mat>::from(x));
    const PackedRows<Real> packed = pack_rows(a);

    Guarded<Real> plain(before);
    multiply(packed, x, plain.y);
    require_close<Real>(plain.y, exact, sizes, steps);

    Guarded<Real> transposed(before);
    multiply(pack_transposed<Real>(a.t()), x, transposed.y);
    REQUIRE(arma::approx_equal(transposed.y, plain.y, "absdiff", Real(0)));

    const arma::mat biased = exact.each_col() + arma::conv_to<arma::vec>::from(bias);
    for (const bool rectify : {false, true}) {
        Guarded<Real> dense(before);
        multiply_add_bias(packed, x, bias, rectify, dense.y);
        require_close<Real>(dense.y, rectify ? arma::mat(arma::clamp(biased, 0.0, arma::datum::inf)) : biased,
                            sizes + 4.0, steps);
        REQUIRE(dense.is_whole());
    }

    Guarded<Real> active(before);
    multiply_where_active(packed, x, before, active.y);
    for (uword i = 0; i < before.n_elem; ++i) {
        REQUIRE(active.y.memptr()[i] == (before.memptr()[i] > Real(0) ? plain.y.memptr()[i] : Real(0)));
    }

    const arma::mat added = arma::conv_to<arma::mat>::from(before) + exact;
    Guarded<Real> sum(before);
    add_product(packed, x, sum.y);
    require_close<Real>(sum.y, added, sizes + 4.0, steps);

    Guarded<Real> of_transposed(before);
    add_product_with_transposed<Real>(packed, x.t(), of_transposed.y);
    REQUIRE(arma::approx_equal(of_transposed.y, sum.y, "absdiff", Real(0)));

    const Matrix<Real> longer =
        arma::join_cols(Matrix<Real>(a.t()), drawn<Real>(5, 3, rows));  // rows that do not count
    Guarded<Real> first_steps(before);
    add_product(pack_transposed<Real>(longer, steps), Matrix<Real>(arma::join_cols(x, drawn<Real>(6, 2, n))),
                first_steps.y);
    REQUIRE(arma::approx_equal(first_steps.y, sum.y, "absdiff", Real(0)));

    for (const Guarded<Real>* guarded : {&plain, &transposed, &active, &sum, &of_transposed, &first_steps}) {
        REQUIRE(guarded->is_whole());
    }
}

}  // namespace

TEST_CASE("packed products are the sums they stand for", "[linear][packed]") {
    with_every_instruction_set([] {
        for (const uword rows : {1u, 7u, 16u, 31u, 50u}) {
            for (const uword n : {1u, 5u, 12u, 13u, 29u}) {
                require_products<float>(rows, 9, n);
                require_products<double>(rows, 9, n);
            }
        }
        require_products<float>(33, 1, 4);
        require_products<float>(20, 256, 14);
        require_products<float>(20, 257, 14);  // two blocks of steps
        require_products<double>(20, 800, 14);
    });
}

TEST_CASE("a packed product keeps what is not a number", "[linear][packed]") {
    with_every_instruction_set([] {
        Matrix<float> x = drawn<float>(2, 4, 6);
        x(1, 3) = std::numeric_limits<float>::quiet_NaN();
        Matrix<float> y(5, 6);
        multiply_add_bias(pack_rows(drawn<float>(1, 5, 4)), x, Vector<float>(5, arma::fill::zeros), true, y);
        REQUIRE(y.col(3).has_nan());
        y.shed_col(3);
        REQUIRE_FALSE(y.has_nan());
    });
}

TEST_CASE("a value of a packed product depends on its row and column alone", "[linear][packed]") {
    const Matrix<float> a = drawn<float>(1, 40, 300);
    const Matrix<float> x = drawn<float>(2, 300, 50);
    Matrix<float> together(40, 50);
    multiply(pack_rows(a), x, together);
    for (uword i = 0; i < x.n_cols; ++i) {
        Matrix<float> alone(1, 1);
        const uword row = i % a.n_rows;
        multiply(pack_rows<float>(a.row(row)), Matrix<float>(x.col(i)), alone);
        REQUIRE(alone(0, 0) == together(row, i));
    }
}
