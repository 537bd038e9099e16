// The rounds of harmony: which cells a block holds, and the cells of a round in the order in which they are walked.
#pragma once

#include <vector>

#include "engine/core/random.hpp"
#include "engine/methods/harmony/problem.hpp"

namespace bcbench::harmony {

/// `count` blocks of `size` cells; the last takes the rest.
struct BlockCut {
    std::size_t count;
    std::size_t size;
};

/// ceil(1/block_size) blocks of floor(n block_size) cells, at least 1 each.
BlockCut cut_blocks(std::size_t n_cells, double block_size);

inline constexpr std::uint32_t no_group = 0xffffffffU;

/// The cells of one combination in one block: they share one penalty factor.
struct Group {
    std::uint32_t combination;
};

/// Some cells of a group that are in the same group of the next round as well: their sum is the share that the next
/// round takes off first.
struct Run {
    std::uint32_t group;
    std::uint32_t next_group;  // or no_group
    std::uint32_t first;       // place in Round::positions
    std::uint32_t count;       // at most longest_run
};

inline constexpr std::uint32_t longest_run = 128;

struct Round {
    std::vector<std::uint32_t> positions;    // [n] by block, combination and next round's block; ascending in a run
    std::vector<Group> groups;               // by block and combination
    std::vector<Run> runs;                   // by group
    std::vector<std::uint32_t> first_group;  // [blocks + 1]
    std::vector<std::uint32_t> first_run;    // [blocks + 1]
    std::size_t n_next_groups = 0;           // 0: the next round is not known
};

/// Draws rounds. Round r of a run orders the cells by (word, cell) of request 2 + r of the seed's stream, unless the
/// caller gives the orders.
class Rounds {
  public:
    Rounds(const Problem& problem, std::uint64_t seed, const std::vector<std::vector<std::uint32_t>>& orders);

    /// Rounds first .. first + count - 1, fewer where the orders given end (at least one). `then_another`: a round
    /// follows the last of them whose shares will be wanted.
    std::vector<Round> make(std::size_t first, std::size_t count, bool then_another) const;

    /// One block of all cells.
    Round whole() const;

  private:
    std::vector<std::uint32_t> blocks_of(std::size_t round) const;  // [n] by position

    const Problem& problem_;
    std::uint64_t seed_;
    const std::vector<std::vector<std::uint32_t>>& orders_;
    BlockCut cut_;
};

}  // namespace bcbench::harmony
