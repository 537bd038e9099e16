// Harmony on data that are small, degenerate or wrong: it ends, says what it did, and never returns NaN.
#include <catch2/catch.hpp>
#include <string>

#include "engine/core/check.hpp"
#include "engine/core/parallel.hpp"
#include "tests/support/harmony.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using harmony::Options;
using harmony::Status;

namespace {

Labels labels_of(arma::uword n, std::uint32_t n_levels) {
    Labels labels;
    for (std::uint32_t b = 0; b < n_levels; ++b) labels.names.push_back("level" + std::to_string(b));
    for (arma::uword i = 0; i < n; ++i) labels.code.push_back(static_cast<std::uint32_t>(i) % n_levels);
    return labels;
}

/// A run in double that must agree with the reference, and in float that must agree with it as well as float can.
harmony::Result<double> run_checked(const arma::mat& cells, const std::vector<Labels>& covariates,
                                    const Options& options = {}) {
    const auto result = harmony::forward<double>(cells, covariates, options);
    CHECK(result.corrected.is_finite());
    CHECK(result.coefficients.is_finite());
    CHECK(result.centroids.is_finite());
    const HarmonyValues slow = reference_values(cells, covariates, options, {});
    CHECK(result.seeds == slow.seeds);
    CHECK(result.iterations == slow.iterations);
    CHECK(apart(result.corrected, slow.corrected, 1.0) < 1e-8);
    CHECK(harmony::forward<float>(arma::conv_to<arma::fmat>::from(cells), covariates, options).corrected.is_finite());
    return result;
}

bool has_note(const std::vector<std::string>& notes, const std::string& part) {
    return std::any_of(notes.begin(), notes.end(),
                       [&part](const std::string& note) { return note.find(part) != std::string::npos; });
}

/// The message with which `options` are refused for `covariates`.
std::string refusal(const Options& options, const std::vector<Labels>& covariates, arma::uword n = 60) {
    try {
        harmony::validate(options, n, covariates);
    } catch (const std::invalid_argument& error) {
        CHECK_THROWS_AS(harmony::forward<double>(harmony_cells(4, n, 1), covariates, options), std::invalid_argument);
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("harmony: few cells", "[harmony][edges]") {
    for (const arma::uword n : {2U, 3U, 5U, 6U, 15U, 16U, 29U, 39U, 40U, 45U, 75U}) {
        INFO(n << " cells");
        const auto result = run_checked(harmony_cells(4, n, n), {harmony_batches(n)});
        // round half to even: 45 / 30 is 2, 75 / 30 as well
        const arma::uword clusters = n <= 44 ? 1 : 2;
        CHECK(result.centroids.n_cols == clusters);
        CHECK(has_note(result.notes, "block_size is 0.2 instead of 0.05") == (n < 40));
    }
    const auto one = harmony::forward<double>(harmony_cells(4, 1, 1), std::vector<Labels>{harmony_batches(1)}, {});
    CHECK(one.status == Status::nothing_to_correct);
    Options coarse;
    coarse.block_size = 0.5;
    CHECK(run_checked(harmony_cells(4, 20, 1), {harmony_batches(20)}, coarse).notes.empty());
}

TEST_CASE("harmony: one batch leaves the cells as they are, and says so", "[harmony][edges]") {
    const arma::mat cells = harmony_cells(5, 100, 3);
    Labels one = labels_of(100, 1);
    one.names.push_back("a name without cells");
    const std::vector<Labels> covariates{one};
    Options options;
    options.keep_assignments = true;
    const auto result = harmony::forward<double>(cells, covariates, options);
    CHECK(std::equal(cells.begin(), cells.end(), result.corrected.begin()));
    CHECK(result.status == Status::nothing_to_correct);
    CHECK(result.iterations == 1);
    CHECK(result.rounds == std::vector<std::int64_t>{4});
    CHECK(arma::accu(arma::abs(result.coefficients)) == 0.0);
    CHECK(apart(arma::sum(result.assignments, 0), arma::mat(1, 100, arma::fill::ones), 1.0) < 1e-14);
    CHECK(has_note(result.notes, "single level 'level0'"));
    CHECK(result.levels == std::vector<harmony::Level>{{0, "level0", 100}});
}

TEST_CASE("harmony: a covariate of one level beside another is ignored", "[harmony][edges]") {
    const arma::mat cells = harmony_cells(5, 90, 3);
    const auto both = run_checked(cells, {harmony_batches(90), labels_of(90, 1)});
    const auto alone = run_checked(cells, {harmony_batches(90)});
    // its factor is 1 but for rounding: E = O
    CHECK(apart(both.corrected, alone.corrected, 1.0) < 1e-10);
    CHECK(has_note(both.notes, "covariate 2 has the single level"));
    CHECK(alone.notes.empty());
}

TEST_CASE("harmony: levels of one cell", "[harmony][edges]") {
    Labels single = labels_of(60, 2);
    single.names.push_back("alone");
    single.code[17] = 2;
    CHECK(run_checked(harmony_cells(4, 60, 5), {single}).notes.empty());

    const auto barcodes = run_checked(harmony_cells(4, 60, 5), {labels_of(60, 60)});
    CHECK(has_note(barcodes.notes, "60 levels for 60 cells"));
    CHECK(has_note(barcodes.notes, "60 of 60 cells are alone in their level"));
}

TEST_CASE("harmony: cells without direction, without difference, and far away", "[harmony][edges]") {
    arma::mat cells = harmony_cells(5, 80, 7);
    const std::vector<Labels> covariates{harmony_batches(80)};
    Options options;
    options.n_clusters = 5;
    SECTION("cells of 0") {
        cells.col(3).zeros();
        cells.col(50).zeros();
        run_checked(cells, covariates, options);
    }
    SECTION("all cells 0") { run_checked(arma::mat(5, 80, arma::fill::zeros), covariates, options); }
    SECTION("all cells the same") { run_checked(arma::mat(5, 80, arma::fill::ones), covariates, options); }
    SECTION("a constant feature") {
        cells.row(2).fill(4.0);
        run_checked(cells, covariates, options);
    }
    SECTION("a feature of 0") {
        cells.row(2).zeros();
        run_checked(cells, covariates, options);
    }
    SECTION("duplicates: fewer directions than clusters") {
        for (arma::uword i = 0; i < 80; ++i) cells.col(i) = cells.col(i % 3);
        run_checked(cells, covariates, options);
    }
    SECTION("squares beyond the range of float") {
        const auto result = harmony::forward<float>(arma::conv_to<arma::fmat>::from(1e25 * cells), covariates, options);
        const auto slow = harmony::forward<double>(cells, covariates, options);
        CHECK(apart(arma::conv_to<arma::mat>::from(result.corrected) / 1e25, slow.corrected, 1.0) < 1e-3);
    }
}

TEST_CASE("harmony: one feature, one cluster, as many clusters as cells", "[harmony][edges]") {
    run_checked(harmony_cells(1, 60, 9), {harmony_batches(60)});
    Options options;
    for (const std::int64_t clusters : {1, 59, 60}) {
        options.n_clusters = clusters;
        run_checked(harmony_cells(4, 60, 9), {harmony_batches(60)}, options);
    }
}

TEST_CASE("harmony: a cluster that loses all its cells", "[harmony][edges]") {
    Options options;
    options.n_clusters = 12;
    options.sigma = {1e-4};
    options.theta = {30.0};
    arma::mat cells = harmony_cells(3, 60, 11);
    for (arma::uword i = 0; i < 60; ++i) cells.col(i) = cells.col(i % 4);  // 4 directions for 12 clusters
    const auto result = run_checked(cells, {harmony_batches(60)}, options);
    CHECK(result.cluster_weight.min() == 0.0);
    for (arma::uword k = 0; k < 12; ++k) {
        if (result.cluster_weight[k] == 0.0) CHECK(result.kept[k].empty());
    }
}

TEST_CASE("harmony: settings at their ends", "[harmony][edges]") {
    const arma::mat cells = harmony_cells(4, 90, 13);
    const std::vector<Labels> covariates{harmony_batches(90)};
    Options options;
    SECTION("theta 0") { options.theta = {0.0}; }
    SECTION("a large theta") { options.theta = {200.0}; }
    SECTION("a large theta, summed over covariates") {
        options.theta = {500.0};
        options.covariate_penalty = harmony::CovariatePenalty::sum;
        run_checked(cells, {harmony_batches(90), labels_of(90, 2)}, options);
    }
    SECTION("a narrow sigma") { options.sigma = {1e-4}; }
    SECTION("a wide sigma") { options.sigma = {1e3}; }
    SECTION("a sigma per cluster") {
        options.n_clusters = 3;
        options.sigma = {0.05, 0.1, 0.3};
    }
    SECTION("one block") { options.block_size = 1.0; }
    SECTION("blocks of one cell") { options.block_size = 1e-3; }
    SECTION("tau") { options.tau = 20.0; }
    SECTION("a cutoff that leaves levels out") { options.batch_prop_cutoff = 0.3; }
    SECTION("no Lloyd steps") { options.lloyd_steps = 0; }
    SECTION("many rounds") { options.max_iter_cluster = 30; }
    SECTION("never early") {
        options.epsilon_harmony = std::nullopt;
        options.epsilon_cluster = std::nullopt;
        options.max_iter_cluster = 7;
        CHECK(run_checked(cells, covariates, options).status == Status::max_iterations);
        options.variant = harmony::Variant::harmony1;
    }
    SECTION("harmony1") { options.variant = harmony::Variant::harmony1; }
    SECTION("harmony1 with automatic ends and a large theta") {
        options.variant = harmony::Variant::harmony1;
        options.theta = {50.0};
    }
    run_checked(cells, covariates, options);
}

TEST_CASE("harmony: factors and logits so far apart that no power is left without a cell's own bound",
          "[harmony][edges]") {
    // ties between clusters that are all or nothing make runs differ, so that only what must hold of any is asked
    const arma::mat cells = harmony_cells(4, 90, 13);
    for (const double theta : {200.0, 2000.0}) {
        for (const double sigma : {0.05, 0.002}) {
            INFO("theta " << theta << ", sigma " << sigma);
            Options options;
            options.theta = {theta};
            options.sigma = {sigma};
            options.n_clusters = 9;
            options.keep_assignments = true;
            const auto result = harmony::forward<float>(arma::conv_to<arma::fmat>::from(cells),
                                                        std::vector<Labels>{harmony_batches(90)}, options);
            const arma::mat assignments = arma::conv_to<arma::mat>::from(result.assignments);
            CHECK(apart(arma::sum(assignments, 0), arma::mat(1, 90, arma::fill::ones), 1.0) < 1e-5);
            CHECK(std::isfinite(result.objective.back()));
        }
    }
}

TEST_CASE("harmony: no iterations return the cells and their first assignments", "[harmony][edges]") {
    const arma::mat cells = harmony_cells(4, 90, 13);
    Options options;
    options.max_iter = 0;
    const auto result = run_checked(cells, {harmony_batches(90)}, options);
    CHECK(std::equal(cells.begin(), cells.end(), result.corrected.begin()));
    CHECK(result.iterations == 0);
    CHECK(result.objective.size() == 1);
    CHECK(result.status == Status::max_iterations);
}

TEST_CASE("harmony: 500 batches", "[harmony][edges]") {
    Options options;
    options.max_iter = 2;
    options.n_clusters = 4;
    run_checked(harmony_cells(4, 800, 15), {labels_of(800, 500)}, options);
}

TEST_CASE("harmony: covariates that are copies of each other", "[harmony][edges]") {
    const arma::mat cells = harmony_cells(4, 90, 17);
    Options options;
    options.theta = {1.0};
    const auto twice = run_checked(cells, {harmony_batches(90), harmony_batches(90)}, options);
    // by symmetry both get the same coefficients
    for (arma::uword k = 0; k < twice.coefficients.n_slices; ++k) {
        CHECK(apart(twice.coefficients.slice(k).head_cols(3), twice.coefficients.slice(k).tail_cols(3), 1.0) < 1e-10);
    }
}

TEST_CASE("harmony: cells of reference levels stay", "[harmony][edges]") {
    const arma::mat cells = harmony_cells(4, 90, 19);
    Options options;
    options.reference = {"b"};
    const auto result = run_checked(cells, {harmony_batches(90)}, options);
    double moved = 0.0;
    for (arma::uword i = 0; i < 90; ++i) {
        const double distance = arma::norm(result.corrected.col(i) - cells.col(i));
        if (harmony_batches(90).code[i] == 1) CHECK(distance == 0.0);
        moved = std::max(moved, distance);
    }
    CHECK(moved > 0.1);
    options.reference = {"b", "nobody"};
    CHECK(refusal(options, {harmony_batches(60)}) == "reference: no level is called 'nobody'");
}

TEST_CASE("harmony: labels that are missing or measured are refused", "[harmony][edges]") {
    Labels labels = harmony_batches(60);
    labels.code[41] = 7;
    CHECK(refusal({}, {harmony_batches(60), labels}) ==
          "covariate 2: the label of cell 41 (counted from 0) is missing (code 7 of 3 names); label the cell or leave "
          "it out");
    labels = harmony_batches(60);
    labels.names[1] = "nan";
    CHECK(refusal({}, {labels}).find("covariate 1: the label of cell 1 (counted from 0) is missing ('nan')") == 0);
    labels.code.pop_back();
    CHECK(refusal({}, {labels}) == "covariate 1 has 59 labels for 60 cells");
    CHECK(refusal({}, {}) == "harmony needs at least one covariate to correct for, got none");

    labels = labels_of(60, 30);
    for (std::uint32_t b = 0; b < 30; ++b) labels.names[b] = std::to_string(b) + ".25";
    CHECK(refusal({}, {labels}).find("covariate 1 is continuous: 30 distinct numbers that are not whole") == 0);
    labels.names[0] = "control";  // then they are names
    CHECK(refusal({}, {labels}) == "accepted");
    for (std::uint32_t b = 0; b < 30; ++b) labels.names[b] = std::to_string(b);
    CHECK(refusal({}, {labels}) == "accepted");
}

TEST_CASE("harmony: cells that are not finite are refused by name", "[harmony][edges]") {
    arma::mat cells = harmony_cells(4, 60, 1);
    cells(2, 33) = arma::datum::nan;
    const std::vector<Labels> covariates{harmony_batches(60)};
    CHECK_THROWS_WITH(harmony::forward<double>(cells, covariates, {}),
                      "cell 33, feature 2 (counted from 0) is not finite; harmony takes finite numbers");
    CHECK_THROWS_WITH(harmony::forward<double>(arma::mat(4, 0), covariates, {}),
                      "harmony needs at least 1 cell, got 0");
    CHECK_THROWS_WITH(harmony::forward<double>(arma::mat(0, 60), covariates, {}),
                      "harmony needs at least 1 feature, got 0");
}

TEST_CASE("harmony: options out of bounds are refused with name, value and bounds", "[harmony][edges]") {
    const std::vector<Labels> two{harmony_batches(60), labels_of(60, 2)};
    const auto refused = [&](auto set) {
        Options options;
        set(options);
        return refusal(options, two);
    };
    CHECK(refused([](Options& o) { o.n_clusters = 0; }) == "n_clusters is 0; it must be at least 1");
    CHECK(refused([](Options& o) { o.n_clusters = 61; }) ==
          "n_clusters is 61; it must be at least 1 and at most the number of cells, 60");
    CHECK(refused([](Options& o) { o.theta = {-1.0}; }) == "theta is -1; it must be at least 0");
    CHECK(refused([](Options& o) {
              o.theta = {1.0, 2.0, 3.0};
          }) == "theta has 3 values; it takes 1, one per covariate (2) or one per level (5)");
    CHECK(refused([](Options& o) { o.theta = {}; }) == "theta has no value; it takes at least one");
    CHECK(refused([](Options& o) { o.theta = {1.0, 2.0}; }) == "accepted");
    CHECK(refused([](Options& o) { o.theta = {1.0, 2.0, 1.0, 1.0, 0.0}; }) == "accepted");
    CHECK(refused([](Options& o) { o.sigma = {0.0}; }) == "sigma is 0; it must be greater than 0");
    CHECK(refused([](Options& o) {
              o.sigma = {0.1, 0.1, 0.1};
          }) == "sigma has 3 values; it takes 1 or one per cluster (2)");
    CHECK(refused([](Options& o) { o.lambda = {0.0}; }) == "lambda is 0; it must be greater than 0");
    CHECK(refused([](Options& o) {
              o.lambda = {1.0, 1.0, 1.0};
          }) == "lambda has 3 values; it takes 1, one per covariate (2) or one per level (5)");
    CHECK(refused([](Options& o) { o.alpha = 0.0; }) == "alpha is 0; it must be greater than 0");
    CHECK(refused([](Options& o) { o.max_iter = -1; }) == "max_iter is -1; it must be at least 0");
    CHECK(refused([](Options& o) { o.max_iter_cluster = 0; }) == "max_iter_cluster is 0; it must be at least 1");
    CHECK(refused([](Options& o) { o.epsilon_harmony = -1.0; }) == "epsilon_harmony is -1; it must be at least 0");
    CHECK(refused([](Options& o) { o.epsilon_cluster = NAN; }) == "epsilon_cluster is nan; it must be at least 0");
    CHECK(refused([](Options& o) { o.block_size = 0.0; }) ==
          "block_size is 0; it must be greater than 0 and at most 1");
    CHECK(refused([](Options& o) { o.block_size = 1.5; }) ==
          "block_size is 1.5; it must be greater than 0 and at most 1");
    CHECK(refused([](Options& o) { o.tau = -1.0; }) == "tau is -1; it must be at least 0");
    CHECK(refused([](Options& o) { o.batch_prop_cutoff = 1.0; }) ==
          "batch_prop_cutoff is 1; it must be at least 0 and below 1");
    CHECK(refused([](Options& o) { o.lloyd_steps = -1; }) == "lloyd_steps is -1; it must be at least 0");
    CHECK(refused([](Options& o) { o.seed = -1; }) == "seed is -1; it must be at least 0");
    CHECK_THROWS_WITH(harmony::preset("R-1.0"),
                      "'R-1.0' is no preset of harmony; there are: R-2.0.4 harmonypy-2.1 scanpy");
}
