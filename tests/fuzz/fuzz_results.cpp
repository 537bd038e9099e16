// Arbitrary bytes as results: a point file that reads survives a round trip and gives rows; tables and manifests that
// read compare with themselves without finding a regression, except for values that are not finite.
// The first byte chooses: a point file, or metrics.csv, timings.csv and manifest.json with a 0x01 byte between them.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

#include "experiments/compare.hpp"
#include "experiments/compare_output.hpp"
#include "experiments/history.hpp"
#include "experiments/record.hpp"
#include "experiments/results_reader.hpp"

using namespace bcbench;

static void read_point(const std::string& text) {
    const PointRecord record = record_from_text(text, "point.json");
    metrics_rows(record);
    projection_rows(record);
    const std::string written = to_text(record);
    if (to_text(record_from_text(written, "point.json")) != written) std::abort();
    StoredResults results;
    results.points = {stored_point(record)};
    if (compare_results(results, results, {}).exit_code != 0) std::abort();
}

static std::string_view part(std::string_view text, int number) {
    for (; number > 0; --number) text.remove_prefix(std::min(text.find('\x01'), text.size() - 1) + 1);
    return text.substr(0, text.find('\x01'));
}

static void read_tables(std::string_view text) {
    if (text.empty()) return;
    const StoredResults results = results_from_texts(part(text, 0), part(text, 1), part(text, 2));
    const bool finite = std::all_of(results.points.begin(), results.points.end(), [](const StoredPoint& point) {
        return std::all_of(point.values.begin(), point.values.end(), [](const StoredValue& value) {
            return !value.value || std::isfinite(*value.value);
        });
    });
    const CompareReport report = compare_results(results, results, {});
    if (finite && !results.points.empty() && report.exit_code != 0) std::abort();
    for (const char* format : {"text", "json", "csv", "md"}) {
        compare_output(report, {}, {format, true, false});
        history_output(make_history({results, results}, ""), format, true);
    }
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    try {
        if (data[0] & 1) {
            read_tables(text);
        } else {
            read_point(std::string(text));
        }
    } catch (const std::runtime_error&) {
    } catch (const std::invalid_argument&) {
    }
    return 0;
}
