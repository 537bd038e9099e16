#include "engine/training/update_rules.hpp"

#include <cmath>

// This file is compiled once per instruction set; Highway picks the best one when the program starts. The loops are
// plain: the compiler makes vectors of them.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/training/update_rules.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace bcbench::optimizer::HWY_NAMESPACE {

constexpr double epsilon = 1e-8;

template <class Real>
void adam(const Coefficients<Real>& c, std::size_t n, const Real* HWY_RESTRICT g, Real* HWY_RESTRICT m,
          Real* HWY_RESTRICT v, Real* HWY_RESTRICT w) {
    for (std::size_t i = 0; i < n; ++i) {
        m[i] = c.beta1 * m[i] + c.rest1 * g[i];
        v[i] = c.beta2 * v[i] + c.rest2 * g[i] * g[i];
        const Real scale = std::sqrt(c.second_scale * v[i]) + static_cast<Real>(epsilon);
        w[i] = c.keep * w[i] - c.rate * c.first_scale * m[i] / scale;
    }
}

template <class Real>
void rmsprop(const Coefficients<Real>& c, std::size_t n, const Real* HWY_RESTRICT g, Real* HWY_RESTRICT v,
             Real* HWY_RESTRICT w) {
    for (std::size_t i = 0; i < n; ++i) {
        v[i] = c.beta2 * v[i] + c.rest2 * g[i] * g[i];
        w[i] = c.keep * w[i] - c.rate * g[i] / (std::sqrt(v[i]) + static_cast<Real>(epsilon));
    }
}

template <class Real>
void sgd(const Coefficients<Real>& c, std::size_t n, const Real* HWY_RESTRICT g, Real* HWY_RESTRICT m,
         Real* HWY_RESTRICT w) {
    for (std::size_t i = 0; i < n; ++i) {
        m[i] = c.beta1 * m[i] + g[i];
        w[i] = c.keep * w[i] - c.rate * m[i];
    }
}

template <class Real>
void by_rule(Rule rule, const Coefficients<Real>& c, std::size_t n, const Real* g, Real* m, Real* v, Real* w) {
    switch (rule) {
        case Rule::adam:
            return adam(c, n, g, m, v, w);
        case Rule::rmsprop:
            return rmsprop(c, n, g, v, w);
        case Rule::sgd:
            return sgd(c, n, g, m, w);
    }
}

void of_floats(Rule rule, const Coefficients<float>& c, std::size_t n, const float* g, float* m, float* v, float* w) {
    by_rule(rule, c, n, g, m, v, w);
}

void of_doubles(Rule rule, const Coefficients<double>& c, std::size_t n, const double* g, double* m, double* v,
                double* w) {
    by_rule(rule, c, n, g, m, v, w);
}

}  // namespace bcbench::optimizer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bcbench::optimizer {

HWY_EXPORT(of_floats);
HWY_EXPORT(of_doubles);

void update_tensor(Rule rule, const Coefficients<float>& c, std::size_t n, const float* g, float* m, float* v,
                   float* w) {
    HWY_DYNAMIC_DISPATCH(of_floats)(rule, c, n, g, m, v, w);
}

void update_tensor(Rule rule, const Coefficients<double>& c, std::size_t n, const double* g, double* m, double* v,
                   double* w) {
    HWY_DYNAMIC_DISPATCH(of_doubles)(rule, c, n, g, m, v, w);
}

}  // namespace bcbench::optimizer
#endif  // HWY_ONCE
