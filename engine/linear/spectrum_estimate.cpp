#include "engine/linear/spectrum_estimate.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "engine/core/check.hpp"

namespace bcbench::linear {

namespace {

using arma::uword;

constexpr uword n_starts = 8;       // a count of c eigenvalues has a variance of 2 c / n_starts
constexpr uword n_steps = 24;       // of each: the ends of the spectrum are known well before
constexpr double rounding = 1e-12;  // of an eigenvalue, relative to the largest

arma::vec dots(const arma::mat& x, const arma::mat& y) { return arma::sum(x % y, 1); }

// Divides the rows of x [b x n] by `length` [b]; a row of length 0 has come to its end and becomes 0.
void divide_rows(arma::mat& x, const arma::vec& length) {
    arma::vec inverse(length.n_elem, arma::fill::zeros);
    for (uword b = 0; b < length.n_elem; ++b) inverse[b] = length[b] > 0.0 ? 1.0 / length[b] : 0.0;
    x.each_col() %= inverse;
}

}  // namespace

SpectrumEstimate estimated_spectrum(const SymmetricRows& product, uword n, uword count, Stream& stream) {
    const uword steps = std::min(n_steps, n);
    arma::mat current = arma::conv_to<arma::mat>::from(normal(stream.next(), n_starts, n));  // [starts x n]
    arma::mat before(arma::size(current), arma::fill::zeros);
    divide_rows(current, arma::sqrt(dots(current, current)));
    arma::mat diagonal(n_starts, steps), beside(n_starts, steps, arma::fill::zeros);
    for (uword step = 0; step < steps; ++step) {
        if (step > 0) before.each_col() %= beside.col(step - 1);
        product(current, 1.0, before);  // S x_j - beta_{j-1} x_{j-1}
        diagonal.col(step) = dots(before, current);
        before -= current.each_col() % diagonal.col(step);
        beside.col(step) = arma::sqrt(dots(before, before));
        divide_rows(before, beside.col(step));
        before.swap(current);
    }
    std::vector<std::pair<double, double>> weighed;  // size of a Ritz value, eigenvalues that it stands for
    for (uword b = 0; b < n_starts; ++b) {
        arma::mat tridiagonal = arma::diagmat(diagonal.row(b));
        for (uword step = 0; step + 1 < steps; ++step) {
            tridiagonal(step, step + 1) = tridiagonal(step + 1, step) = beside(b, step);
        }
        arma::vec values;
        arma::mat vectors;
        if (!arma::eig_sym(values, vectors, tridiagonal)) throw NumericalError("the eigenvalues did not converge");
        for (uword c = 0; c < steps; ++c) {
            const double share = vectors(0, c) * vectors(0, c);
            weighed.emplace_back(std::abs(values[c]), share * static_cast<double>(n) / n_starts);
        }
    }
    std::sort(weighed.begin(), weighed.end(), std::greater<>());
    SpectrumEstimate estimate{weighed.front().first, 0.0};
    double reaching = 0.0;
    for (const auto& [size, eigenvalues] : weighed) {
        if (size <= rounding * estimate.largest) break;  // of a matrix of few ranks all others are 0
        estimate.reached = size;
        reaching += eigenvalues;
        if (reaching >= static_cast<double>(count)) break;
    }
    return estimate;
}

}  // namespace bcbench::linear
