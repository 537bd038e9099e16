// The options of harmony: presets and checks.
#include <cmath>
#include <sstream>

#include "engine/core/check.hpp"
#include "engine/methods/harmony/problem.hpp"

namespace bcbench::harmony {

Options r_2_0_4() {
    Options options;
    options.covariate_penalty = CovariatePenalty::sum;
    return options;
}

Options harmonypy_2_1() {
    Options options;
    options.stop_on_increase = false;
    return options;
}

Options scanpy() {
    Options options;
    options.max_iter_cluster = 200;
    options.epsilon_cluster = 1e-5;
    options.epsilon_harmony = 1e-4;
    return options;
}

Options preset(const std::string& name) {
    if (name == "R-2.0.4") return r_2_0_4();
    if (name == "harmonypy-2.1") return harmonypy_2_1();
    if (name == "scanpy") return scanpy();
    throw std::invalid_argument("'" + name + "' is no preset of harmony; there are: " + preset_names);
}

namespace {

void require_bounds(bool holds, const char* name, double value, const char* bounds) {
    if (holds) return;
    std::ostringstream message;
    message << name << " is " << value << "; it must be " << bounds;
    throw std::invalid_argument(message.str());
}

/// Every value finite and, as `positive` says, above 0 or at least 0.
void require_values(const std::vector<double>& values, const char* name, bool positive) {
    require(!values.empty(), (std::string(name) + " has no value; it takes at least one").c_str());
    for (const double value : values) {
        require_bounds(std::isfinite(value) && (positive ? value > 0.0 : value >= 0.0), name, value,
                       positive ? "greater than 0" : "at least 0");
    }
}

}  // namespace

void validate(const Options& options) {
    const auto whole = [](std::int64_t value) { return static_cast<double>(value); };
    if (options.n_clusters) {
        require_bounds(*options.n_clusters >= 1, "n_clusters", whole(*options.n_clusters), "at least 1");
    }
    require_values(options.theta, "theta", false);
    require_values(options.sigma, "sigma", true);
    if (options.lambda) require_values(*options.lambda, "lambda", true);
    require_bounds(std::isfinite(options.alpha) && options.alpha > 0.0, "alpha", options.alpha, "greater than 0");
    require_bounds(options.max_iter >= 0, "max_iter", whole(options.max_iter), "at least 0");
    if (options.max_iter_cluster) {
        require_bounds(*options.max_iter_cluster >= 1, "max_iter_cluster", whole(*options.max_iter_cluster),
                       "at least 1");
    }
    for (const auto& [name, epsilon] : {std::pair{"epsilon_cluster", options.epsilon_cluster},
                                        std::pair{"epsilon_harmony", options.epsilon_harmony}}) {
        if (epsilon) require_bounds(std::isfinite(*epsilon) && *epsilon >= 0.0, name, *epsilon, "at least 0");
    }
    require_bounds(options.block_size > 0.0 && options.block_size <= 1.0, "block_size", options.block_size,
                   "greater than 0 and at most 1");
    require_bounds(std::isfinite(options.tau) && options.tau >= 0.0, "tau", options.tau, "at least 0");
    require_bounds(options.batch_prop_cutoff >= 0.0 && options.batch_prop_cutoff < 1.0, "batch_prop_cutoff",
                   options.batch_prop_cutoff, "at least 0 and below 1");
    require_bounds(options.lloyd_steps >= 0, "lloyd_steps", whole(options.lloyd_steps), "at least 0");
    require_bounds(options.seed >= 0, "seed", whole(options.seed), "at least 0");
}

void validate(const Options& options, std::size_t n_cells, std::span<const Labels> covariates) {
    validate(options);
    make_problem(options, 1, make_levels(n_cells, covariates));
}

}  // namespace bcbench::harmony
