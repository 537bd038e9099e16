// The tables of a results directory: a function of its point files and of the order of the plan.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/parallel.hpp"
#include "experiments/results/directory.hpp"
#include "experiments/results/record.hpp"

namespace bcbench {

/// What a point has in the tables.
struct PointRows {
    PointRecord record;  // without projection and traces
    std::string metrics;
    std::string projection;
};

PointRows tabulated(PointRecord record, bool with_projection);

/// metrics.csv and projections.csv, from one point after the other. The projections, which hold every cell of every
/// point, are never held as a whole. Everything throws FileError.
class Tables {
  public:
    Tables(const ResultsDirectory& results, bool with_projections);

    void add(PointRows rows);

    /// Writes the tables (without projections none is left), and orders timings.csv by the points, whose records it
    /// returns.
    std::vector<PointRecord> finish();

  private:
    const ResultsDirectory& results_;
    std::string metrics_;
    std::optional<TemporaryFile> projections_;
    std::vector<PointRecord> records_;
};

/// Writes the tables, as above, from the files of the points `ids`, in this order. Throws FileError, also if a point's
/// file is not there.
std::vector<PointRecord> write_tables(const ResultsDirectory& results, const std::vector<std::string>& ids,
                                      bool with_projections);

/// Calls `make(i)` for each file on the threads of parallel_for, and `take` with what it made in the order of the
/// files. `bytes` are their sizes: as many are made at a time as make up some megabytes, or one that is larger.
template <class Make, class Take>
void for_each_file(const std::vector<std::size_t>& bytes, const Make& make, const Take& take) {
    constexpr std::size_t most_bytes = 4U << 20;
    for (std::size_t first = 0; first < bytes.size();) {
        std::size_t last = first, sum = 0;
        while (last < bytes.size() && (last == first || sum + bytes[last] <= most_bytes)) sum += bytes[last++];
        std::vector<decltype(make(first))> made(last - first);
        parallel_for(made.size(), [&](std::size_t i) { made[i] = make(first + i); });
        for (auto& each : made) take(std::move(each));
        first = last;
    }
}

}  // namespace bcbench
