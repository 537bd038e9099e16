// Harmony: against its reference with random choices drawn by each, in single precision, with every instruction set,
// and the same bytes for any number of threads.
#include <catch2/catch.hpp>
#include <cstring>

#include "engine/core/parallel.hpp"
#include "engine/core/random_words.hpp"
#include "tests/support/harmony.hpp"
#include "tests/unit/instruction_sets.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using harmony::Options;

namespace {

/// A second covariate that crosses the batches.
Labels chemistries(arma::uword n) {
    Labels labels;
    labels.names = {"v2", "v3"};
    for (arma::uword i = 0; i < n; ++i) labels.code.push_back(i * 5 % 13 < 6 ? 0U : 1U);
    return labels;
}

template <class Real>
bool same_bytes(const Matrix<Real>& a, const Matrix<Real>& b) {
    return arma::size(a) == arma::size(b) && std::memcmp(a.memptr(), b.memptr(), a.n_elem * sizeof(Real)) == 0;
}

}  // namespace

TEST_CASE("harmony: many words at once are the words one by one", "[harmony][random]") {
    with_every_instruction_set([] {
        for (const std::uint32_t first : {0U, 1U, 4000000000U}) {
            std::vector<std::uint32_t> words(77);
            random_words(make_key(12345678901234ULL), first, 77, words.data());
            for (std::uint32_t i = 0; i < 77; ++i) {
                REQUIRE(words[i] == random_word(make_key(12345678901234ULL), std::uint64_t{first} + i));
            }
        }
    });
}

TEST_CASE("harmony: engine and reference draw the same and compute the same", "[harmony]") {
    const arma::uword n_features = GENERATE(as<arma::uword>(), 3, 17, 20);
    const arma::uword n = GENERATE(as<arma::uword>(), 257, 700);
    const bool two = GENERATE(false, true);
    const auto variant = GENERATE(harmony::Variant::harmony2, harmony::Variant::harmony1);
    Options options;
    options.variant = variant;
    options.n_clusters = 19;
    options.max_iter = 3;
    options.epsilon_harmony = std::nullopt;
    options.seed = 5;
    const arma::mat cells = harmony_cells(n_features, n, 21);
    std::vector<Labels> covariates{harmony_batches(n)};
    if (two) covariates.push_back(chemistries(n));
    const HarmonyValues slow = reference_values(cells, covariates, options, {});
    with_every_instruction_set([&] {
        const HarmonyValues fast = engine_values<double>(cells, covariates, options, {});
        CHECK(fast.seeds == slow.seeds);
        CHECK(fast.rounds == slow.rounds);
        CHECK(fast.kept == slow.kept);
        CHECK(apart(fast.corrected, slow.corrected, 1.0) < 1e-10);
        CHECK(apart(fast.assignments, slow.assignments, 1.0) < 1e-10);
        CHECK(apart(fast.objective_rounds, slow.objective_rounds, 1.0) < 1e-10);
        const HarmonyValues single = engine_values<float>(cells, covariates, options, {});
        CHECK(single.seeds == slow.seeds);
        // rounding of the logits, 2e-6 of R, is carried through three iterations
        CHECK(apart(single.objective_rounds, slow.objective_rounds, 100.0) < 1e-5);
        CHECK(apart(single.corrected, slow.corrected, 1.0) < 1e-3);
    });
}

TEST_CASE("harmony: the same bytes for any number of threads", "[harmony]") {
    const arma::uword n = 20300;  // enough for threads
    const arma::mat cells = harmony_cells(8, n, 23);
    const std::vector<Labels> covariates{harmony_batches(n), chemistries(n)};
    Options options;
    options.n_clusters = 20;
    options.max_iter = 2;
    options.keep_assignments = true;
    for (const auto variant : {harmony::Variant::harmony2, harmony::Variant::harmony1}) {
        options.variant = variant;
        const auto run = [&](unsigned threads) {
            set_thread_count(threads);
            auto result = harmony::forward<float>(arma::conv_to<arma::fmat>::from(cells), covariates, options);
            set_thread_count(1);
            return result;
        };
        const auto one = run(1);
        for (const unsigned threads : {2U, 3U}) {
            const auto more = run(threads);
            CHECK(same_bytes(one.corrected, more.corrected));
            CHECK(same_bytes(one.assignments, more.assignments));
            CHECK(same_bytes(one.centroids, more.centroids));
            CHECK(same_bytes(one.observed, more.observed));
            CHECK(same_bytes(one.cluster_sum, more.cluster_sum));
            CHECK(one.objective == more.objective);
            CHECK(one.seeds == more.seeds);
        }
    }
}

TEST_CASE("harmony: the order of cells and names changes nothing but the draws", "[harmony]") {
    const arma::uword n = 200;
    const arma::mat cells = harmony_cells(5, n, 25);
    const Labels batches = harmony_batches(n);
    Options options;
    options.max_iter = 2;
    harmony::Choices choices;
    choices.seeds = {3, 77, 150, 199, 20, 111, 60};
    choices.orders.resize(8);
    for (std::uint32_t r = 0; r < 8; ++r) choices.orders[r] = permutation(make_key(r), n);
    const auto straight = harmony::forward<double>(cells, std::vector<Labels>{batches}, options, choices);

    const std::vector<std::uint32_t> moved = permutation(make_key(99), n);  // moved[new place] = old place
    std::vector<std::uint32_t> new_place(n);
    for (std::uint32_t i = 0; i < n; ++i) new_place[moved[i]] = i;
    arma::mat shuffled(arma::size(cells));
    Labels shuffled_batches;
    shuffled_batches.names = {"c", "b", "a"};
    for (std::uint32_t i = 0; i < n; ++i) {
        shuffled.col(i) = cells.col(moved[i]);
        shuffled_batches.code.push_back(2 - batches.code[moved[i]]);
    }
    for (std::uint32_t& seed : choices.seeds) seed = new_place[seed];
    for (auto& order : choices.orders) {
        for (std::uint32_t& cell : order) cell = new_place[cell];
    }
    const auto other = harmony::forward<double>(shuffled, std::vector<Labels>{shuffled_batches}, options, choices);
    for (std::uint32_t i = 0; i < n; ++i) {
        CHECK(arma::abs(other.corrected.col(i) - straight.corrected.col(moved[i])).max() < 1e-10);
    }
}

TEST_CASE("harmony: it mixes batches that differ by a shift, and every option changes something", "[harmony]") {
    const arma::uword n = 900;
    const arma::mat cells = harmony_cells(6, n, 27);
    const std::vector<Labels> covariates{harmony_batches(n), chemistries(n)};
    const auto run = [&](const auto& set) {
        Options options;
        options.max_iter = 3;
        options.epsilon_harmony = std::nullopt;
        set(options);
        return harmony::forward<double>(cells, covariates, options);
    };
    const auto usual = run([](Options&) {});
    const std::vector<std::size_t> sizes = label_sizes(covariates[0]);
    const auto between = [&](const arma::mat& corrected) {  // of the batches' means
        arma::mat means(6, 3, arma::fill::zeros);
        for (arma::uword i = 0; i < n; ++i) means.col(covariates[0].code[i]) += corrected.col(i);
        for (arma::uword b = 0; b < 3; ++b) means.col(b) /= static_cast<double>(sizes[b]);
        return arma::norm(means.col(0) - means.col(1)) + arma::norm(means.col(1) - means.col(2));
    };
    CHECK(between(usual.corrected) < 0.25 * between(cells));

    const auto changes = [&](const auto& set) { return !same_bytes(usual.corrected, run(set).corrected); };
    CHECK_FALSE(changes([](Options&) {}));
    CHECK(changes([](Options& o) { o.variant = harmony::Variant::harmony1; }));
    CHECK(changes([](Options& o) { o.n_clusters = 20; }));
    CHECK(changes([](Options& o) { o.theta = {2.5}; }));
    CHECK(changes([](Options& o) { o.sigma = {0.12}; }));
    CHECK(changes([](Options& o) { o.lambda = {1.0}; }));
    CHECK(changes([](Options& o) { o.alpha = 0.3; }));
    CHECK(changes([](Options& o) { o.max_iter = 4; }));
    CHECK(changes([](Options& o) { o.max_iter_cluster = 5; }));
    CHECK(changes([](Options& o) { o.epsilon_harmony = 0.5; }));
    CHECK(changes([](Options& o) { o.block_size = 0.1; }));
    CHECK(changes([](Options& o) { o.tau = 10.0; }));
    CHECK(changes([](Options& o) { o.batch_prop_cutoff = 0.2; }));
    CHECK(changes([](Options& o) { o.covariate_penalty = harmony::CovariatePenalty::sum; }));
    CHECK(changes([](Options& o) { o.reference = {"b"}; }));
    CHECK(changes([](Options& o) { o.lloyd_steps = 2; }));
    CHECK(changes([](Options& o) { o.seed = 1; }));
    const auto rounds_of = [&](double epsilon) {
        return run([&](Options& o) {
                   o.max_iter_cluster = 30;
                   o.epsilon_cluster = epsilon;
               })
            .rounds;
    };
    CHECK(rounds_of(1e-2) != rounds_of(1e-12));
}

TEST_CASE("harmony: why a run ends", "[harmony]") {
    const arma::uword n = 300;
    const arma::mat cells = harmony_cells(5, n, 29);
    const std::vector<Labels> covariates{harmony_batches(n)};
    const auto run = [&](std::int64_t max_iter, std::optional<double> epsilon, bool stop_on_increase) {
        Options options;
        options.max_iter = max_iter;
        options.epsilon_harmony = epsilon;
        options.stop_on_increase = stop_on_increase;
        return harmony::forward<double>(cells, covariates, options);
    };
    CHECK(run(1, 1e-2, true).status == harmony::Status::max_iterations);
    const auto converged = run(50, 1e-2, true);
    CHECK(converged.status == harmony::Status::converged);
    CHECK(converged.iterations < 50);
    const auto rose = run(200, 0.0, true);
    CHECK(rose.status == harmony::Status::objective_rose);
    CHECK(rose.objective[rose.objective.size() - 1] > rose.objective[rose.objective.size() - 2]);
    CHECK(run(rose.iterations + 3, 0.0, false).iterations == rose.iterations + 3);
}

TEST_CASE("harmony: presets follow their packages", "[harmony]") {
    CHECK(harmony::preset("R-2.0.4").covariate_penalty == harmony::CovariatePenalty::sum);
    CHECK(harmony::preset("R-2.0.4").stop_on_increase);
    CHECK(harmony::preset("harmonypy-2.1").covariate_penalty == harmony::CovariatePenalty::product);
    CHECK_FALSE(harmony::preset("harmonypy-2.1").stop_on_increase);
    CHECK(harmony::preset("scanpy").max_iter_cluster == 200);
    CHECK(harmony::preset("scanpy").epsilon_harmony == 1e-4);
}
