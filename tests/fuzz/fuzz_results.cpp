// Arbitrary bytes as results: a point file that reads survives a round trip and gives rows; tables and manifests that
// read compare with themselves without finding a regression, except for values that are not finite, and with others
// without doing harm. Only reading may refuse.
// The first byte chooses: a point file, or metrics.csv, timings.csv and manifest.json of a base, and of a candidate if
// it is another, with a 0x01 byte between them; and whether with colours.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "experiments/compare/compare.hpp"
#include "experiments/compare/history.hpp"
#include "experiments/compare/output.hpp"
#include "experiments/results/reader.hpp"
#include "experiments/results/record.hpp"

using namespace bcbench;

// What `read` gives, or nothing if it refuses.
template <class Read>
static auto read_or_refuse(Read read) -> std::optional<decltype(read())> {
    try {
        return read();
    } catch (const std::runtime_error&) {
    } catch (const std::invalid_argument&) {
    }
    return std::nullopt;
}

static void use_point(const std::string& text) {
    const auto record = read_or_refuse([&] { return record_from_text(text, "point.json"); });
    if (!record) return;
    metrics_rows(*record);
    projection_rows(*record);
    const std::string written = to_text(*record);
    if (to_text(record_from_text(written, "point.json")) != written) std::abort();
    StoredResults results;
    results.points = {stored_point(*record)};
    if (compare_results(results, results, {}).exit_code() != 0) std::abort();
}

static std::string_view part(std::string_view text, int number) {
    for (; number > 0; --number) text.remove_prefix(std::min(text.find('\x01'), text.size() - 1) + 1);
    return text.substr(0, text.find('\x01'));
}

static std::optional<StoredResults> read_tables(std::string_view text, int first) {
    return read_or_refuse(
        [&] { return results_from_texts(part(text, first), part(text, first + 1), part(text, first + 2)); });
}

static bool is_finite(const StoredResults& results) {
    return std::all_of(results.points.begin(), results.points.end(), [](const StoredPoint& point) {
        return std::all_of(point.values.begin(), point.values.end(),
                           [](const StoredValue& value) { return !value.value || std::isfinite(*value.value); });
    });
}

static void use_tables(std::string_view text, bool colors) {
    if (text.empty()) return;
    const auto base = read_tables(text, 0);
    if (!base) return;
    if (is_finite(*base) && !base->points.empty() && compare_results(*base, *base, {}).exit_code() != 0) std::abort();
    const bool has_other = std::count(text.begin(), text.end(), '\x01') > 2;
    const auto candidate = has_other ? read_tables(text, 3) : base;
    if (!candidate) return;
    const CompareOptions options{"", true, 1.1};
    const CompareReport report = compare_results(*base, *candidate, options);
    const auto history = make_history({*base, *candidate, *base}, "");
    for (const bool all : {false, true}) {
        for (const char* format : {"text", "json", "csv", "md"}) {
            const std::string output = compare_output(report, options, {format, all, colors});
            const std::string course = history_output(history, format, all);
            if (std::string_view(format) == "md" && !all && std::max(output.size(), course.size()) >= 65'536)
                std::abort();
        }
    }
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (data[0] & 1) {
        use_tables(text, (data[0] & 2) != 0);
    } else {
        use_point(std::string(text));
    }
    return 0;
}
