#include "engine/linear/krylov_space.hpp"

#include "engine/core/operations.hpp"
#include "engine/linear/products.hpp"

namespace bcbench::linear {

namespace {

using arma::uword;

constexpr std::size_t rows_at_a_time = 512;

}  // namespace

arma::rowvec lengths(const arma::mat& vectors) { return arma::sqrt(arma::sum(arma::square(vectors), 0)); }

KrylovSpace::KrylovSpace(uword n, uword capacity)
    : rows_{n, rows_at_a_time}, projected_(capacity, capacity, arma::fill::zeros) {
    parts_.resize(rows_.count());
    for (std::size_t t = 0; t < parts_.size(); ++t) parts_[t].set_size(rows_.size(t), capacity);
}

void KrylovSpace::append(const arma::mat& block) {
    parallel_for(parts_.size(), [&](std::size_t t) {
        parts_[t].cols(width_, width_ + block.n_cols - 1) = block.rows(first(t), last(t));
    });
    width_ += block.n_cols;
}

arma::mat KrylovSpace::remove(uword from, arma::mat& block) const {
    const uword count = width_ - from;
    count_operations(rows_.total, 4 * count * block.n_cols);
    std::vector<arma::mat> partial(parts_.size());
    parallel_for(parts_.size(), [&](std::size_t t) {
        partial[t] = columns(parts_[t], from, count).t() * block.rows(first(t), last(t));
    });
    for (std::size_t t = 1; t < partial.size(); ++t) partial[0] += partial[t];
    parallel_for(parts_.size(),
                 [&](std::size_t t) { block.rows(first(t), last(t)) -= columns(parts_[t], from, count) * partial[0]; });
    return partial[0];
}

void KrylovSpace::set_image_of_last(const arma::mat& coefficients) {
    const uword from = width_ - coefficients.n_cols;
    projected_.submat(0, from, arma::size(coefficients)) = coefficients;
    projected_.submat(from, 0, width_ - 1, width_ - 1) = coefficients.t();
    const arma::mat corner = projected_.submat(from, from, arma::size(coefficients.n_cols, coefficients.n_cols));
    projected_.submat(from, from, arma::size(corner)) = 0.5 * (corner + corner.t());
}

arma::mat KrylovSpace::times(const arma::mat& y) const {
    count_operations(rows_.total, 2 * y.n_elem);
    arma::mat result(rows_.total, y.n_cols);
    parallel_for(parts_.size(),
                 [&](std::size_t t) { result.rows(first(t), last(t)) = columns(parts_[t], 0, width_) * y; });
    return result;
}

void KrylovSpace::restart(const arma::mat& y, const arma::vec& values) {
    const arma::mat kept = times(y);
    width_ = 0;
    append(kept);
    projected_.zeros();
    projected_.submat(0, 0, arma::size(width_, width_)) = arma::diagmat(values);
}

Factored orthonormalised(const arma::mat& block, double smallest) {
    Factored factored{arma::mat(block.n_rows, 0), arma::mat(block.n_cols, block.n_cols, arma::fill::zeros)};
    arma::mat q(arma::size(block));
    uword rank = 0;
    for (uword c = 0; c < block.n_cols; ++c) {
        arma::vec column = block.col(c);
        for (int pass = 0; pass < 2; ++pass) {  // once is not orthogonal to rounding
            for (uword j = 0; j < rank; ++j) {
                const double part = arma::dot(q.unsafe_col(j), column);
                column -= part * q.unsafe_col(j);
                factored.r(j, c) += part;
            }
        }
        const double length = arma::norm(column);
        if (length <= smallest) continue;
        factored.r(rank, c) = length;
        q.col(rank++) = column / length;
    }
    q.resize(q.n_rows, rank);
    factored.q = std::move(q);
    factored.r.resize(rank, factored.r.n_cols);
    return factored;
}

arma::mat new_directions(const KrylovSpace& space, uword n, uword width, Stream& stream) {
    arma::mat block = arma::conv_to<arma::mat>::from(normal(stream.next(), n, width));
    for (int pass = 0; pass < 2 && space.width() > 0; ++pass) space.remove(0, block);
    arma::mat fresh = orthonormalised(block, 1e-6).q;  // the draws are of length sqrt(n)
    if (space.width() > 0) space.remove(0, fresh);
    return orthonormalised(fresh, 0.5).q;
}

}  // namespace bcbench::linear
