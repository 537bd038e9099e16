// The catalog of this program, made from the tables of datasets, methods, metrics and checks.
#include "experiments/catalog/catalog.hpp"

#include "experiments/bindings/checks.hpp"
#include "experiments/bindings/datasets.hpp"
#include "experiments/bindings/method.hpp"
#include "experiments/bindings/metric.hpp"

namespace bcbench {

namespace {

std::vector<ScoreRow> rows_of(std::span<const ScoreRow> rows) { return {rows.begin(), rows.end()}; }

Catalog make_catalog() {
    Catalog made;
    for (const DatasetDefinition& definition : dataset_table()) {
        CatalogEntry entry{definition.name, definition.summary, definition.notes, definition.parameters()};
        entry.faults = [faults = definition.faults](const nlohmann::json& params, const nlohmann::json&,
                                                    const DataShape*) { return faults(params); };
        entry.shape = definition.shape;
        made.datasets.push_back(std::move(entry));
    }
    for (const MethodDefinition& definition : method_table()) {
        CatalogEntry entry{definition.name, definition.summary, definition.notes, definition.parameters()};
        entry.training = definition.training();
        entry.rows = rows_of(definition.rows);
        entry.faults = definition.faults;
        if (definition.declare != nullptr) entry.declare = definition.declare;
        made.methods.push_back(std::move(entry));
    }
    for (const MetricDefinition& definition : metric_table()) {
        CatalogEntry entry{definition.name, definition.summary, definition.notes, definition.parameters()};
        entry.rows = rows_of(definition.rows);
        made.metrics.push_back(std::move(entry));
    }
    for (const CheckDefinition& definition : check_table()) {
        CatalogEntry entry{definition.name, definition.summary, definition.notes, {}};
        entry.rows = rows_of(definition.rows);
        made.checks.push_back(std::move(entry));
    }
    for (const MetricPreset& preset : metric_presets())
        made.presets.push_back({preset.name, preset.summary, preset.metrics});
    return made;
}

}  // namespace

const Catalog& catalog() {
    static const Catalog made = make_catalog();
    return made;
}

}  // namespace bcbench
