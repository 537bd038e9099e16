#include "experiments/cluster/status.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <stdexcept>

#include "experiments/cluster/sources.hpp"
#include "experiments/results/claims.hpp"
#include "experiments/results/directory.hpp"
#include "experiments/results/measured.hpp"
#include "experiments/system/files.hpp"

namespace bcbench {

namespace fs = std::filesystem;

namespace {

std::string duration_text(double seconds) {
    char text[64];
    if (seconds < 120.0)
        std::snprintf(text, sizeof text, "%.0f s", std::ceil(seconds));
    else if (seconds < 7200.0)
        std::snprintf(text, sizeof text, "%.0f min", std::ceil(seconds / 60.0));
    else
        std::snprintf(text, sizeof text, "%.1f h", seconds / 3600.0);
    return text;
}

void add_measured(const fs::path& file, MeasuredCosts& costs) {
    try {
        for (const auto& [id, cost] : measured_costs(file)) costs[id] = cost;
    } catch (const FileError&) {
        // nothing was measured yet, or the file has just been joined to another
    }
}

}  // namespace

Status status_of(const std::vector<fs::path>& directories) {
    Status status;
    std::shared_ptr<const Plan> plan;
    std::string config_hash;
    std::set<std::string> claimed;
    MeasuredCosts measured;
    for (const fs::path& directory : directories) {
        const nlohmann::ordered_json manifest = read_manifest_of(directory);
        const std::string hash = manifest.value("config_hash", "");
        if (plan && hash != config_hash) {
            throw std::invalid_argument(directories.front().string() + " and " + directory.string() +
                                        " are of different configs");
        }
        if (!plan) plan = plan_of_manifest(manifest, directory / "manifest.json");
        config_hash = hash;
        const ClaimsThere there = claims_in(directory);
        claimed.insert(there.points.begin(), there.points.end());
        status.workers += there.workers;
        add_measured(directory / "timings.csv", measured);
        for (const fs::path& file : times_of_workers(directory)) add_measured(file, measured);
    }
    const CostEstimate cost(*plan, std::move(measured));
    status.expected = plan->size();
    for (std::uint64_t i = 0; i < plan->size(); ++i) {
        const std::string id = plan->id_at(i);
        std::optional<PointStatus> best;
        for (const fs::path& directory : directories) {
            const std::optional<PointStatus> here = status_in(point_file(directory, id));
            if (here && (!best || *best == PointStatus::failed)) best = here;
        }
        if (best && *best != PointStatus::failed) {
            ++status.done;
            continue;
        }
        if (best) {
            status.failed.push_back(id);
            continue;
        }
        claimed.count(id) > 0 ? ++status.running : ++status.missing;
        status.seconds_left += cost.of(plan->at(i)).seconds;
    }
    status.seconds_left /= std::max(1U, status.workers);
    return status;
}

std::string Status::text() const {
    std::string text = std::to_string(done) + " of " + std::to_string(expected) + " points done, " +
                       std::to_string(running) + " running, " + std::to_string(failed.size()) + " failed, " +
                       std::to_string(missing) + " missing";
    if (workers > 0)
        text += "; " + std::to_string(workers) + (workers == 1 ? " process at work" : " processes at work");
    if (running + missing > 0)
        text += "; about " + duration_text(seconds_left) + " left" + (workers > 1 ? " for these" : " for one process");
    return text;
}

}  // namespace bcbench
