#include "engine/linear/leading_eigenvectors.hpp"

#include <algorithm>
#include <cmath>

#include "engine/core/check.hpp"
#include "engine/core/random.hpp"

namespace bcbench {

namespace {

using arma::uword;

constexpr double tolerance = 1e-10;
constexpr uword n_extra = 2;  // a block wider than what is sought keeps close eigenvalues apart

// The part of `block` outside the span of `basis`, as orthonormal columns; directions that are only rounding are left
// out.
arma::mat new_directions(const arma::mat& basis, arma::mat block) {
    const double size = arma::norm(block, "fro");
    for (int pass = 0; pass < 2; ++pass) block -= basis * (basis.t() * block);  // once is not orthogonal to rounding
    arma::mat left;
    arma::vec scale;
    arma::mat right;
    if (!arma::svd_econ(left, scale, right, block, "left"))
        throw NumericalError("the principal components did not converge");
    const uword kept = arma::accu(scale > 1e-12 * size);
    left = left.head_cols(kept);
    left -= basis * (basis.t() * left);  // what was small has been scaled up, its rounding with it
    return left;
}

}  // namespace

std::optional<arma::mat> leading_eigenvectors(const SymmetricProduct& product, uword n, uword count,
                                              uword most_dimensions) {
    require(count >= 1 && count <= n, "the eigenvectors sought must be at least 1 and at most the rows of the matrix");
    arma::mat basis(n, 0);   // orthonormal
    arma::mat images(n, 0);  // S basis
    const uword width = std::min(count + n_extra, n);
    arma::mat block = arma::orth(arma::conv_to<arma::mat>::from(normal(make_key(0), n, width)));
    while (!block.empty() && basis.n_cols + block.n_cols <= most_dimensions) {
        const arma::mat image = product(block);
        basis = arma::join_rows(basis, block);
        images = arma::join_rows(images, image);
        const arma::mat projected = basis.t() * images;
        arma::vec values;
        arma::mat vectors;
        if (!arma::eig_sym(values, vectors, 0.5 * (projected + projected.t()))) return std::nullopt;
        if (basis.n_cols >= count) {
            const arma::mat leading = arma::fliplr(vectors.tail_cols(count));
            const arma::rowvec leading_values = arma::flipud(values.tail(count)).t();
            const arma::mat ritz = basis * leading;
            const arma::mat residual = images * leading - ritz.each_row() % leading_values;
            const double largest = std::max(values.back(), 0.0);
            const double worst = std::sqrt(arma::sum(arma::square(residual), 0).max());
            if (worst <= tolerance * largest || basis.n_cols == n) return ritz;
        }
        block = new_directions(basis, image);
    }
    return std::nullopt;
}

}  // namespace bcbench
