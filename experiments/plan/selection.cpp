#include "experiments/plan/selection.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "experiments/text/canonical.hpp"
#include "experiments/text/fault.hpp"
#include "experiments/text/json_reader.hpp"

namespace bcbench {

namespace {

std::optional<std::uint64_t> whole_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size() || text.empty()) return std::nullopt;
    return value;
}

std::string read_points_file(const std::filesystem::path& file) {
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    if (stream) text << stream.rdbuf();
    if (!stream && text.str().empty()) {
        throw ConfigError(file.string(),
                          {{"", std::string("cannot be read: ") + std::strerror(errno == 0 ? EIO : errno)}});
    }
    return text.str();
}

// Of `indices` those that the file names, in the order of the plan.
std::vector<std::uint64_t> named_points(const Plan& plan, const std::vector<std::uint64_t>& indices,
                                        const std::filesystem::path& file) {
    std::unordered_map<std::string, bool> wanted;  // by id: whether it was met
    for (std::string& id : ids_in(read_points_file(file), file.string())) wanted.emplace(std::move(id), false);
    if (wanted.empty()) throw ConfigError(file.string(), {{"", "names no point"}});
    std::vector<std::uint64_t> named;
    for (const std::uint64_t index : indices) {
        const auto found = wanted.find(plan.id_at(index));
        if (found == wanted.end()) continue;
        found->second = true;
        named.push_back(index);
    }
    if (named.size() == wanted.size()) return named;
    std::vector<std::string> unknown;
    for (const auto& [id, met] : wanted)
        if (!met) unknown.push_back(id);
    std::sort(unknown.begin(), unknown.end());
    throw ConfigError(file.string(), {{"", "names " + std::to_string(unknown.size()) +
                                               " points that are not in the plan, the first is " + shown(unknown[0]) +
                                               "; 'bcbench plan' prints the points"}});
}

// The stretch of `indices` in which the middles of the points lie within the shard's share of all seconds.
std::vector<std::uint64_t> share_of(const Plan& plan, const std::vector<std::uint64_t>& indices, const Shard& shard,
                                    const CostEstimate& cost) {
    std::vector<double> middles;
    middles.reserve(indices.size());
    double sum = 0.0;
    for (const std::uint64_t index : indices) {
        const double seconds = cost.of(plan.at(index)).seconds;
        middles.push_back(sum + 0.5 * seconds);
        sum += seconds;
    }
    const auto position = [&](std::uint64_t boundary) {
        if (boundary == 0) return middles.begin();
        if (boundary == shard.count) return middles.end();
        const double share = sum * (static_cast<double>(boundary) / static_cast<double>(shard.count));
        return std::lower_bound(middles.begin(), middles.end(), share);
    };
    const auto from = position(shard.index - 1) - middles.begin();
    const auto to = position(shard.index) - middles.begin();
    return {indices.begin() + from, indices.begin() + to};
}

}  // namespace

Shard shard_from(const std::string& text) {
    const std::size_t slash = text.find('/');
    const auto index = whole_number(std::string_view(text).substr(0, slash));
    const auto count =
        slash == std::string::npos ? std::nullopt : whole_number(std::string_view(text).substr(slash + 1));
    if (!index || !count || *index < 1 || *index > *count) {
        throw ConfigError("--shard", {{"", "is " + shown(text) +
                                               ", must be I/N with I from 1 to N: 1/4 to 4/4 are the shards of four"}});
    }
    return {*index, *count};
}

std::vector<std::string> ids_in(const std::string& text, const std::string& file) {
    std::vector<std::string> ids;
    std::istringstream lines(text);
    std::size_t number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (line.empty()) continue;
        if (line.front() != '{') {
            ids.push_back(line.substr(0, line.find('\t')));
            continue;
        }
        const nlohmann::json object =
            is_nested_too_deep(line) ? nlohmann::json() : nlohmann::json::parse(line, nullptr, false);
        if (!object.is_object() || !object.contains("id") || !object["id"].is_string()) {
            throw ConfigError(file + ":" + std::to_string(number),
                              {{"", "must be the id of a point, or an object with the key id"}});
        }
        ids.push_back(object["id"].get<std::string>());
    }
    return ids;
}

std::vector<std::uint64_t> selected_points(const Plan& plan, const Selection& selection, const CostEstimate& cost) {
    if (plan.size() > most_points_of_run) {
        throw ConfigError(plan.config().file.string(),
                          {{"", "describes " + std::to_string(plan.size()) + " points, one run may have at most " +
                                    std::to_string(most_points_of_run)}});
    }
    require_selection(plan, selection.only);
    std::vector<std::uint64_t> indices;
    for (std::uint64_t i = 0; i < plan.size(); ++i) {
        if (selection.only.empty() || selects(selection.only, plan.id_at(i))) indices.push_back(i);
    }
    if (!selection.points_file.empty()) indices = named_points(plan, indices, selection.points_file);
    return selection.shard ? share_of(plan, indices, *selection.shard, cost) : indices;
}

}  // namespace bcbench
