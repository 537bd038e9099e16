#include "experiments/catalog/catalog.hpp"

#include "experiments/bindings/datasets.hpp"
#include "experiments/bindings/method.hpp"
#include "experiments/bindings/metrics.hpp"
#include "experiments/run/checks.hpp"

namespace bcbench {

namespace {

std::vector<ScoreRow> rows_of(std::span<const ScoreRow> rows) { return {rows.begin(), rows.end()}; }

Catalog make_catalog() {
    Catalog made;
    for (const DatasetDefinition& entry : dataset_table()) {
        made.datasets.push_back({entry.name, entry.summary, entry.notes, entry.parameters(), {}, {}});
    }
    for (const MethodDefinition& entry : method_table()) {
        made.methods.push_back(
            {entry.name, entry.summary, entry.notes, entry.parameters(), entry.training(), rows_of(entry.losses)});
    }
    for (const MetricDefinition& entry : metric_table()) {
        made.metrics.push_back({entry.name, entry.summary, entry.notes, entry.parameters(), {}, rows_of(entry.rows)});
    }
    for (const CheckDefinition& entry : check_table()) {
        made.checks.push_back({entry.name, entry.summary, entry.notes, {}, {}, rows_of(entry.rows)});
    }
    return made;
}

}  // namespace

const Catalog& catalog() {
    static const Catalog made = make_catalog();
    return made;
}

const CatalogEntry* find_entry(const std::vector<CatalogEntry>& entries, const std::string& name) {
    for (const CatalogEntry& entry : entries) {
        if (entry.name == name) return &entry;
    }
    return nullptr;
}

}  // namespace bcbench
