#include "engine/linear/chebyshev_filter.hpp"

#include <algorithm>
#include <cmath>

namespace bcbench::linear {

namespace {

constexpr int most_degree = 7;  // odd
constexpr double margin = 3.0;  // the least eigenvalue sought becomes cosh(margin)
constexpr double most_amplified = 1e5;

}  // namespace

ChebyshevFilter::ChebyshevFilter(const SymmetricRows& product, double least, double largest) : product_(&product) {
    degree_ = most_degree + 2;
    do {
        degree_ -= 2;
        bound_ = least / std::cosh(margin / degree_);
    } while (degree_ > 1 && std::cosh(degree_ * std::acosh(std::max(largest / bound_, 1.0))) > most_amplified);
}

arma::mat ChebyshevFilter::operator()(const arma::mat& x) const {
    arma::mat before = x.t();
    arma::mat image(arma::size(before), arma::fill::zeros);
    (*product_)(before, 1.0 / bound_, image);
    for (int k = 1; k < degree_; ++k) {  // T_{k+1}(y) = 2 y T_k(y) - T_{k-1}(y)
        (*product_)(image, 2.0 / bound_, before);
        image.swap(before);
    }
    return image.t();
}

double ChebyshevFilter::eigenvalue(double value) const {
    if (degree_ == 1) return bound_ * value;
    return std::copysign(bound_ * std::cosh(std::acosh(std::max(std::abs(value), 1.0)) / degree_), value);
}

double ChebyshevFilter::residual(double value) const {
    if (degree_ == 1) return bound_;
    const double beyond = std::abs(value) - 1.0;
    return beyond > 0.0 ? (std::abs(eigenvalue(value)) + bound_) / beyond : arma::datum::inf;
}

}  // namespace bcbench::linear
