// What a metric is to the harness: a row of a table, what it may look at, and what it gives. Each group of metrics
// binds itself in a file of metrics/; metrics.cpp lists them (README, "Adding a metric").
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/core/magnitude.hpp"
#include "engine/core/types.hpp"
#include "engine/metrics/variance.hpp"
#include "engine/neighbors/ties.hpp"
#include "experiments/catalog/parameter.hpp"
#include "experiments/catalog/score.hpp"

namespace bcbench {

/// What a metric may look at: an embedding and what is known of its cells. The neighbours are searched when the first
/// metric asks, once for all.
template <class Real>
class MetricContext {
  public:
    /// `cells` are scored; `before` are the same cells uncorrected, or empty: not known. `most_neighbors`: the most
    /// that any metric will ask for. `labels` gives batch, type and further columns; nothing is copied, everything must
    /// outlive this.
    MetricContext(const Matrix<Real>& scored, const Matrix<Real>& uncorrected, const Dataset<Real>& labels,
                  arma::uword most_neighbors)
        : exponent(exponent_to_unit(scored)),
          exponent_before(exponent_to_unit(uncorrected)),
          scaled_(exponent == 0 ? Matrix<Real>() : times_power_of_2(scored, exponent)),
          scaled_before_(exponent_before == 0 ? Matrix<Real>() : times_power_of_2(uncorrected, exponent_before)),
          cells(exponent == 0 ? scored : scaled_),
          before(exponent_before == 0 ? uncorrected : scaled_before_),
          as_given(scored),
          labels_(labels),
          most_neighbors_(most_neighbors) {}
    MetricContext(const MetricContext&) = delete;
    MetricContext& operator=(const MetricContext&) = delete;

    /// The cells are given times 2^exponent where squares of their differences would leave the range of double; else
    /// it is 0.
    const int exponent;
    const int exponent_before;

  private:
    const Matrix<Real> scaled_, scaled_before_;

  public:
    const Matrix<Real>& cells;     // [F x n]
    const Matrix<Real>& before;    // [G x n], or empty
    const Matrix<Real>& as_given;  // [F x n] the scored cells in their own unit

    const Labels& batch() const { return labels_.batch; }
    const Labels& type() const { return labels_.type; }  // empty: no types
    const Labels* column(const std::string& name) const { return find_column(labels_, name); }
    std::size_t n_cells() const { return cells.n_cols; }

    /// The min(k, n - 1) nearest other cells of every cell, with their distances; the first rows of one search.
    NeighborsView neighbors(std::int64_t k) const {
        const arma::uword others = cells.n_cols - 1;
        // one more than any metric looks at, in which ties show
        if (!neighbors_) neighbors_ = nearest_neighbors(cells, std::min(most_neighbors_ + 1, others));
        return {*neighbors_, std::min(static_cast<arma::uword>(k), others)};
    }

    /// The ties at the distance of the last of neighbors(k).
    const Ties& ties(std::int64_t k) const {
        const arma::uword others = neighbors(k).k();
        return shared<Ties>("ties " + std::to_string(others), [&] { return ties_at(cells, *neighbors_, others); });
    }

    /// The variance of the cells in units of that before; nothing where that is 0.
    std::optional<double> variance_left() const {
        const double was = variance::total(before);
        if (!(was > 0.0)) return std::nullopt;
        return std::ldexp(variance::total(cells) / was, 2 * (exponent_before - exponent));
    }

    /// What make() gives, made once per embedding: intermediate results that several metrics need.
    template <class T, class Make>
    const T& shared(const std::string& key, const Make& make) const {
        auto found = shared_.find(key);
        if (found == shared_.end()) found = shared_.emplace(key, std::make_shared<const T>(make())).first;
        return *static_cast<const T*>(found->second.get());
    }

  private:
    const Dataset<Real>& labels_;
    arma::uword most_neighbors_;
    mutable std::map<std::string, std::shared_ptr<const void>> shared_;
    mutable std::optional<Neighbors> neighbors_;
};

struct PerCell {
    std::string name;
    std::vector<double> values;  // [n]; NaN where a cell has none
};

struct PerLabel {
    std::string name;
    std::string label;
    std::optional<double> value;
    std::string reason;  // why not
};

struct MetricOutput {
    std::vector<Score> scores;
    std::vector<PerCell> per_cell = {};
    std::vector<PerLabel> per_label = {};
    std::vector<std::string> notes = {};
};

/// What the data must have for a metric to apply. Where it does not, the harness says so, and the metric is not asked.
struct MetricNeeds {
    bool two_batches = false;
    bool types = false;
    bool before = false;  // the uncorrected cells
    /// The neighbours it looks at; nothing: none.
    std::int64_t (*neighbors)(const nlohmann::json& params) = nullptr;
    bool fewer_neighbors_do = false;  // with fewer cells than that all others are its neighbours
    bool any_ties_do = false;         // also where nearly all cells tie, and there are no neighbourhoods
};

struct MetricDefinition {
    const char* name;  // also the name of its main row
    const char* summary;
    const char* notes;
    std::span<const ScoreRow> rows;  // those that every dataset has
    int version;                     // raise it when the definition changes
    MetricNeeds needs;
    std::vector<Parameter> (*parameters)();
    MetricOutput (*compute_float)(const nlohmann::json& params, const MetricContext<float>& context);
    MetricOutput (*compute_double)(const nlohmann::json& params, const MetricContext<double>& context);
};

std::span<const MetricDefinition> metric_table();

/// A set of metrics under one name, with their default parameters.
struct MetricPreset {
    const char* name;
    const char* summary;
    std::vector<std::string> metrics;
};

/// The first is what a config without metrics gets.
std::span<const MetricPreset> metric_presets();

const MetricDefinition& metric_named(const std::string& type);

/// The metric that gives the row `name`.
const MetricDefinition& metric_with_row(const std::string& name);

/// Neighbours that the metric looks at with these parameters; 0: none.
arma::uword neighbors_needed(const MetricDefinition& metric, const nlohmann::json& params);

/// Scores the cells, or says of every row why it does not apply.
template <class Real>
MetricOutput compute_metric(const MetricDefinition& metric, const nlohmann::json& params,
                            const MetricContext<Real>& context);

/// The same, computed once per embedding and set of parameters.
template <class Real>
const MetricOutput& computed(const MetricDefinition& metric, const nlohmann::json& params,
                             const MetricContext<Real>& context) {
    return context.template shared<MetricOutput>(std::string(metric.name) + " " + params.dump(),
                                                 [&] { return compute_metric(metric, params, context); });
}

}  // namespace bcbench
