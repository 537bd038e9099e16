// The largest of many integers, as far as a bound needs them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace bcbench::neighbor_search {

/// Takes integers in pieces of at most `longest` and tells a number that at least `wanted` of them reach.
class Largest {
  public:
    Largest(std::size_t wanted, std::size_t longest);

    void offer(const std::int32_t* values, std::size_t count);

    /// Whether at least `wanted` values have come.
    bool complete() const { return size_ >= wanted_; }

    /// The largest number that at least `wanted` values reach, once they are complete.
    std::int32_t bound();

  private:
    void cut(std::size_t spare);

    std::size_t wanted_;
    std::vector<std::int32_t> values_;  // those that may count, the rest of the room left over
    std::size_t size_ = 0;
    std::int32_t limit_ = std::numeric_limits<std::int32_t>::min();  // at least `wanted` reach it, once it is higher
};

}  // namespace bcbench::neighbor_search
