// What the trainers of all methods share: options, held-out cells, early stopping, divergence, and a way to look on.
// A trainer supplies one update and the losses; everything else is the loop below.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/core/random.hpp"
#include "engine/core/types.hpp"
#include "engine/training/mini_batches.hpp"
#include "engine/training/optimizer.hpp"
#include "engine/training/schedule.hpp"

namespace bcbench::training {

enum class Stopping { none, training, holdout };
constexpr const char* words_of(Stopping) { return "none training holdout"; }

struct Options {
    optimizer::Rule optimizer = optimizer::Rule::adam;
    /// Size of an update; larger is faster until it diverges.
    double learning_rate = 1e-3;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double weight_decay = 0.0;
    schedule::Shape schedule = schedule::Shape::cosine;
    /// Updates over which the learning rate rises to its full size.
    std::int64_t warmup_steps = 0;
    /// Updates in all.
    std::int64_t steps = 1500;
    /// Cells of one update, drawn without replacement, each batch in proportion; none: all of them.
    std::optional<std::int64_t> batch_size;
    /// Share of each batch's cells that training never sees.
    double holdout_fraction = 0.0;
    /// The cells whose objective decides when to stop: when it has not fallen for `patience` evaluations. The
    /// parameters are then those of its lowest value.
    Stopping early_stopping = Stopping::none;
    std::int64_t patience = 10;
    /// Updates between two evaluations.
    std::int64_t trace_every = 50;
    /// Of mini-batches, held-out cells and starting points; the initial weights do not depend on it.
    std::int64_t seed = 0;
};

void validate(const Options& options);

/// The optimiser the options describe.
optimizer::Options optimizer_of(const Options& options);

/// The key of all draws of a training; apart from the streams that draw initial weights, also for equal seeds.
Key training_key(std::int64_t seed);

/// A model's losses on some cells; `objective` is what training minimises.
struct Evaluation {
    double objective = 0.0;
    std::vector<Curve> parts;  // one value each: the named losses that make up the objective
    /// Where the objective is a game's, which rises and falls with the opponent: the loss that a training must lower.
    std::optional<double> judged_by = std::nullopt;

    double to_lower() const { return judged_by.value_or(objective); }
};

/// A look at a training between two updates. The functions evaluate the model as it stands.
template <class Real>
struct Observation {
    std::int64_t step;            // updates made
    double gradient_norm;         // of the last one
    const Dataset<Real>& seen;    // cells trained on
    const Dataset<Real>& unseen;  // cells held out, or none
    std::function<Evaluation(const Dataset<Real>&)> losses;
    std::function<Matrix<Real>(const Dataset<Real>&)> corrected;  // [F x n]
};

/// The cells that a training with these options sees, and those it holds out.
Split split_cells(const Labels& batch, const Options& options);

/// Called after the first update, the last one and every trace_every-th. What it does is no part of the training, and
/// changes nothing in it.
template <class Real>
using Observe = std::function<void(const Observation<Real>&)>;

template <class Model>
struct Trained {
    Model model;
    std::int64_t step = 0;               // the update after which these parameters stood
    std::vector<std::uint32_t> holdout;  // cells never trained on
};

/// `value`, or a NumericalError saying that `what` is not finite.
double finite(double value, const char* what);

/// At most this many cells decide whether a training ended worse than it began.
inline constexpr std::size_t most_judged_cells = 2000;

/// `data`, or most_judged_cells of its cells, evenly spaced.
template <class Real>
Dataset<Real> cells_that_judge(const Dataset<Real>& data) {
    const std::size_t n = data.batch.code.size();
    if (n <= most_judged_cells) return data;
    std::vector<std::uint32_t> chosen(most_judged_cells);
    for (std::size_t s = 0; s < chosen.size(); ++s) chosen[s] = static_cast<std::uint32_t>(s * n / chosen.size());
    return subset(data, chosen);
}

/// Throws NumericalError with both figures if `after` is higher than `before` by more than a tenth: a short training
/// wanders by less.
void require_no_worse(double before, double after);

/// Trains `model`. update(model, mini_batches, step, rate) makes one update at `rate` times the learning rate and
/// returns the norm of its gradient; losses(model, data) returns an Evaluation, corrected(model, data) the cells [F x
/// n]. Throws NumericalError naming the step at which a training diverged, and of what, or if it ended worse than it
/// began.
template <class Real, class Model, class Update, class Losses, class Corrected>
Trained<Model> run(const Dataset<Real>& data, Model model, const Options& options, Update&& update,
                   const Losses& losses, const Corrected& corrected, const Observe<Real>& observe) {
    validate(options);
    const Split split = split_cells(data.batch, options);
    const Dataset<Real> seen = subset(data, split.training);
    const Dataset<Real> unseen = subset(data, split.holdout);
    MiniBatches<Real> mini_batches(seen, options.batch_size, fold_in(training_key(options.seed), 1));

    const Dataset<Real> judges = cells_that_judge(seen);
    const auto judged = [&](const Model& current) {
        try {
            return losses(current, judges).to_lower();
        } catch (const NumericalError&) {  // not finite: of what it began with the first step says so
            return static_cast<double>(INFINITY);
        }
    };
    const double before = judged(model);

    Trained<Model> trained{model, 0, split.holdout};
    double lowest = INFINITY;
    std::int64_t not_lower = 0;  // looks since the lowest objective
    for (std::int64_t step = 0; step < options.steps; ++step) {
        const std::int64_t n_updates = step + 1;
        try {
            const double rate = schedule::rate_factor(options.schedule, step, options.steps, options.warmup_steps);
            const double gradient_norm = update(model, mini_batches, step, rate);
            if (n_updates != 1 && n_updates != options.steps && n_updates % options.trace_every != 0) continue;
            if (observe) {
                observe({n_updates, gradient_norm, seen, unseen,
                         [&](const Dataset<Real>& cells) { return losses(model, cells); },
                         [&](const Dataset<Real>& cells) { return corrected(model, cells); }});
            }
            if (options.early_stopping == Stopping::none) continue;
            const bool by_holdout = options.early_stopping == Stopping::holdout && !split.holdout.empty();
            const double monitored = finite(losses(model, by_holdout ? unseen : seen).objective, "the loss");
            not_lower = monitored < lowest ? 0 : not_lower + 1;
            if (not_lower == 0) {
                lowest = monitored;
                trained.model = model;
                trained.step = n_updates;
            }
            if (not_lower >= options.patience) break;
        } catch (const NumericalError& error) {
            throw NumericalError("training diverged at step " + std::to_string(n_updates) + ": " + error.what());
        }
    }
    if (options.early_stopping == Stopping::none) {
        trained.model = std::move(model);
        trained.step = options.steps;
    }
    require_no_worse(before, judged(trained.model));
    return trained;
}

}  // namespace bcbench::training
