// What the trainers of all methods share: options, mini-batches, held-out cells, curves, early stopping, divergence.
// A trainer supplies one update and one evaluation; everything else is the loop below.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/core/random.hpp"
#include "engine/core/types.hpp"
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

/// Which cells are trained on, and which are not. Indices ascend.
struct Split {
    std::vector<std::uint32_t> training;
    std::vector<std::uint32_t> holdout;
};

/// Holds out round(holdout_fraction * size) cells of every batch, at least 1, at random. Throws std::invalid_argument
/// if that leaves a batch without cells on either side.
Split split_cells(const Labels& batch, const Options& options);

/// The given cells of a dataset, in this order, with all label names.
template <class Real>
Dataset<Real> subset(const Dataset<Real>& data, const std::vector<std::uint32_t>& cells);

/// The batch at place `index` of the dataset's list. Throws std::invalid_argument if there is none.
std::uint32_t batch_code(std::int64_t index, const Labels& batch);

/// Draws mini-batches of `size` cells without replacement until too few are left, then starts over in a new random
/// order. Any run of consecutive cells holds each batch in proportion. `data` must outlive it.
template <class Real>
class MiniBatches {
  public:
    /// No size: every mini-batch is all of `data`. Throws std::invalid_argument if there are fewer than `size` cells.
    MiniBatches(const Dataset<Real>& data, std::optional<std::int64_t> size, Key key);

    /// Whether every mini-batch is all of the data.
    bool whole() const { return size_ == data_.cells.n_cols; }

    /// The next mini-batch; valid until the next call.
    const Dataset<Real>& next();

  private:
    void start_epoch();

    const Dataset<Real>& data_;
    std::size_t size_;
    Key key_;
    std::uint32_t epoch_ = 0;
    std::size_t place_ = 0;             // in order_
    std::vector<std::uint32_t> order_;  // [n]
    Dataset<Real> current_;
};

/// A quantity along a training: one value per evaluation.
struct Curve {
    std::string name;
    std::vector<double> values;
};

/// A model's losses on some cells; `objective` is what training minimises.
template <class Real>
struct Evaluation {
    double objective = 0.0;
    std::vector<Curve> parts;  // one value each: the named losses that make up the objective
    Matrix<Real> corrected;    // [F x n]
};

template <class Model>
struct Trained {
    Model model;
    std::int64_t step = 0;               // the update after which these parameters stood
    std::vector<Curve> curves;           // "step", "loss", the parts, "mixing", ..., "gradient_norm"
    std::vector<std::uint32_t> holdout;  // cells never trained on
};

/// Adds one evaluation to the curves: `prefix` + loss, parts, mixing (entropy among 10 neighbours, where it is
/// defined).
template <class Real>
void add_evaluation(const std::string& prefix, const Evaluation<Real>& evaluation, const Labels& batch,
                    std::vector<Curve>& curves);

/// Adds a value to the curve `name`.
void add_value(const std::string& name, double value, std::vector<Curve>& curves);

/// `value`, or a NumericalError saying that `what` is not finite.
double finite(double value, const char* what);

/// Trains `model`. update(model, mini_batches, step, rate) makes one update at `rate` times the learning rate and
/// returns the norm of its gradient; evaluate(model, data) returns an Evaluation. Throws NumericalError naming the step
/// at which a training diverged, and of what.
template <class Real, class Model, class Update, class Evaluate>
Trained<Model> run(const Dataset<Real>& data, Model model, const Options& options, Update&& update,
                   const Evaluate& evaluate) {
    validate(options);
    const Split split = split_cells(data.batch, options);
    const Dataset<Real> seen = subset(data, split.training);
    const Dataset<Real> unseen = subset(data, split.holdout);
    MiniBatches<Real> mini_batches(seen, options.batch_size, fold_in(training_key(options.seed), 1));

    Trained<Model> trained{model, 0, {}, split.holdout};
    double lowest = INFINITY;
    std::int64_t not_lower = 0;  // evaluations since the lowest objective
    for (std::int64_t step = 0; step < options.steps; ++step) {
        const std::int64_t n_updates = step + 1;
        try {
            const double rate = schedule::rate_factor(options.schedule, step, options.steps, options.warmup_steps);
            const double gradient_norm = update(model, mini_batches, step, rate);
            if (n_updates != 1 && n_updates != options.steps && n_updates % options.trace_every != 0) continue;
            const Evaluation<Real> on_seen = evaluate(model, seen);
            add_value("step", static_cast<double>(n_updates), trained.curves);
            add_evaluation("", on_seen, seen.batch, trained.curves);
            add_value("gradient_norm", gradient_norm, trained.curves);
            double monitored = on_seen.objective;
            if (!split.holdout.empty()) {
                const Evaluation<Real> on_unseen = evaluate(model, unseen);
                add_evaluation("holdout_", on_unseen, unseen.batch, trained.curves);
                if (options.early_stopping == Stopping::holdout) monitored = on_unseen.objective;
            }
            if (options.early_stopping == Stopping::none) continue;
            not_lower = monitored < lowest ? 0 : not_lower + 1;
            if (not_lower == 0) {
                lowest = monitored;
                trained.model = model;
                trained.step = n_updates;
            }
            if (not_lower >= options.patience) return trained;
        } catch (const NumericalError& error) {
            throw NumericalError("training diverged at step " + std::to_string(n_updates) + ": " + error.what());
        }
    }
    if (options.early_stopping == Stopping::none) {
        trained.model = std::move(model);
        trained.step = options.steps;
    }
    return trained;
}

}  // namespace bcbench::training
