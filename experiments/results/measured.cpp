#include "experiments/results/measured.hpp"

#include <algorithm>

#include "engine/core/check.hpp"
#include "engine/io/csv.hpp"
#include "experiments/system/files.hpp"

namespace bcbench {

MeasuredCosts measured_costs(const std::filesystem::path& path) {
    std::error_code error;
    const std::filesystem::path file = std::filesystem::is_directory(path, error) ? path / "timings.csv" : path;
    const std::string text = read_file(file);
    MeasuredCosts costs;
    try {
        DelimitedReader reader(file.string(), bytes_of(text), false);
        enum { point, stage, repeat, seconds, peak_rss_bytes, columns };
        while (reader.next()) {
            if (reader.row().size() != columns || reader.row()[stage] == "load") continue;
            Cost& cost = costs[std::string(reader.row()[point])];
            cost.seconds += std::strtod(std::string(reader.row()[seconds]).c_str(), nullptr);
            cost.memory_mb =
                std::max(cost.memory_mb, std::strtod(std::string(reader.row()[peak_rss_bytes]).c_str(), nullptr) / 1e6);
        }
    } catch (const DataError&) {
        // where a run was killed its last row may be half a row: what was read until there counts
    }
    return costs;
}

}  // namespace bcbench
