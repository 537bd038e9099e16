// MNN against its slow reference, and its known answers.
#include <catch2/catch.hpp>
#include <numeric>

#include "engine/core/check.hpp"
#include "engine/methods/mnn/method.hpp"
#include "engine/methods/mnn/pairs.hpp"
#include "engine/reference/baselines.hpp"
#include "tests/support/baselines.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/gradients.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

// Cells of three types far apart; batch b is moved by b * shift along a direction of its own. [F x n]
arma::mat typed_cells(std::uint64_t number, const Labels& batch, arma::uword n_features, double shift,
                      double type_distance = 6.0) {
    arma::mat cells = random_matrix(number, n_features, batch.code.size());
    const arma::mat types =
        type_distance * random_matrix(number + 1, n_features, 3) / std::sqrt(2.0 * static_cast<double>(n_features));
    const arma::mat directions = arma::normalise(random_matrix(number + 2, n_features, batch.count()));
    for (arma::uword i = 0; i < cells.n_cols; ++i) {
        cells.col(i) += types.col(i % 3) + shift * batch.code[i] * directions.col(batch.code[i]);
    }
    return cells;
}

// The cells of a batch and a copy moved by `shift` along a feature in which none of them differ. [F x 2n]
arma::mat translated_copy(std::uint64_t number, arma::uword n_features, arma::uword n_cells, double shift) {
    arma::mat cells = random_matrix(number, n_features, n_cells);
    cells.row(n_features - 1).zeros();
    arma::mat copy = cells;
    copy.row(n_features - 1) += shift;
    return arma::join_rows(cells, copy);
}

std::vector<std::uint32_t> listed(std::size_t n_batches) {
    std::vector<std::uint32_t> order(n_batches);
    std::iota(order.begin(), order.end(), 0U);
    return order;
}

}  // namespace

// Sums in another order: rounding of some 1e-15 of values below 20, which two steps pass on.
TEST_CASE("mnn gives batchelor's values", "[mnn][golden]") {
    const nlohmann::json values = golden_file("mnn.json");
    const arma::mat cells = matrix_of(values.at("cells"));
    const Labels batch = labels_of(values.at("batch"));
    for (const nlohmann::json& expected : values.at("cases")) {
        mnn::Options options;
        options.merge_order = mnn::MergeOrder::listed;
        options.n_neighbors = expected.at("n_neighbors").get<std::int64_t>();
        CAPTURE(options.n_neighbors);
        const mnn::Result<double> result = mnn::forward(cells, batch, options);
        CHECK(max_difference(result.corrected, matrix_of(expected.at("corrected"))) < 1e-12);
        REQUIRE(result.steps.size() == 2);
        for (std::size_t step = 0; step < 2; ++step) {
            CHECK(result.steps[step].n_pairs == expected.at("pairs")[step].get<std::size_t>());
            for (std::size_t b = 0; b < 3; ++b) {
                CHECK(result.steps[step].variance_removed[b] ==
                      Approx(expected.at("variance_removed")[step][b].get<double>()).epsilon(1e-12).margin(1e-12));
            }
        }
    }
}

TEST_CASE("mnn is its slow reference", "[mnn][reference]") {
    for (const std::vector<std::size_t>& sizes :
         {std::vector<std::size_t>{60, 50}, {300, 1, 40}, {30, 280, 90, 5}, {2, 3}, {40, 0, 30}}) {
        for (const std::int64_t k : {1, 4, 20}) {
            const Labels batch = mixed(batches_of(sizes));
            const arma::mat cells = typed_cells(sizes[0] + static_cast<std::uint64_t>(k), batch, 6, 1.5);
            INFO(cells.n_cols << " cells, " << sizes.size() << " batches, k " << k);
            mnn::Options options;
            options.n_neighbors = k;
            options.merge_order = mnn::MergeOrder::listed;
            const mnn::Result<double> fast = mnn::forward(cells, batch, options);
            reference::MnnOptions slow_options;
            slow_options.n_neighbors = static_cast<std::size_t>(k);
            slow_options.order = listed(sizes.size());
            std::erase_if(slow_options.order, [&](std::uint32_t b) { return sizes[b] == 0; });
            const reference::MnnResult slow = reference::mnn(cells, batch, slow_options);
            // rounding of values below 20, unless it decides who is nearest: no two distances are that close here
            CHECK(max_difference(fast.corrected, slow.corrected) < 1e-11);
            REQUIRE(fast.steps.size() == slow.steps.size());
            for (std::size_t s = 0; s < slow.steps.size(); ++s) {
                CHECK(fast.steps[s].n_pairs == slow.steps[s].n_pairs);
                CHECK(fast.steps[s].left_share == slow.steps[s].left_share);
                CHECK(fast.steps[s].right_share == slow.steps[s].right_share);
                CHECK(std::abs(fast.steps[s].batch_effect - slow.steps[s].batch_effect) < 1e-12);
                CHECK_FALSE(fast.steps[s].skipped);
                for (std::size_t b = 0; b < sizes.size(); ++b) {
                    CHECK(std::abs(fast.steps[s].variance_removed[b] - slow.steps[s].variance_removed[b]) < 1e-12);
                }
            }
        }
    }
}

// float32 moves values below 20 by 1e-6; where that decides who is nearest, a cell takes another neighbour's vector,
// which is about as long as the types are wide.
TEST_CASE("mnn in float32 is near mnn in float64", "[mnn]") {
    const Labels batch = mixed(batches_of({200, 150, 100}));
    const arma::mat cells = typed_cells(1, batch, 8, 2.0);
    const arma::mat exact = mnn::forward(cells, batch, {}).corrected;
    const auto rounded = mnn::forward(arma::conv_to<arma::fmat>::from(cells), batch, {}).corrected;
    const arma::mat difference = arma::abs(arma::conv_to<arma::mat>::from(rounded) - exact);
    CHECK(arma::median(arma::vectorise(difference)) < 1e-5);
    CHECK(difference.max() < 0.5);
}

TEST_CASE("mnn: identical batches do not move", "[mnn]") {
    const arma::mat cells = random_matrix(2, 5, 300);
    const arma::mat copies = arma::join_rows(cells, cells);
    const Labels batch = batches_of({300, 300});
    mnn::Options options;
    options.n_neighbors = 1;  // every cell pairs with its copy
    const mnn::Result<double> one = mnn::forward(copies, batch, options);
    CHECK(same_bytes(one.corrected, copies));
    CHECK(one.steps.at(0).n_pairs == 300);
    CHECK(one.steps.at(0).batch_effect == 0.0);
    CHECK(one.steps.at(0).skipped);
    // with more neighbours the vectors of single cells are not 0, but point anywhere
    options.n_neighbors = 20;
    CHECK(mnn::forward(copies, batch, options).steps.at(0).batch_effect < 0.2);
    options.min_batch_effect = 0.2;
    CHECK(same_bytes(mnn::forward(copies, batch, options).corrected, copies));
}

TEST_CASE("mnn removes a translation", "[mnn]") {
    const arma::mat cells = translated_copy(3, 6, 250, 2.5);
    const Labels batch = batches_of({250, 250});
    mnn::Options options;
    options.n_neighbors = 1;
    const mnn::Result<double> result = mnn::forward(cells, batch, options);
    CHECK(max_difference(result.corrected, arma::join_rows(cells.head_cols(250), cells.head_cols(250))) < 1e-12);
    const mnn::MergeStep& step = result.steps.at(0);
    CHECK(step.n_pairs == 250);
    CHECK(step.left_share == 1.0);
    CHECK(step.right_share == 1.0);
    CHECK(step.batch_effect == Approx(1.0));  // all vectors are the same
    CHECK(std::abs(step.variance_removed.at(0)) < 1e-12);
    // with many neighbours a cell moves within its surroundings, but not the set
    options.n_neighbors = 20;
    const arma::mat smooth = mnn::forward(cells, batch, options).corrected;
    const double apart = arma::norm(arma::mean(smooth.head_cols(250), 1) - arma::mean(smooth.tail_cols(250), 1));
    CHECK(apart < 0.05 * 2.5);
}

TEST_CASE("mnn brings the types of different batches together, not different types", "[mnn]") {
    const Labels batch = mixed(batches_of({300, 240, 180}));
    const arma::mat cells = typed_cells(4, batch, 20, 3.0, 20.0);
    const arma::mat corrected = mnn::forward(cells, batch, {}).corrected;
    const auto centre = [&](const arma::mat& of, std::uint32_t b, arma::uword type) {
        arma::vec sum(of.n_rows, arma::fill::zeros);
        double count = 0.0;
        for (arma::uword i = type; i < of.n_cols; i += 3) {
            if (batch.code[i] != b) continue;
            sum += of.col(i);
            count += 1.0;
        }
        return arma::vec(sum / count);
    };
    for (arma::uword type = 0; type < 3; ++type) {
        for (const std::uint32_t b : {1U, 2U}) {
            CHECK(arma::norm(centre(cells, b, type) - centre(cells, 0, type)) > 2.5);
            // 60 cells of 20 features: two centres of the same type differ by some sqrt(2 * 20 / 60) = 0.8
            CHECK(arma::norm(centre(corrected, b, type) - centre(corrected, 0, type)) < 1.2);
            CHECK(arma::norm(centre(corrected, b, type) - centre(corrected, 0, (type + 1) % 3)) > 8.0);
        }
    }
}

TEST_CASE("mnn: pairs are mutual and the same from either side", "[mnn]") {
    const arma::mat a = random_matrix(5, 4, 350);
    const arma::mat b = random_matrix(6, 4, 270) + 0.5;
    const mnn::MutualPairs one = mnn::mutual_pairs(a, b, 7);
    const mnn::MutualPairs other = mnn::mutual_pairs(b, a, 7);
    CHECK(one.count() > 100);
    CHECK(one.count() == other.count());
    CHECK(one.n_first_members == other.member.size());
    CHECK(other.n_first_members == one.member.size());
    const auto listed_pairs = [](const mnn::MutualPairs& pairs, bool swapped) {
        std::vector<std::pair<std::uint32_t, std::uint32_t>> all;
        for (std::size_t m = 0; m < pairs.member.size(); ++m) {
            for (std::size_t p = pairs.offset[m]; p < pairs.offset[m + 1]; ++p) {
                all.emplace_back(swapped ? pairs.member[m] : pairs.partner[p],
                                 swapped ? pairs.partner[p] : pairs.member[m]);
            }
        }
        std::sort(all.begin(), all.end());
        return all;
    };
    CHECK(listed_pairs(one, false) == listed_pairs(other, true));

    const arma::mat cells = arma::join_rows(a, b);
    const Labels batch = batches_of({350, 270});
    mnn::Options options;
    options.order = {0, 1};
    const mnn::MergeStep forwards = mnn::forward(cells, batch, options).steps.at(0);
    options.order = {1, 0};
    const mnn::MergeStep backwards = mnn::forward(cells, batch, options).steps.at(0);
    CHECK(forwards.n_pairs == backwards.n_pairs);
    CHECK(forwards.left_share == backwards.right_share);
}

TEST_CASE("mnn: the order of joining", "[mnn]") {
    const Labels batch = mixed(batches_of({50, 90, 0, 70}));
    const arma::mat cells = typed_cells(7, batch, 6, 2.0);
    const auto order_of = [](const mnn::Result<double>& result) {
        std::vector<std::uint32_t> order = result.steps.back().left;
        order.push_back(result.steps.back().right);
        return order;
    };
    mnn::Options options;
    CHECK(order_of(mnn::forward(cells, batch, options)) == std::vector<std::uint32_t>{1, 3, 0});
    options.merge_order = mnn::MergeOrder::listed;
    CHECK(order_of(mnn::forward(cells, batch, options)) == std::vector<std::uint32_t>{0, 1, 3});
    options.order = {3, 0, 2, 1};
    const mnn::Result<double> given = mnn::forward(cells, batch, options);
    CHECK(order_of(given) == std::vector<std::uint32_t>{3, 0, 1});
    CHECK(given.steps.at(0).variance_removed.at(1) == 0.0);  // not yet there
    CHECK(given.steps.at(1).variance_removed.at(1) > 0.0);
    reference::MnnOptions slow_options;
    slow_options.n_neighbors = static_cast<std::size_t>(options.n_neighbors);
    slow_options.order = {3, 0, 1};
    const reference::MnnResult slow = reference::mnn(cells, batch, slow_options);
    for (std::size_t s = 0; s < 2; ++s) {
        const std::vector<double>& removed = given.steps[s].variance_removed;
        for (std::size_t b = 0; b < 4; ++b) CHECK(std::abs(removed[b] - slow.steps.at(s).variance_removed[b]) < 1e-12);
        CHECK(std::abs(removed[0] - removed[3]) > 1e-6);  // each batch has its own
    }
    options.order = {3, 0, 2, 0};
    CHECK_THROWS_WITH(mnn::forward(cells, batch, options),
                      "mnn: order must hold each place from 0 to 3 once, and 0 is out of range or there twice");
    options.order = {0, 1};
    CHECK_THROWS_WITH(mnn::forward(cells, batch, options), "mnn: order has 2 places for 4 batches");
}

TEST_CASE("mnn follows the order of cells, shifts and units", "[mnn]") {
    const Labels batch = mixed(batches_of({120, 80, 60}));
    const arma::mat cells = typed_cells(8, batch, 6, 2.0);
    const arma::mat corrected = mnn::forward(cells, batch, {}).corrected;
    const std::vector<std::uint32_t> order = permutation(make_key(8), 260);
    CHECK(max_difference(mnn::forward(reordered(cells, order), reordered(batch, order), {}).corrected,
                         reordered(corrected, order)) < 1e-12);
    CHECK(max_difference(mnn::forward(arma::mat(1e-6 * cells), batch, {}).corrected, 1e-6 * corrected) < 1e-17);
    CHECK(max_difference(mnn::forward(arma::mat(cells + 50.0), batch, {}).corrected, corrected + 50.0) < 1e-11);
}

TEST_CASE("mnn: small batches and copies", "[mnn]") {
    const Labels alone = batches_of({30});
    const arma::mat unmoved = random_matrix(9, 4, 30);
    const mnn::Result<double> one = mnn::forward(unmoved, alone, {});
    CHECK(same_bytes(one.corrected, unmoved));
    CHECK(one.steps.empty());
    CHECK(one.notes == std::vector<std::string>{"there is one batch: nothing to correct"});

    const mnn::Result<double> single = mnn::forward(random_matrix(10, 4, 31), batches_of({30, 1}), {});
    CHECK(single.steps.at(0).right_share == 1.0);
    CHECK(single.steps.at(0).n_pairs == 20);
    CHECK(single.steps.at(0).variance_removed.at(1) == 0.0);
    REQUIRE(single.notes.size() == 1);
    CHECK(single.notes[0].rfind("batch '1' has 1 cells, fewer than n_neighbors = 20", 0) == 0);

    arma::mat copies(4, 60, arma::fill::zeros);  // all neighbours at distance 0
    copies.tail_cols(30) += 1.0;
    const arma::mat together = mnn::forward(copies, batches_of({30, 30}), {}).corrected;
    CHECK(arma::abs(together).max() < 1e-15);
}

TEST_CASE("mnn refuses what it cannot do", "[mnn]") {
    const Labels batch = batches_of({10, 10});
    arma::mat cells = random_matrix(11, 3, 20);
    mnn::Options options;
    options.n_neighbors = 0;
    CHECK_THROWS_AS(mnn::forward(cells, batch, options), std::invalid_argument);
    options = {};
    options.bandwidth = 1.0;
    CHECK_THROWS_AS(mnn::forward(cells, batch, options), std::invalid_argument);
    options = {};
    options.min_batch_effect = 1.5;
    CHECK_THROWS_AS(mnn::forward(cells, batch, options), std::invalid_argument);
    CHECK_THROWS_AS(mnn::forward(cells, batches_of({10}), {}), std::invalid_argument);
    CHECK_THROWS_AS(mnn::forward(arma::mat(), Labels(), {}), std::invalid_argument);
    cells(0, 0) = arma::datum::nan;
    CHECK_THROWS_AS(mnn::forward(cells, batch, {}), NumericalError);
}

TEST_CASE("mnn: every option counts", "[mnn]") {
    const Labels batch = mixed(batches_of({120, 80, 60}));
    const arma::mat cells = typed_cells(12, batch, 6, 2.0);
    const arma::mat corrected = mnn::forward(cells, batch, {}).corrected;
    const auto differs = [&](const auto& set) {
        mnn::Options options;
        set(options);
        return max_difference(mnn::forward(cells, batch, options).corrected, corrected) > 1e-3;
    };
    CHECK(differs([](mnn::Options& options) { options.n_neighbors = 10; }));
    CHECK(differs([](mnn::Options& options) { options.bandwidth = 1.5; }));
    CHECK(differs([](mnn::Options& options) { options.min_batch_effect = 1.0; }));
    CHECK(differs([](mnn::Options& options) { options.order = {2, 1, 0}; }));
}

TEST_CASE("mnn is the same for any number of threads", "[mnn][threads]") {
    const Labels batch = mixed(batches_of({1500, 1200, 700}));
    const auto cells = arma::conv_to<arma::fmat>::from(typed_cells(13, batch, 10, 2.0));
    CHECK(same_for_any_threads([&] { return mnn::forward(cells, batch, {}).corrected; }));
}
