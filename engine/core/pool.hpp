// Objects that are dear to make, each lent to one user at a time: what the threads of a loop work with.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace bcbench {

template <class T>
class Pool {
  public:
    /// Calls use(object) with an object that nobody else uses, made by make() if there is none.
    template <class Make, class Use>
    void with(const Make& make, const Use& use) {
        std::unique_ptr<T> object = take();
        if (object == nullptr) object = std::make_unique<T>(make());
        use(*object);
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(object));
    }

  private:
    std::unique_ptr<T> take() {
        const std::lock_guard lock(mutex_);
        if (idle_.empty()) return nullptr;
        std::unique_ptr<T> object = std::move(idle_.back());
        idle_.pop_back();
        return object;
    }

    std::mutex mutex_;
    std::vector<std::unique_ptr<T>> idle_;
};

}  // namespace bcbench
