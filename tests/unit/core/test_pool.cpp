#include <catch2/catch.hpp>

#include "engine/core/pool.hpp"

using namespace bcbench;

TEST_CASE("a pool lends an object to one user at a time, and makes as many as are needed at once", "[core][pool]") {
    Pool<int> pool;
    int n_made = 0;
    const auto make = [&] { return ++n_made; };
    const auto use = [&](const auto& body) { pool.with(make, body); };
    for (int round = 0; round < 3; ++round) {
        use([&](int& outer) {
            use([&](int& inner) {
                CHECK(&outer != &inner);
                CHECK(outer + inner == 3);
            });
        });
    }
    CHECK(n_made == 2);
}
