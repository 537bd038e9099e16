#include "engine/core/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "engine/core/checkpoint.hpp"

namespace bcbench {

namespace {

thread_local unsigned threads_of_this_thread = 1;

// One call of parallel_for: bodies are taken in order by whoever is free.
struct Loop {
    std::size_t count;
    const std::function<void(std::size_t)>& body;
    const std::function<void()>* ask;  // the caller's checkpoint
    std::size_t places;                // helpers that may still join; guarded by the pool's mutex, as is `helping`
    std::size_t helping = 0;
    std::atomic<std::size_t> next{0};
    std::mutex error_mutex{};
    std::exception_ptr error{};

    void work() {
        try {
            for (std::size_t i = next++; i < count; i = next++) {
                checkpoint();
                body(i);
            }
        } catch (...) {
            next = count;
            const std::lock_guard lock(error_mutex);
            if (!error) error = std::current_exception();
        }
    }
};

// Threads that wait for loops to help with. They stay, because starting one costs more than many a loop takes; and a
// loop never waits for a helper that has not begun, so that on a busy machine it takes no longer than alone.
class Helpers {
  public:
    ~Helpers() {
        {
            const std::lock_guard lock(mutex_);
            ending_ = true;
        }
        offered_.notify_all();
    }

    void run(Loop& loop) {
        const std::size_t places = loop.places;
        {
            const std::lock_guard lock(mutex_);
            wanted_ += places;
            try {
                while (threads_.size() < wanted_) threads_.emplace_back([this] { help(); });
            } catch (const std::system_error&) {
                // no more threads are to be had: fewer help
            } catch (const std::bad_alloc&) {
            }
            open_.push_back(&loop);
        }
        for (std::size_t i = 0; i < places; ++i) offered_.notify_one();
        loop.work();
        std::unique_lock lock(mutex_);
        std::erase(open_, &loop);
        left_.wait(lock, [&] { return loop.helping == 0; });
        wanted_ -= places;
    }

  private:
    void help() {
        std::unique_lock lock(mutex_);
        while (true) {
            offered_.wait(lock, [&] { return ending_ || !open_.empty(); });
            if (ending_) return;
            Loop& loop = *open_.front();
            if (--loop.places == 0) open_.erase(open_.begin());
            ++loop.helping;
            lock.unlock();
            set_current_checkpoint(loop.ask);
            loop.work();
            lock.lock();
            if (--loop.helping == 0) left_.notify_all();
        }
    }

    std::mutex mutex_;
    std::condition_variable offered_;
    std::condition_variable left_;
    std::vector<Loop*> open_;  // loops with places for helpers
    std::size_t wanted_ = 0;   // helpers of all loops that run
    bool ending_ = false;
    std::vector<std::jthread> threads_;  // last, so that they end while the rest still lives
};

}  // namespace

void set_thread_count(unsigned threads) { threads_of_this_thread = std::max(1U, threads); }

unsigned thread_count() { return threads_of_this_thread; }

void parallel_for(std::size_t count, const std::function<void(std::size_t)>& body) {
    const std::size_t workers = std::min<std::size_t>(thread_count(), count);
    if (workers <= 1) {
        for (std::size_t i = 0; i < count; ++i) {
            checkpoint();
            body(i);
        }
        return;
    }
    static Helpers helpers;
    Loop loop{count, body, current_checkpoint(), workers - 1};
    const unsigned outer_threads = threads_of_this_thread;
    threads_of_this_thread = 1;  // loops inside a body stay on this thread
    helpers.run(loop);
    threads_of_this_thread = outer_threads;
    if (loop.error) std::rethrow_exception(loop.error);
}

}  // namespace bcbench
