#include "engine/metrics/graph_connectivity.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/metrics/groups.hpp"

namespace bcbench::graph_connectivity {

namespace {

/// Strongly connected components by Tarjan's algorithm (1972), with a stack of its own in place of recursion, which
/// would be as deep as the graph has cells.
class StrongComponents {
  public:
    StrongComponents(const NeighborsView& neighbors, const Groups& label)
        : neighbors_(neighbors),
          label_(label),
          order_(label.of_cell.size(), unseen),
          lowest_(order_.size()),
          is_waiting_(order_.size(), 0),
          largest_(label.count(), 0) {}

    /// Cells of the largest component of each label.
    std::vector<std::size_t> largest() {
        for (std::uint32_t i = 0; i < order_.size(); ++i) {
            if (order_[i] == unseen) walk_from(i);
        }
        return std::move(largest_);
    }

  private:
    static constexpr std::uint32_t unseen = std::numeric_limits<std::uint32_t>::max();

    struct Step {
        std::uint32_t cell;
        arma::uword next_edge;
    };

    void enter(std::uint32_t cell) {
        order_[cell] = lowest_[cell] = n_seen_++;
        waiting_.push_back(cell);
        is_waiting_[cell] = 1;
        path_.push_back({cell, 0});
    }

    void walk_from(std::uint32_t root) {
        enter(root);
        while (!path_.empty()) {
            Step& step = path_.back();
            const std::uint32_t cell = step.cell;
            if (step.next_edge < neighbors_.k()) {
                follow(cell, neighbors_.index(cell)[step.next_edge++]);
                continue;
            }
            path_.pop_back();
            if (!path_.empty()) lowest_[path_.back().cell] = std::min(lowest_[path_.back().cell], lowest_[cell]);
            if (lowest_[cell] == order_[cell]) close(cell);
        }
    }

    void follow(std::uint32_t cell, std::uint32_t other) {
        if (label_.of_cell[other] != label_.of_cell[cell]) return;
        if (order_[other] == unseen) {
            enter(other);
        } else if (is_waiting_[other] != 0) {
            lowest_[cell] = std::min(lowest_[cell], order_[other]);
        }
    }

    /// All that waits since `cell` is one component.
    void close(std::uint32_t cell) {
        std::size_t size = 0;
        std::uint32_t member = 0;
        do {
            member = waiting_.back();
            waiting_.pop_back();
            is_waiting_[member] = 0;
            ++size;
        } while (member != cell);
        std::size_t& largest = largest_[label_.of_cell[cell]];
        largest = std::max(largest, size);
    }

    const NeighborsView neighbors_;
    const Groups& label_;
    std::vector<std::uint32_t> order_;       // [n] when each cell was seen first
    std::vector<std::uint32_t> lowest_;      // [n] the earliest cell that each is known to lead back to
    std::vector<unsigned char> is_waiting_;  // [n] whether the cell waits for its component
    std::vector<std::uint32_t> waiting_;
    std::vector<Step> path_;
    std::vector<std::size_t> largest_;
    std::uint32_t n_seen_ = 0;
};

/// Cells of the largest component of each label, edges taken both ways: joined sets.
std::vector<std::size_t> largest_weak(const NeighborsView& neighbors, const Groups& label) {
    std::vector<std::uint32_t> parent(label.of_cell.size());
    for (std::uint32_t i = 0; i < parent.size(); ++i) parent[i] = i;
    const auto root = [&parent](std::uint32_t i) {
        while (parent[i] != i) i = parent[i] = parent[parent[i]];
        return i;
    };
    for (std::uint32_t i = 0; i < parent.size(); ++i) {
        for (arma::uword r = 0; r < neighbors.k(); ++r) {
            const std::uint32_t j = neighbors.index(i)[r];
            if (label.of_cell[i] == label.of_cell[j]) parent[root(i)] = root(j);
        }
    }
    std::vector<std::size_t> size(parent.size(), 0), largest(label.count(), 0);
    for (std::uint32_t i = 0; i < parent.size(); ++i) {
        std::size_t& most = largest[label.of_cell[i]];
        most = std::max(most, ++size[root(i)]);
    }
    return largest;
}

}  // namespace

MetricResult evaluate(const NeighborsView& neighbors, const Labels& label, const Options& options) {
    require(options.n_others >= 1, "graph connectivity needs at least 1 neighbour (n_others)");
    require(neighbors.n_cells() >= 1, "graph connectivity needs at least 1 cell");
    const NeighborsView used = neighbors.nearest(static_cast<arma::uword>(options.n_others));
    const Groups groups = groups_of(label, neighbors.n_cells(), "labels");
    const std::vector<std::size_t> largest = options.connection == Connection::strong
                                                 ? StrongComponents(used, groups).largest()
                                                 : largest_weak(used, groups);
    std::vector<GroupValue> shares(groups.count());
    for (std::size_t l = 0; l < groups.count(); ++l) {
        shares[l].value = static_cast<double>(largest[l]) / static_cast<double>(groups.members[l].size());
    }
    MetricResult result;
    set_mean_over_labels(shares, groups, label.names, result);
    return result;
}

}  // namespace bcbench::graph_connectivity
