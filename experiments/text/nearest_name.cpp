#include "experiments/text/nearest_name.hpp"

#include <algorithm>
#include <cctype>

namespace bcbench {

namespace {

// Levenshtein distance, upper and lower case alike, two swapped neighbours counting once.
std::size_t edit_distance(const std::string& a, const std::string& b) {
    std::vector<std::size_t> before;
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before = last;
        last = row;
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const bool same = lower(a[i - 1]) == lower(b[j - 1]);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
            const bool swapped =
                i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
            if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
        }
    }
    return row[b.size()];
}

}  // namespace

std::optional<std::string> nearest_name(const std::string& name, const std::vector<std::string>& known) {
    constexpr std::size_t longest = 100;  // no known name is as long; spares the quadratic distance
    if (name.size() > longest) return std::nullopt;
    std::optional<std::string> nearest;
    std::size_t least = 1 + name.size() / 3;
    for (const std::string& candidate : known) {
        // the distance is at least the difference of the lengths; a long text needs no table of distances
        if (std::max(name.size(), candidate.size()) - std::min(name.size(), candidate.size()) > least) continue;
        const std::size_t distance = edit_distance(name, candidate);
        if (distance > least || (nearest && distance == least)) continue;
        nearest = candidate;
        least = distance;
    }
    if (nearest || name.size() < 4) return nearest;
    for (const std::string& candidate : known)  // "harmony" for "differentiable_harmony"
        if (candidate.find(name) != std::string::npos) return candidate;
    return std::nullopt;
}

}  // namespace bcbench
