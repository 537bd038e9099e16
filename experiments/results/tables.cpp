#include "experiments/results/tables.hpp"

#include <optional>
#include <utility>

#include "experiments/system/interrupt.hpp"

namespace bcbench {

std::vector<PointRecord> write_tables(const ResultsDirectory& results, const std::vector<std::string>& ids,
                                      bool with_projections) {
    std::string metrics = metrics_header;
    std::optional<TemporaryFile> projections;
    if (with_projections) {
        projections.emplace(results.path() / "projections.csv");
        projections->append(projections_header);
    }
    std::vector<PointRecord> records;
    for (const std::string& id : ids) {
        std::optional<PointRecord> record = results.read_point(id);
        if (!record) throw FileError("the point file of " + id + " vanished while the run went on");
        metrics += metrics_rows(*record);
        if (projections) projections->append(projection_rows(*record));
        record->projection = {};
        record->traces = {};
        records.push_back(std::move(*record));
    }
    pause_for_tests("tables");
    results.write("metrics.csv", metrics);
    if (projections) {
        projections->finish();
    } else {
        results.remove("projections.csv");
    }
    results.order_times(ids);
    return records;
}

}  // namespace bcbench
