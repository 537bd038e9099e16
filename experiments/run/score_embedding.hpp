// An embedding scored by metrics: what a run does with corrected cells, `bcbench score` with a file and other programs
// with an array.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/types.hpp"
#include "experiments/bindings/metric.hpp"
#include "experiments/config/config.hpp"

namespace bcbench {

/// What one metric gave. The names of its scores, of its values per cell and per label carry the parameters that are
/// not default: "kbet(alpha=0.1)".
struct ScoredMetric {
    std::string type;  // as metric_named() knows it
    MetricOutput output;
};

/// An embedding's scores, and what must be said of it beside them.
struct ScoredEmbedding {
    std::vector<ScoredMetric> metrics;
    std::optional<double> variance_left;  // of the cells before; nothing: they are not known, or have none
    std::vector<std::string> notes;
};

/// Scores `cells` [F x n] by each of `metrics`, in their order (make_metrics() reads them from names and presets).
/// `labels` has batch, type and further columns of the same cells; no batch: all cells are one; no type: not known. Its
/// own cells are not looked at. `before` [G x n] are the same cells uncorrected; empty: not known. Where data lack what
/// a metric needs, its rows have no value and say why. Where cells tie at the
/// distance of the last neighbour that a metric looks at, their share follows as a metric of its own, asked for or not.
/// `begins` is told the name of each metric before it is computed.
/// The same values for any number of threads. Throws std::invalid_argument if sizes do not agree, NumericalError if a
/// cell or a value is not finite.
template <class Real>
ScoredEmbedding score_embedding(const Matrix<Real>& cells, const Matrix<Real>& before, const Dataset<Real>& labels,
                                const std::vector<MetricEntry>& metrics,
                                const std::function<void(const std::string& name)>& begins = {});

/// The values per cell of the metrics that have such, as CSV: `cell` from 0, `batch` and `type` by their names, then a
/// column for each metric, empty where a cell has no value.
std::string per_cell_csv(const Labels& batch, const Labels& type, std::size_t n_cells,
                         const std::vector<ScoredMetric>& metrics);

}  // namespace bcbench
