// Sums over the parts of a parallel loop that do not depend on threads, and hold few of the parts at once.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

namespace bcbench::harmony {

/// Hands the parts of a loop to `take` in the order of their numbers 0, 1, ..., whichever is done first. As loops begin
/// their bodies in order, about as many parts wait as there are threads.
template <class Part>
class InOrder {
  public:
    explicit InOrder(std::function<void(std::size_t, Part&&)> take) : take_(std::move(take)) {}

    void give(std::size_t number, Part part) {
        const std::lock_guard lock(mutex_);
        waiting_.emplace(number, std::move(part));
        while (!waiting_.empty() && waiting_.begin()->first == next_) {
            take_(next_++, std::move(waiting_.begin()->second));
            waiting_.erase(waiting_.begin());
        }
    }

  private:
    std::function<void(std::size_t, Part&&)> take_;
    std::mutex mutex_;
    std::map<std::size_t, Part> waiting_;
    std::size_t next_ = 0;
};

}  // namespace bcbench::harmony
