#include "engine/training/optimizer.hpp"

#include <algorithm>
#include <cmath>

#include "engine/core/check.hpp"
#include "engine/linear/products.hpp"
#include "engine/training/update_rules.hpp"

namespace bcbench::optimizer {

using arma::uword;

namespace {

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
        update_tensor(options.rule, c, parameters[p]->n_elem, gradients[p]->memptr(), state.first[p].memptr(),
                      state.second[p].memptr(), parameters[p]->memptr());
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
