#include "engine/training/loop.hpp"

#include <cstdio>

namespace bcbench::training {

void validate(const Options& options) {
    require_option(options.learning_rate > 0.0, "learning_rate", options.learning_rate, "greater than 0");
    require_option(options.steps >= 1, "steps", options.steps, "at least 1");
    require_option(options.warmup_steps >= 0 && options.warmup_steps <= options.steps, "warmup_steps",
                   options.warmup_steps, "between 0 and steps (" + std::to_string(options.steps) + ")");
    if (options.batch_size) require_option(*options.batch_size >= 2, "batch_size", *options.batch_size, "at least 2");
    require_option(options.holdout_fraction >= 0.0 && options.holdout_fraction < 1.0, "holdout_fraction",
                   options.holdout_fraction, "in [0, 1)");
    if (options.early_stopping == Stopping::holdout) {
        require_option(options.holdout_fraction > 0.0, "holdout_fraction", options.holdout_fraction,
                       "greater than 0 where early_stopping is holdout");
    }
    require_option(options.patience >= 1, "patience", options.patience, "at least 1");
    require_option(options.trace_every >= 1, "trace_every", options.trace_every, "at least 1");
    optimizer::validate(optimizer_of(options));
}

optimizer::Options optimizer_of(const Options& options) {
    return {options.optimizer, options.beta1, options.beta2, options.weight_decay};
}

Key training_key(std::int64_t seed) {
    // one fold deeper than any key of a stream of the same seed
    return fold_in(fold_in(make_key(static_cast<std::uint64_t>(seed)), 0xffffffffU), 0);
}

Split split_cells(const Labels& batch, const Options& options) {
    return split_cells(batch, options.holdout_fraction, fold_in(training_key(options.seed), 0));
}

void require_no_worse(double before, double after) {
    constexpr double wandering = 0.1;
    if (after <= before + wandering * std::abs(before)) return;  // NaN is worse than anything
    char figures[128];
    std::snprintf(figures, sizeof figures, "a loss of %.6g, from %.6g before the first step", after, before);
    throw NumericalError(std::string("training diverged: it ended worse than it began, with ") + figures +
                         "; a lower learning_rate may help");
}

double finite(double value, const char* what) {
    if (!std::isfinite(value)) throw NumericalError(std::string(what) + " is not finite");
    return value;
}

}  // namespace bcbench::training
