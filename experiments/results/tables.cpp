#include "experiments/results/tables.hpp"

#include "experiments/system/interrupt.hpp"

namespace bcbench {

PointRows tabulated(PointRecord record, bool with_projection) {
    PointRows rows;
    rows.metrics = metrics_rows(record);
    if (with_projection) rows.projection = projection_rows(record);
    record.projection = {};
    record.traces = {};
    rows.record = std::move(record);
    return rows;
}

Tables::Tables(const ResultsDirectory& results, bool with_projections) : results_(results), metrics_(metrics_header) {
    if (!with_projections) return;
    projections_.emplace(results.path() / "projections.csv");
    projections_->append(projections_header);
}

void Tables::add(PointRows rows) {
    metrics_ += rows.metrics;
    if (projections_) projections_->append(rows.projection);
    records_.push_back(std::move(rows.record));
}

std::vector<PointRecord> Tables::finish() {
    pause_for_tests("tables");
    results_.write("metrics.csv", std::move(metrics_));
    if (projections_) {
        projections_->finish();
    } else {
        results_.remove("projections.csv");
    }
    std::vector<std::string> ids;
    for (const PointRecord& record : records_) ids.push_back(record.id);
    results_.order_times(ids);
    return std::move(records_);
}

std::vector<PointRecord> write_tables(const ResultsDirectory& results, const std::vector<std::string>& ids,
                                      bool with_projections) {
    std::vector<std::size_t> bytes;
    for (const std::string& id : ids) bytes.push_back(file_bytes(point_file(results.path(), id)));
    Tables tables(results, with_projections);
    for_each_file(
        bytes,
        [&](std::size_t i) {
            std::optional<PointRecord> record = results.read_point(ids[i]);
            if (!record) throw FileError("the point file of " + ids[i] + " vanished while the run went on");
            return tabulated(std::move(*record), with_projections);
        },
        [&](PointRows rows) { tables.add(std::move(rows)); });
    return tables.finish();
}

}  // namespace bcbench
