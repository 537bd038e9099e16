#include "experiments/run/profile.hpp"

#include <algorithm>
#include <cstdio>

#include "experiments/text/table.hpp"

namespace bcbench {

namespace {

std::string fixed(double value, int digits) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", digits, value);
    return text;
}

std::string share(double part, double whole) { return whole > 0.0 ? fixed(100.0 * part / whole, 1) + " %" : ""; }

TextRow text_row(const ProfileRow& row, double wall_seconds) {
    return {row.method.empty() ? "(data)" : row.method,
            row.stage,
            std::to_string(row.n_times),
            fixed(row.seconds, 4),
            share(row.seconds, wall_seconds),
            fixed(1e3 * row.seconds / static_cast<double>(row.n_times), 3),
            row.operations > 0.0 && row.seconds > 0.0 ? fixed(1e-9 * row.operations / row.seconds, 2) : "",
            fixed(static_cast<double>(row.peak_rss_bytes) / (1 << 20), 1)};
}

}  // namespace

void Profile::add(const std::string& dataset, const std::string& method, const std::vector<StageTime>& times) {
    for (const StageTime& time : times) {
        const bool loading = time.stage == "load" || time.stage == "preprocess";
        if (loading && !datasets_.insert(dataset).second) continue;
        const std::string label = loading ? "" : method;
        auto row = std::find_if(rows_.begin(), rows_.end(), [&](const ProfileRow& known) {
            return known.method == label && known.stage == time.stage;
        });
        if (row == rows_.end()) row = rows_.insert(row, {label, time.stage});
        ++row->n_times;
        row->seconds += time.seconds;
        row->operations += time.operations;
        row->peak_rss_bytes = std::max(row->peak_rss_bytes, time.peak_rss_bytes);
    }
}

std::string Profile::text(double wall_seconds) const {
    std::vector<TextRow> rows;
    double covered = 0.0;
    for (const ProfileRow& row : rows_) {
        rows.push_back(text_row(row, wall_seconds));
        covered += row.seconds;
    }
    const double rest = std::max(0.0, wall_seconds - covered);
    rows.push_back({"(run)", "plan, write", "1", fixed(rest, 4), share(rest, wall_seconds), fixed(1e3 * rest, 3)});
    return "Profile\n" +
           text_table({"method", "stage", "times", "seconds", "share", "ms each", "GFLOP/s", "peak MiB"}, rows);
}

}  // namespace bcbench
