#include "engine/training/optimizer.hpp"

#include <algorithm>
#include <cmath>

#include "engine/core/check.hpp"
#include "engine/linear/products.hpp"

namespace bcbench::optimizer {

using arma::uword;

namespace {

constexpr double epsilon = 1e-8;

// The coefficients of one update, in the arithmetic of the parameters.
template <class Real>
struct Coefficients {
    Real rate, keep, beta1, rest1, beta2, rest2, first_scale, second_scale;  // rest: 1 - beta, of the unrounded beta
};

template <class Real>
Coefficients<Real> coefficients(const Options& options, double rate, long t) {
    const auto unbiased = [t](double beta) { return 1.0 / (1.0 - std::pow(beta, static_cast<double>(t))); };
    return {static_cast<Real>(rate),
            static_cast<Real>(1.0 - rate * options.weight_decay),
            static_cast<Real>(options.beta1),
            static_cast<Real>(1.0 - options.beta1),
            static_cast<Real>(options.beta2),
            static_cast<Real>(1.0 - options.beta2),
            static_cast<Real>(unbiased(options.beta1)),
            static_cast<Real>(unbiased(options.beta2))};
}

template <class Real>
void adam(const Coefficients<Real>& c, uword n, const Real* __restrict g, Real* __restrict m, Real* __restrict v,
          Real* __restrict w) {
    for (uword i = 0; i < n; ++i) {
        m[i] = c.beta1 * m[i] + c.rest1 * g[i];
        v[i] = c.beta2 * v[i] + c.rest2 * g[i] * g[i];
        const Real scale = std::sqrt(c.second_scale * v[i]) + static_cast<Real>(epsilon);
        w[i] = c.keep * w[i] - c.rate * c.first_scale * m[i] / scale;
    }
}

template <class Real>
void rmsprop(const Coefficients<Real>& c, uword n, const Real* __restrict g, Real* __restrict v, Real* __restrict w) {
    for (uword i = 0; i < n; ++i) {
        v[i] = c.beta2 * v[i] + c.rest2 * g[i] * g[i];
        w[i] = c.keep * w[i] - c.rate * g[i] / (std::sqrt(v[i]) + static_cast<Real>(epsilon));
    }
}

template <class Real>
void sgd(const Coefficients<Real>& c, uword n, const Real* __restrict g, Real* __restrict m, Real* __restrict w) {
    for (uword i = 0; i < n; ++i) {
        m[i] = c.beta1 * m[i] + g[i];
        w[i] = c.keep * w[i] - c.rate * m[i];
    }
}

}  // namespace

void validate(const Options& options) {
    require_option(options.beta1 >= 0.0 && options.beta1 < 1.0, "beta1", options.beta1, "in [0, 1)");
    require_option(options.beta2 >= 0.0 && options.beta2 < 1.0, "beta2", options.beta2, "in [0, 1)");
    require_option(options.weight_decay >= 0.0, "weight_decay", options.weight_decay, "at least 0");
}

template <class Real>
void update(const Options& options, double rate, const Tensors<Real>& parameters, const Tensors<Real>& gradients,
            State<Real>& state) {
    require(parameters.size() == gradients.size(), "an update needs one gradient per parameter");
    if (state.n_updates == 0) {
        for (const Matrix<Real>* parameter : parameters) {
            state.first.emplace_back(arma::size(*parameter), arma::fill::zeros);
            state.second.emplace_back(arma::size(*parameter), arma::fill::zeros);
        }
    }
    const Coefficients<Real> c = coefficients<Real>(options, rate, ++state.n_updates);
    for (std::size_t p = 0; p < parameters.size(); ++p) {
        require(arma::size(*parameters[p]) == arma::size(*gradients[p]),
                "a gradient has another shape than its parameter");
        const uword n = parameters[p]->n_elem;
        const Real* g = gradients[p]->memptr();
        Real* m = state.first[p].memptr();
        Real* v = state.second[p].memptr();
        Real* w = parameters[p]->memptr();
        switch (options.rule) {
            case Rule::adam:
                adam(c, n, g, m, v, w);
                break;
            case Rule::rmsprop:
                rmsprop(c, n, g, v, w);
                break;
            case Rule::sgd:
                sgd(c, n, g, m, w);
                break;
        }
    }
}

template <class Real>
double norm(const Tensors<Real>& gradients) {
    double sum = 0.0;
    for (const Matrix<Real>* gradient : gradients) {
        const Real* g = gradient->memptr();
        sum += sum_of(gradient->n_elem, [g](uword i) { return static_cast<double>(g[i]) * static_cast<double>(g[i]); });
    }
    return std::sqrt(sum);
}

template <class Real>
void set_zero(const Tensors<Real>& tensors) {
    for (Matrix<Real>* tensor : tensors) tensor->zeros();
}

template <class Real>
void clip(const Tensors<Real>& parameters, double limit) {
    const auto bound = static_cast<Real>(limit);
    for (Matrix<Real>* parameter : parameters) {
        for (Real& value : *parameter) value = std::clamp(value, -bound, bound);
    }
}

#define BCBENCH_INSTANTIATE(Real)                                                                           \
    template void update(const Options&, double, const Tensors<Real>&, const Tensors<Real>&, State<Real>&); \
    template double norm(const Tensors<Real>&);                                                             \
    template void set_zero(const Tensors<Real>&);                                                           \
    template void clip(const Tensors<Real>&, double)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::optimizer
