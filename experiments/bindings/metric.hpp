// What a metric is to the harness: a row of a table, what it may look at, and what it gives. Each group of metrics
// binds itself in a file of metrics/; metrics.cpp lists them (README, "Adding a metric").
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/core/types.hpp"
#include "engine/neighbors/neighbors.hpp"
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
        : cells(scored), before(uncorrected), labels_(labels), most_neighbors_(most_neighbors) {}

    const Matrix<Real>& cells;   // [F x n]
    const Matrix<Real>& before;  // [G x n], or empty

    const Labels& batch() const { return labels_.batch; }
    const Labels& type() const { return labels_.type; }  // empty: no types
    const Labels* column(const std::string& name) const { return find_column(labels_, name); }
    std::size_t n_cells() const { return cells.n_cols; }

    /// The min(k, n - 1) nearest other cells of every cell, with their distances; the first rows of one search.
    NeighborsView neighbors(std::int64_t k) const {
        const arma::uword others = cells.n_cols - 1;
        if (!neighbors_) neighbors_ = nearest_neighbors(cells, std::min(most_neighbors_, others));
        return {*neighbors_, std::min(static_cast<arma::uword>(k), others)};
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
