#include "engine/linear/symmetric_product.hpp"

#include "engine/core/check.hpp"
#include "engine/core/operations.hpp"
#include "engine/core/parallel.hpp"

// This file is compiled once per instruction set; Highway picks the best one when the program starts.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/linear/symmetric_product.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef BCBENCH_SYMMETRIC_PRODUCT_ONCE  // what all instruction sets share
#define BCBENCH_SYMMETRIC_PRODUCT_ONCE
namespace bcbench::symmetric {

constexpr arma::uword block_rows = 8;      // of x
constexpr arma::uword block_columns = 64;  // of S, a multiple of any number at a time

/// x S for columns first .. first+count-1 of S. x and out: [block_rows x n]
struct Block {
    const double* x;
    const double* s;
    double* out;
    arma::uword n, first, count;
};

}  // namespace bcbench::symmetric
#endif

HWY_BEFORE_NAMESPACE();
namespace bcbench::symmetric::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<double, block_rows>;
constexpr arma::uword lanes = HWY_MIN(block_rows, HWY_LANES(double));
constexpr arma::uword n_vectors = block_rows / lanes;

/// Of n_columns columns at a time: a column of x is loaded once for all of them.
template <arma::uword n_columns>
HWY_INLINE void columns_product(const Block& block, arma::uword column) {
    const Tag d;
    hn::Vec<Tag> sums[n_columns][n_vectors];
    for (auto& sum : sums)
        for (auto& part : sum) part = hn::Zero(d);
    const double* s = block.s + column * block.n;
    for (arma::uword j = 0; j < block.n; ++j) {
        hn::Vec<Tag> x[n_vectors];
        for (arma::uword v = 0; v < n_vectors; ++v) x[v] = hn::LoadU(d, block.x + j * block_rows + v * lanes);
        for (arma::uword c = 0; c < n_columns; ++c) {
            const auto entry = hn::Set(d, s[c * block.n + j]);
            for (arma::uword v = 0; v < n_vectors; ++v) sums[c][v] = hn::MulAdd(x[v], entry, sums[c][v]);
        }
    }
    for (arma::uword c = 0; c < n_columns; ++c)
        for (arma::uword v = 0; v < n_vectors; ++v)
            hn::StoreU(sums[c][v], d, block.out + (column + c) * block_rows + v * lanes);
}

void block_product(const Block& block) {
    constexpr arma::uword at_once = HWY_MAX(8 / n_vectors, 1);  // 8 sums in registers
    arma::uword column = block.first;
    for (; column + at_once <= block.first + block.count; column += at_once) columns_product<at_once>(block, column);
    for (; column < block.first + block.count; ++column) columns_product<1>(block, column);
}

}  // namespace bcbench::symmetric::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bcbench {

namespace symmetric {
HWY_EXPORT(block_product);
}

arma::mat symmetric_product(const arma::mat& x, const arma::mat& s) {
    using namespace symmetric;
    require(s.is_square() && x.n_cols == s.n_rows, "a product with a symmetric matrix needs as many columns as it has");
    count_operations(s.n_elem, 2 * x.n_rows);
    arma::mat result(arma::size(x), arma::fill::none);
    const Tiles blocks{s.n_cols, block_columns};
    for (arma::uword row = 0; row < x.n_rows; row += block_rows) {
        const arma::uword last = std::min(row + block_rows, x.n_rows) - 1;
        arma::mat part(block_rows, x.n_cols, arma::fill::zeros), product(arma::size(part), arma::fill::none);
        part.head_rows(last - row + 1) = x.rows(row, last);
        parallel_for(blocks.count(), [&](std::size_t block) {
            HWY_DYNAMIC_DISPATCH(block_product)
            ({part.memptr(), s.memptr(), product.memptr(), s.n_rows, blocks.first(block), blocks.size(block)});
        });
        result.rows(row, last) = product.head_rows(last - row + 1);
    }
    return result;
}

}  // namespace bcbench
#endif  // HWY_ONCE
