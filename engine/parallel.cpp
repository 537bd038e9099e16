#include "engine/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/checkpoint.hpp"

namespace bcbench {

namespace {

thread_local unsigned threads_of_this_thread = 1;

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
    std::atomic<std::size_t> next{0};
    std::exception_ptr error;
    std::mutex error_mutex;
    const std::function<void()>* const ask = current_checkpoint();
    const auto work = [&] {
        const unsigned outer_threads = threads_of_this_thread;
        threads_of_this_thread = 1;  // loops inside a body stay on this thread
        set_current_checkpoint(ask);
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
        threads_of_this_thread = outer_threads;
    };
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 1; i < workers; ++i) threads.emplace_back(work);
        work();
    }
    if (error) std::rethrow_exception(error);
}

}  // namespace bcbench
