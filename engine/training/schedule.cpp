#include "engine/training/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace bcbench::schedule {

double rate_factor(Shape shape, std::int64_t step, std::int64_t n_steps, std::int64_t warmup) {
    if (step < warmup) return static_cast<double>(step + 1) / static_cast<double>(warmup);
    const double p = static_cast<double>(step - warmup) / static_cast<double>(n_steps - warmup);
    switch (shape) {
        case Shape::constant:
            return 1.0;
        case Shape::linear:
            return 1.0 - p;
        case Shape::cosine:
            break;
    }
    return 0.5 * (1.0 + std::cos(std::numbers::pi * p));
}

double annealed(double start, std::int64_t step, std::int64_t n_steps) {
    const double p = std::min(1.0, static_cast<double>(step) / (0.7 * static_cast<double>(n_steps)));
    return std::pow(start, 1.0 - p);
}

}  // namespace bcbench::schedule
