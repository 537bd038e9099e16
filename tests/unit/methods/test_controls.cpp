// The controls against their references, and what they keep and destroy.
#include <catch2/catch.hpp>
#include <set>

#include "engine/core/check.hpp"
#include "engine/methods/controls/one_hot_types.hpp"
#include "engine/methods/controls/shuffle.hpp"
#include "engine/reference/baselines.hpp"
#include "tests/support/baselines.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/gradients.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

const Key key = make_key(7);

shuffle_batches::Options within(shuffle_batches::Within which) { return {which}; }

// Whether every cell got the coordinates of another, each exactly once, and of its own group.
void require_permutation(const Shuffled<double>& result, const arma::mat& cells, const Labels& group) {
    REQUIRE(arma::size(result.corrected) == arma::size(cells));
    REQUIRE(std::set<std::uint32_t>(result.source.begin(), result.source.end()).size() == cells.n_cols);
    for (arma::uword i = 0; i < cells.n_cols; ++i) {
        REQUIRE(arma::all(result.corrected.col(i) == cells.col(result.source[i])));
        REQUIRE(group.code[i] == group.code[result.source[i]]);
    }
}

}  // namespace

TEST_CASE("shuffles are their slow references", "[controls][reference]") {
    for (const std::vector<std::size_t>& sizes : {std::vector<std::size_t>{1}, {5, 4}, {400, 1, 90}}) {
        const Labels groups = mixed(batches_of(sizes));
        const arma::mat cells = shifted_cells(1, groups, 3, 2.0);
        using shuffle_batches::Within;
        CHECK(same_bytes(shuffle_batches::forward(cells, groups, within(Within::all), key).corrected,
                         reference::shuffled(cells, {}, key)));
        CHECK(same_bytes(shuffle_batches::forward(cells, groups, within(Within::batch), key).corrected,
                         reference::shuffled(cells, groups, key)));
        CHECK(same_bytes(shuffle_within_types::forward(cells, groups, {}, key).corrected,
                         reference::shuffled(cells, groups, key)));
    }
}

TEST_CASE("shuffles keep the cells, and the groups they say", "[controls]") {
    const Labels batch = mixed(batches_of({300, 200}));
    const Labels type = reordered(batches_of({150, 250, 100}), permutation(make_key(3), 500));
    const Labels all{std::vector<std::uint32_t>(500, 0), {"all"}};
    const arma::mat cells = shifted_cells(2, batch, 3, 5.0);
    using shuffle_batches::Within;
    const auto anywhere = shuffle_batches::forward(cells, batch, within(Within::all), key);
    const auto in_batch = shuffle_batches::forward(cells, batch, within(Within::batch), key);
    const auto in_type = shuffle_within_types::forward(cells, type, {}, key);
    require_permutation(anywhere, cells, all);
    require_permutation(in_batch, cells, batch);
    require_permutation(in_type, cells, type);
    // few of 500 cells stay: of a random permutation 1 per group on average, more than 15 with probability 1e-13
    const auto stayed = [](const Shuffled<double>& result) {
        int count = 0;
        for (std::uint32_t i = 0; i < result.source.size(); ++i) count += result.source[i] == i ? 1 : 0;
        return count;
    };
    CHECK(stayed(anywhere) < 15);
    CHECK(stayed(in_batch) < 15);
    CHECK(stayed(in_type) < 15);
    // the batches' means, 5 apart in each feature, stay or come together
    const auto distance = [&](const arma::mat& moved) {
        arma::vec sums[2] = {arma::zeros(3), arma::zeros(3)};
        for (arma::uword i = 0; i < 500; ++i) sums[batch.code[i]] += moved.col(i);
        return arma::norm(sums[0] / 300.0 - sums[1] / 200.0);
    };
    CHECK(distance(in_batch.corrected) == Approx(distance(cells)));
    CHECK(distance(anywhere.corrected) < 0.2 * distance(cells));  // 4.5 standard errors of 0.4 each
    CHECK(distance(in_type.corrected) < 0.2 * distance(cells));
}

TEST_CASE("shuffles: another key, another order, a group of one cell stays", "[controls]") {
    const Labels batch = batches_of({30, 1, 20});
    const arma::mat cells = random_matrix(4, 2, 51);
    const auto options = within(shuffle_batches::Within::batch);
    const auto first = shuffle_batches::forward(cells, batch, options, key);
    CHECK(same_bytes(shuffle_batches::forward(cells, batch, options, key).corrected, first.corrected));
    CHECK_FALSE(same_bytes(shuffle_batches::forward(cells, batch, options, make_key(8)).corrected, first.corrected));
    CHECK(first.source[30] == 30);
    CHECK(first.notes == std::vector<std::string>{"batch '1' has one cell: it stays"});
    // float cells take the same places
    const auto in_float = shuffle_batches::forward(arma::conv_to<arma::fmat>::from(cells), batch, options, key);
    CHECK(in_float.source == first.source);
    CHECK_THROWS_AS(shuffle_batches::forward(cells, batches_of({50}), options, key), std::invalid_argument);
    CHECK_THROWS_WITH(shuffle_within_types::forward(cells, Labels(), {}, key),
                      "shuffle_within_types needs type labels, and the dataset has none");
}

TEST_CASE("one_hot_types is its slow reference", "[controls][reference]") {
    for (const double jitter : {0.0, 0.01, 0.3}) {
        const Labels type = mixed(batches_of({300, 5, 1, 90}));
        const arma::mat slow = reference::one_hot_types(type, jitter, key);
        CHECK(same_bytes(one_hot_types::forward<double>(type, {jitter}, key), slow));
        CHECK(max_difference(one_hot_types::forward<float>(type, {jitter}, key), slow) < 1e-7);  // rounding of 1
    }
}

TEST_CASE("one_hot_types: types apart, cells of a type together", "[controls]") {
    const Labels type = mixed(batches_of({40, 30, 20}));
    const arma::mat exact = one_hot_types::forward<double>(type, {0.0}, key);
    REQUIRE(exact.n_rows == 3);
    for (arma::uword i = 0; i < 90; ++i) {
        CHECK(arma::accu(exact.col(i)) == 1.0);
        CHECK(exact(type.code[i], i) == 1.0);
    }
    const arma::mat noisy = one_hot_types::forward<double>(type, {}, key);
    CHECK(arma::abs(noisy - exact).max() <= 0.01);
    CHECK(arma::abs(noisy - exact).max() > 0.009);               // of 270 uniform draws
    CHECK(std::abs(arma::accu(noisy - exact)) / 270.0 < 0.002);  // standard error 0.0058 / sqrt(270) = 0.00035
    CHECK(arma::unique(arma::vectorise(noisy - exact).eval()).eval().n_elem == 270);
    CHECK_FALSE(same_bytes(one_hot_types::forward<double>(type, {}, make_key(8)), noisy));
    CHECK_THROWS_AS(one_hot_types::forward<double>(type, {-0.1}, key), std::invalid_argument);
    CHECK_THROWS_AS(one_hot_types::forward<double>(Labels(), {}, key), std::invalid_argument);
}

TEST_CASE("controls are the same for any number of threads", "[controls][threads]") {
    const Labels labels = mixed(batches_of({3000, 2000}));
    const arma::mat cells = shifted_cells(5, labels, 6, 2.0);
    CHECK(same_for_any_threads([&] { return shuffle_within_types::forward(cells, labels, {}, key).corrected; }));
    CHECK(same_for_any_threads([&] { return one_hot_types::forward<double>(labels, {}, key); }));
}
