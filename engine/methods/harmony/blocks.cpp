#include "engine/methods/harmony/blocks.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/core/check.hpp"
#include "engine/core/parallel.hpp"
#include "engine/core/random_words.hpp"

namespace bcbench::harmony {

namespace {

/// Neighbouring places of one (block, combination, next block).
struct Stretch {
    std::uint32_t block;
    std::uint32_t combination;
    std::uint32_t next_block;
    std::uint32_t first;
    std::uint32_t count;
};

/// How (block, combination, next block) becomes one number that sorts like them.
struct Keys {
    const std::vector<std::uint32_t>& combination_of;
    const std::vector<std::uint32_t>& now;
    const std::vector<std::uint32_t>* next;
    std::uint64_t n_combinations;
    std::uint64_t n_next;  // 1 if there is no next round

    std::uint64_t of(std::size_t p) const {
        const std::uint64_t group = now[p] * n_combinations + combination_of[p];
        return next == nullptr ? group : group * n_next + (*next)[p];
    }
    Stretch stretch(std::uint64_t key, std::uint32_t first, std::uint32_t count) const {
        const std::uint64_t group = key / n_next;
        return {static_cast<std::uint32_t>(group / n_combinations), static_cast<std::uint32_t>(group % n_combinations),
                static_cast<std::uint32_t>(key % n_next), first, count};
    }
};

/// Sorts the positions by key, ascending within a key. A counting sort where the keys are few.
std::vector<Stretch> sort_positions(const Keys& keys, std::uint64_t n_keys, std::vector<std::uint32_t>& positions) {
    const std::size_t n = keys.now.size();
    positions.assign(n + 64, 0);  // some beyond the end are read ahead
    std::vector<Stretch> stretches;
    if (n_keys <= 4 * n + 65536) {
        std::vector<std::uint32_t> place(n_keys + 1, 0);
        for (std::size_t p = 0; p < n; ++p) ++place[keys.of(p) + 1];
        for (std::uint64_t key = 0; key < n_keys; ++key) {
            const std::uint32_t count = place[key + 1];
            place[key + 1] += place[key];
            if (count > 0) stretches.push_back(keys.stretch(key, place[key], count));
        }
        for (std::size_t p = 0; p < n; ++p) positions[place[keys.of(p)]++] = static_cast<std::uint32_t>(p);
        return stretches;
    }
    std::vector<std::pair<std::uint64_t, std::uint32_t>> sorted(n);
    for (std::size_t p = 0; p < n; ++p) sorted[p] = {keys.of(p), static_cast<std::uint32_t>(p)};
    std::sort(sorted.begin(), sorted.end());
    for (std::uint32_t i = 0; i < n; ++i) {
        positions[i] = sorted[i].second;
        if (i == 0 || sorted[i].first != sorted[i - 1].first) {
            stretches.push_back(keys.stretch(sorted[i].first, i, 0));
        }
        ++stretches.back().count;
    }
    return stretches;
}

/// Numbers the groups (block, combination) that have cells, in this order. [blocks x combinations]
std::vector<std::uint32_t> number_groups(const std::vector<std::uint32_t>& blocks, std::size_t n_blocks,
                                         const Levels& levels, std::size_t& n_groups) {
    std::vector<std::uint32_t> group(n_blocks * levels.n_combinations(), no_group);
    for (std::size_t p = 0; p < blocks.size(); ++p) {
        group[blocks[p] * levels.n_combinations() + levels.combination_of[p]] = 0;
    }
    std::uint32_t number = 0;
    for (std::uint32_t& entry : group) {
        if (entry != no_group) entry = number++;
    }
    n_groups = number;
    return group;
}

Round make_round(const Levels& levels, std::size_t n_blocks, const std::vector<std::uint32_t>& now,
                 const std::vector<std::uint32_t>* next) {
    Round round;
    const std::size_t n_combinations = levels.n_combinations();
    const std::uint64_t n_next = next != nullptr ? n_blocks : 1;
    const Keys keys{levels.combination_of, now, next, n_combinations, n_next};
    const std::vector<Stretch> stretches = sort_positions(keys, n_blocks * n_combinations * n_next, round.positions);
    std::vector<std::uint32_t> next_group;
    if (next != nullptr) next_group = number_groups(*next, n_blocks, levels, round.n_next_groups);

    round.first_group.assign(1, 0);
    round.first_run.assign(1, 0);
    for (std::size_t i = 0; i < stretches.size(); ++i) {
        const Stretch& stretch = stretches[i];
        const bool new_block = i > 0 && stretch.block != stretches[i - 1].block;
        if (new_block) {
            round.first_group.push_back(static_cast<std::uint32_t>(round.groups.size()));
            round.first_run.push_back(static_cast<std::uint32_t>(round.runs.size()));
        }
        if (i == 0 || new_block || stretch.combination != stretches[i - 1].combination) {
            round.groups.push_back({stretch.combination});
        }
        const auto group = static_cast<std::uint32_t>(round.groups.size() - 1);
        const std::uint32_t then =
            next != nullptr ? next_group[stretch.next_block * n_combinations + stretch.combination] : no_group;
        for (std::uint32_t first = 0; first < stretch.count; first += longest_run) {
            round.runs.push_back({group, then, stretch.first + first, std::min(longest_run, stretch.count - first)});
        }
    }
    round.first_group.push_back(static_cast<std::uint32_t>(round.groups.size()));
    round.first_run.push_back(static_cast<std::uint32_t>(round.runs.size()));
    return round;
}

/// Block of each cell when the cells are ordered by (word, cell): rank / size, and the last block for the rest. Words
/// fall into buckets by their leading bits; only buckets in which a block ends are sorted.
std::vector<std::uint32_t> blocks_by_word(const std::vector<std::uint32_t>& words, const BlockCut& cut) {
    const std::size_t n = words.size();
    int bits = 8;
    while (bits < 16 && (std::size_t{1} << (bits + 1)) < n) ++bits;
    const int shift = 32 - bits;
    std::vector<std::uint32_t> first_rank((std::size_t{1} << bits) + 1, 0);
    for (const std::uint32_t word : words) ++first_rank[(word >> shift) + 1];
    std::partial_sum(first_rank.begin(), first_rank.end(), first_rank.begin());

    const auto block_of_rank = [&cut](std::size_t rank) {
        return static_cast<std::uint32_t>(std::min(rank / cut.size, cut.count - 1));
    };
    constexpr std::uint32_t divided = 0xffffffffU;
    std::vector<std::uint32_t> block_of_bucket(std::size_t{1} << bits, 0);
    for (std::size_t bucket = 0; bucket < block_of_bucket.size(); ++bucket) {
        if (first_rank[bucket] == first_rank[bucket + 1]) continue;
        const std::uint32_t block = block_of_rank(first_rank[bucket]);
        block_of_bucket[bucket] = block == block_of_rank(first_rank[bucket + 1] - 1) ? block : divided;
    }
    std::vector<std::uint32_t> blocks(n);
    std::vector<std::uint64_t> undecided;  // (word, cell)
    for (std::size_t i = 0; i < n; ++i) {
        blocks[i] = block_of_bucket[words[i] >> shift];
        if (blocks[i] == divided) undecided.push_back((std::uint64_t{words[i]} << 32) | i);
    }
    std::sort(undecided.begin(), undecided.end());
    std::size_t before = 0;  // of the same bucket
    for (std::size_t u = 0; u < undecided.size(); ++u) {
        const std::size_t bucket = undecided[u] >> (32 + shift);
        before = u > 0 && bucket == undecided[u - 1] >> (32 + shift) ? before + 1 : 0;
        blocks[static_cast<std::uint32_t>(undecided[u])] = block_of_rank(first_rank[bucket] + before);
    }
    return blocks;
}

}  // namespace

BlockCut cut_blocks(std::size_t n_cells, double block_size) {
    // a share such as 0.35 is not exact in binary: 1/0.05 and 100 * 0.35 must still be 20 and 35
    const auto count = static_cast<std::size_t>(std::ceil(1.0 / block_size - 1e-6));
    const auto size = static_cast<std::size_t>(std::floor(static_cast<double>(n_cells) * block_size + 1e-6));
    return {std::min(std::max<std::size_t>(count, 1), n_cells), std::clamp<std::size_t>(size, 1, n_cells)};
}

Rounds::Rounds(const Problem& problem, std::uint64_t seed, const std::vector<std::vector<std::uint32_t>>& orders)
    : problem_(problem), seed_(seed), orders_(orders), cut_(cut_blocks(problem.levels.n_cells(), problem.block_size)) {
    const std::size_t n = problem.levels.n_cells();
    for (std::size_t r = 0; r < orders.size(); ++r) {
        std::vector<char> seen(n, 0);
        bool right = orders[r].size() == n;
        for (std::size_t i = 0; right && i < n; ++i) {
            right = orders[r][i] < n && seen[orders[r][i]]++ == 0;
        }
        require(right, ("the order of round " + std::to_string(r) + " is no permutation of the cells").c_str());
    }
}

std::vector<std::uint32_t> Rounds::blocks_of(std::size_t round) const {
    const Levels& levels = problem_.levels;
    const std::size_t n = levels.n_cells();
    std::vector<std::uint32_t> by_cell(n);
    if (!orders_.empty()) {
        require(round < orders_.size(), ("no order is given for round " + std::to_string(round)).c_str());
        for (std::size_t rank = 0; rank < n; ++rank) {
            by_cell[orders_[round][rank]] = static_cast<std::uint32_t>(std::min(rank / cut_.size, cut_.count - 1));
        }
    } else {
        std::vector<std::uint32_t> words(n);
        const Key key = fold_in(make_key(seed_), static_cast<std::uint32_t>(2 + round));
        random_words(key, 0, static_cast<std::uint32_t>(n), words.data());
        by_cell = blocks_by_word(words, cut_);
    }
    std::vector<std::uint32_t> by_position(n);
    for (std::size_t p = 0; p < n; ++p) by_position[p] = by_cell[levels.order[p]];
    return by_position;
}

std::vector<Round> Rounds::make(std::size_t first, std::size_t count, bool then_another) const {
    if (!orders_.empty() && first < orders_.size()) count = std::min(count, orders_.size() - first);
    const bool known = then_another && (orders_.empty() || first + count < orders_.size());
    std::vector<std::vector<std::uint32_t>> blocks(count + (known ? 1 : 0));
    parallel_for(blocks.size(), [&](std::size_t r) { blocks[r] = blocks_of(first + r); });
    std::vector<Round> rounds(count);
    parallel_for(count, [&](std::size_t r) {
        rounds[r] =
            make_round(problem_.levels, cut_.count, blocks[r], r + 1 < blocks.size() ? &blocks[r + 1] : nullptr);
    });
    return rounds;
}

Round Rounds::whole() const {
    return make_round(problem_.levels, 1, std::vector<std::uint32_t>(problem_.levels.n_cells(), 0), nullptr);
}

}  // namespace bcbench::harmony
