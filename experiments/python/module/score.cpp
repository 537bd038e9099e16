// Metrics of the catalog on arrays.
#include <nanobind/stl/optional.h>

#include "experiments/bindings/metric.hpp"
#include "experiments/python/module/arrays.hpp"
#include "experiments/python/module/calls.hpp"
#include "experiments/python/module/module.hpp"
#include "experiments/run/score_embedding.hpp"

namespace bcbench::python {

namespace {

nb::object value_or_none(const std::optional<double>& value) { return value ? nb::cast(*value) : nb::none(); }

nb::dict row_of(const Score& score, const std::string& type) {
    nb::dict row;
    row["metric"] = score.metric;
    row["value"] = value_or_none(score.value);
    row["direction"] = name_of(score.direction);
    row["reason"] = score.not_applicable_reason;
    row["group"] = name_of(score.group);
    row["version"] = score.version;
    row["definition"] = metric_named(type).summary;
    return row;
}

// (rows, per_cell {name: [n]}, per_label {name: {label: value}}, notes)
nb::tuple as_python(const ScoredEmbedding& scored) {
    nb::list rows;
    nb::dict per_cell;
    nb::dict per_label;
    std::vector<std::string> notes = scored.notes;
    for (const ScoredMetric& metric : scored.metrics) {
        for (const Score& score : metric.output.scores) rows.append(row_of(score, metric.type));
        for (const PerCell& values : metric.output.per_cell) {
            const arma::mat column(values.values.data(), 1, values.values.size());
            per_cell[values.name.c_str()] = to_numpy<double>(column).attr("reshape")(-1);
        }
        for (const PerLabel& label : metric.output.per_label) {
            if (!per_label.contains(label.name.c_str())) per_label[label.name.c_str()] = nb::dict();
            per_label[label.name.c_str()][label.label.c_str()] = value_or_none(label.value);
        }
        notes.insert(notes.end(), metric.output.notes.begin(), metric.output.notes.end());
    }
    if (scored.variance_left && *scored.variance_left < collapsed_below) {
        notes.push_back("the cells have collapsed: nearly nothing of the variance before is left");
    }
    return nb::make_tuple(rows, per_cell, per_label, notes);
}

template <class Real>
nb::tuple score(const Array<Real>& array, const std::optional<Array<Real>>& uncorrected, const nb::object& batch,
                const nb::object& type, const nb::list& further, const std::string& metrics, unsigned threads) {
    const std::vector<MetricEntry> entries = make_metrics(parse_json(metrics, "metrics"), "metrics", catalog());
    LabelArguments arguments = labels_of(batch, type, further);
    const Dataset<Real> labels{{}, std::move(arguments.batch), std::move(arguments.type), std::move(arguments.about)};
    const Matrix<Real> cells = cells_of(array);
    const Matrix<Real> before = uncorrected ? cells_of(*uncorrected) : Matrix<Real>();
    ScoredEmbedding scored;
    {
        const Computation computation(threads);
        scored = score_embedding(cells, before, labels, entries);
    }
    return as_python(scored);
}

template <class Real>
void add_for(nb::module_& module) {
    module.def("score", &score<Real>, nb::arg("cells").noconvert(), nb::arg("before").noconvert().none(),
               nb::arg("batch").none(), nb::arg("type").none(), nb::arg("further"), nb::arg("metrics"),
               nb::arg("threads"));
}

}  // namespace

void add_score(nb::module_& module) {
    add_for<float>(module);
    add_for<double>(module);
}

}  // namespace bcbench::python
