// Results written by hand, for tests of compare.
#pragma once

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "experiments/compare/compare.hpp"
#include "experiments/results/reader.hpp"

namespace bcbench::testing {

inline const std::string header = "point,dataset,method,params,seed,precision,metric,value,direction,status\n";

inline std::string row(const std::string& point, const std::string& metric, const std::string& value,
                       const std::string& direction = "higher", const std::string& status = "ok") {
    return point + ",d,m,{},0,float64," + metric + "," + value + "," + direction + "," + status + "\n";
}

inline StoredResults results(const std::string& rows, const std::string& times = "", const std::string& manifest = "") {
    return results_from_texts(header + rows, times, manifest);
}

inline CompareReport compared(const std::string& base, const std::string& candidate, const std::string& manifest = "") {
    return compare_results(results(base), results(candidate, "", manifest), {});
}

/// The status of the only value that is not the same; the exit code with it.
inline std::pair<std::string, int> verdict(const std::string& base, const std::string& candidate,
                                           const std::string& manifest = "") {
    const CompareReport report = compared(base, candidate, manifest);
    REQUIRE(report.values.size() == 1);
    return {name_of(report.values.front().change), report.exit_code()};
}

using Outcome = std::pair<std::string, int>;

inline std::string tolerances(const nlohmann::json& by_metric) {
    return nlohmann::json{
        {"name", "x"}, {"status", "complete"}, {"finished", "now"}, {"config", {{"tolerances", by_metric}}}}
        .dump();
}

}  // namespace bcbench::testing
