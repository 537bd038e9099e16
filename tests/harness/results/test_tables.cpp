// Files read by several threads, and used in their order.
#include <atomic>
#include <catch2/catch.hpp>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "engine/core/parallel.hpp"
#include "experiments/results/tables.hpp"

using namespace bcbench;

TEST_CASE("files are used in their order whatever the threads, and few are held at a time", "[results][threads]") {
    std::vector<std::size_t> bytes(1000, 100'000);  // forty of four megabytes
    bytes[500] = 600U << 20;                        // one that is larger than what is held at a time
    std::vector<std::size_t> in_order(bytes.size());
    std::iota(in_order.begin(), in_order.end(), std::size_t{0});
    for (const unsigned threads : {1U, 3U}) {
        set_thread_count(threads);
        std::atomic<std::size_t> held = 0;
        std::size_t most = 0;
        std::vector<std::size_t> used;
        for_each_file(
            bytes,
            [&](std::size_t i) {
                ++held;
                return i;
            },
            [&](std::size_t i) {
                most = std::max(most, held.load());
                if (i == 500) CHECK(held == 1);
                used.push_back(i);
                --held;
            });
        set_thread_count(1);
        CHECK(used == in_order);
        CHECK(most == (4U << 20) / 100'000);
        CHECK(held == 0);
    }
    for_each_file(
        {}, [](std::size_t i) { return i; }, [](std::size_t) { FAIL("of no file"); });
    CHECK_THROWS_AS(for_each_file(
                        bytes, [](std::size_t) -> int { throw std::runtime_error("damaged"); }, [](int) {}),
                    std::runtime_error);
}
