// ComBat against scanpy's values, against its slow reference, and its known answers.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "engine/core/check.hpp"
#include "engine/datasets/table.hpp"
#include "engine/methods/combat/method.hpp"
#include "engine/reference/baselines.hpp"
#include "tests/support/baselines.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/gradients.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

const nlohmann::json& scanpy_values() {
    static const nlohmann::json values = golden_file("combat.json");
    return values;
}

// Cells of batches with their own location and scale for every feature. [F x n]
arma::mat stretched_cells(std::uint64_t number, const Labels& batch, arma::uword n_features) {
    arma::mat cells = random_matrix(number, n_features, batch.code.size());
    const arma::mat location = random_matrix(number + 1, n_features, batch.count());
    const arma::mat scale = arma::exp(0.4 * random_matrix(number + 2, n_features, batch.count()));
    for (arma::uword i = 0; i < cells.n_cols; ++i) {
        cells.col(i) = cells.col(i) % scale.col(batch.code[i]) + location.col(batch.code[i]);
    }
    return cells;
}

// A label for every cell that occurs in all batches.
Labels types_of(std::size_t n_cells, std::uint32_t n_types) {
    Labels types;
    for (std::uint32_t i = 0; i < n_cells; ++i) types.code.push_back((i * i + i / 3) % n_types);
    for (std::uint32_t t = 0; t < n_types; ++t) types.names.push_back("t" + std::to_string(t));
    return types;
}

}  // namespace

// Sums in another order: rounding of some 1e-15 of values below 20, and the same number of turns.
TEST_CASE("combat gives scanpy's values", "[combat][golden]") {
    const nlohmann::json& made_up = scanpy_values().at("made_up");
    const arma::mat cells = matrix_of(made_up.at("cells"));
    const Labels batch = labels_of(made_up.at("batch"));
    const Labels type = labels_of(made_up.at("type"));
    CHECK(max_difference(combat::forward(cells, batch, {}, {}).corrected, matrix_of(made_up.at("corrected"))) < 1e-12);
    const arma::mat keeping_types = matrix_of(made_up.at("corrected_keeping_types"));
    CHECK(max_difference(combat::forward(cells, batch, {type}, {}).corrected, keeping_types) < 1e-12);
    combat::Options options;
    options.keep_types = true;
    CHECK(max_difference(combat::forward(Dataset<double>{cells, batch, type}, options).corrected, keeping_types) <
          1e-12);
    // float32: half a unit in the last place of the input and of the result, some 1e-6 each, stretched by at most 2
    const auto rounded = arma::conv_to<arma::fmat>::from(cells);
    CHECK(max_difference(combat::forward(rounded, batch, {}, {}).corrected, matrix_of(made_up.at("corrected"))) < 1e-5);
}

TEST_CASE("combat gives scanpy's values on real principal components", "[combat][golden][data]") {
    const char* folder = std::getenv("BCBENCH_DATA");
    if (folder == nullptr) {
        WARN("skipped: set BCBENCH_DATA to the folder with pbmc_3500_*.tsv.gz");
        return;
    }
    table::Options options;
    options.cells = std::string(folder) + "/pbmc_3500_pcs.tsv.gz";
    options.metadata = std::string(folder) + "/pbmc_3500_meta.tsv.gz";
    options.batch_column = "donor";
    const Dataset<double> data = table::load(options);
    const arma::mat corrected = combat::forward(data, {}).corrected;
    const nlohmann::json& pbmc = scanpy_values().at("pbmc_3500");
    const arma::mat chosen = reordered(corrected, pbmc.at("cell").get<std::vector<std::uint32_t>>());
    CHECK(max_difference(chosen, matrix_of(pbmc.at("corrected"))) < 1e-11);  // rounding of values below 100
}

TEST_CASE("combat is its slow reference", "[combat][reference]") {
    for (const std::vector<std::size_t>& sizes :
         {std::vector<std::size_t>{6, 9}, {2, 2}, {40, 7, 23}, {300, 280, 2, 5}}) {
        for (const arma::uword n_features : {2U, 11U}) {
            const Labels batch = mixed(batches_of(sizes));
            const arma::mat cells = stretched_cells(3 * sizes[0] + n_features, batch, n_features);
            const Labels types = types_of(cells.n_cols, 2);
            const Labels donors = mixed(types_of(cells.n_cols, 3));
            std::vector<std::vector<Labels>> choices{{}};
            if (cells.n_cols > 10) choices.push_back({types});
            if (cells.n_cols > 50) choices.push_back({types, donors});
            for (const std::vector<Labels>& covariates : choices) {
                for (const bool mean_only : {false, true}) {
                    INFO(cells.n_cols << " cells, " << n_features << " features, " << covariates.size()
                                      << " covariates, mean_only " << mean_only);
                    combat::Options options;
                    options.mean_only = mean_only;
                    const arma::mat slow = reference::combat(cells, batch, covariates, {mean_only, options.tolerance});
                    // the turns end at the same one, so that rounding is all that differs; values are below 20, and
                    // batches of 2 cells stretch it
                    CHECK(max_difference(combat::forward(cells, batch, covariates, options).corrected, slow) < 1e-11);
                    const auto rounded = arma::conv_to<arma::fmat>::from(cells);
                    CHECK(max_difference(combat::forward(rounded, batch, covariates, options).corrected, slow) < 1e-3);
                }
            }
        }
    }
}

TEST_CASE("combat: identical batches keep their place", "[combat]") {
    Labels batch = batches_of({40, 40, 40});
    const arma::mat cells = random_matrix(1, 7, 40);
    const arma::mat copies = arma::join_rows(cells, cells, cells);
    const combat::Result<double> result = combat::forward(copies, batch, {}, {});
    // gamma* = 0, and delta2* = n_b / (n_b - 1) for every feature: sigma^2 counts all cells, delta2 one fewer per batch
    arma::mat expected = copies;
    expected.each_col() -= arma::mean(cells, 1);
    expected *= std::sqrt(39.0 / 40.0);
    expected.each_col() += arma::mean(cells, 1);
    CHECK(max_difference(result.corrected, expected) < 1e-12);
    CHECK(arma::abs(result.location).max() < 1e-12);
    CHECK(result.notes.empty());
}

TEST_CASE("combat brings batches together and keeps what a covariate explains", "[combat]") {
    // batch 0 is nine tenths of type 0, batch 1 of type 1; types are 4 apart, batches 3
    const Labels batch = batches_of({400, 400});
    Labels type{{}, {"a", "b"}};
    arma::mat cells = random_matrix(2, 10, 800);
    for (arma::uword i = 0; i < 800; ++i) {
        type.code.push_back((i % 10 == 0 ? 1U : 0U) ^ batch.code[i]);
        cells.col(i) += 4.0 * type.code[i] + 3.0 * batch.code[i];
    }
    const auto mean_of = [&](const arma::mat& corrected, std::uint32_t t, std::uint32_t b) {
        double sum = 0.0, count = 0.0;
        for (arma::uword i = 0; i < 800; ++i) {
            if (type.code[i] != t || batch.code[i] != b) continue;
            sum += arma::mean(corrected.col(i));
            count += 1.0;
        }
        return sum / count;
    };
    const arma::mat kept = combat::forward(cells, batch, {type}, {}).corrected;
    const arma::mat lost = combat::forward(cells, batch, {}, {}).corrected;
    // 40 cells of 10 features: a mean has a standard error of 0.05
    CHECK(std::abs(mean_of(kept, 0, 0) - mean_of(kept, 0, 1)) < 0.2);
    CHECK(mean_of(kept, 1, 1) - mean_of(kept, 0, 0) == Approx(4.0).margin(0.2));
    CHECK(mean_of(lost, 1, 1) - mean_of(lost, 0, 0) < 1.5);  // the price of not saying so
}

TEST_CASE("combat follows shifts, units, the order of cells and the names of batches", "[combat]") {
    const Labels batch = mixed(batches_of({30, 17, 22}));
    const arma::mat cells = stretched_cells(5, batch, 8);
    const arma::mat corrected = combat::forward(cells, batch, {}, {}).corrected;
    const arma::vec shift = 100.0 * random_matrix(6, 8, 1);
    const arma::vec unit = arma::exp(random_matrix(7, 8, 1));
    const auto moved = [&](arma::mat values) {
        values.each_col() %= unit;
        values.each_col() += shift;
        return values;
    };
    CHECK(max_difference(combat::forward(moved(cells), batch, {}, {}).corrected, moved(corrected)) < 1e-10);
    const std::vector<std::uint32_t> order = permutation(make_key(8), 69);
    CHECK(max_difference(combat::forward(reordered(cells, order), reordered(batch, order), {}, {}).corrected,
                         reordered(corrected, order)) < 1e-12);
    Labels renamed{{}, {"x", "nobody", "y", "z"}};  // and a batch without cells
    for (const std::uint32_t b : batch.code) renamed.code.push_back(b == 0 ? 3 : b == 1 ? 0 : 2);
    const combat::Result<double> again = combat::forward(cells, renamed, {}, {});
    CHECK(max_difference(again.corrected, corrected) < 1e-12);
    CHECK(arma::all(again.location.col(1) == 0.0));
    CHECK(arma::all(again.scale.col(1) == 1.0));
    CHECK(combat::forward(Dataset<double>{cells, batch, {}}, {}).notes.empty());
}

TEST_CASE("combat: features without spread stay out of the priors", "[combat]") {
    const Labels batch = batches_of({20, 30});
    const arma::mat cells = stretched_cells(9, batch, 5);
    arma::mat more = arma::join_cols(cells, arma::mat(3, 50, arma::fill::zeros));
    more.row(5).fill(0.1);                                                             // has no exact mean in binary
    for (arma::uword i = 0; i < 50; ++i) more(6, i) = batch.code[i] == 0 ? 1.0 : 3.5;  // differs between batches alone
    const combat::Result<double> result = combat::forward(more, batch, {}, {});
    CHECK(max_difference(arma::mat(result.corrected.head_rows(5)), combat::forward(cells, batch, {}, {}).corrected) <
          1e-12);
    CHECK(arma::abs(result.corrected.row(5) - 0.1).max() < 1e-15);
    CHECK(arma::abs(result.corrected.row(6) - 2.5).max() < 1e-14);  // (20 * 1 + 30 * 3.5) / 50
    CHECK(arma::all(result.corrected.row(7) == 0.0));
    REQUIRE(result.notes.size() == 1);
    CHECK(result.notes[0].rfind("3 of 8 features have no spread within the batches", 0) == 0);
    const arma::mat constant(4, 50, arma::fill::value(7.0));
    CHECK(max_difference(combat::forward(constant, batch, {}, {}).corrected, constant) < 1e-14);
}

TEST_CASE("combat: a batch of one cell, of equal cells, a single feature, a single batch", "[combat]") {
    const Labels batch = batches_of({20, 1, 15});
    arma::mat cells = stretched_cells(10, batch, 6);
    const combat::Result<double> one = combat::forward(cells, batch, {}, {});
    CHECK(one.corrected.is_finite());
    CHECK(arma::all(one.scale.col(1) == 1.0));
    CHECK(one.notes ==
          std::vector<std::string>{"batch '1' has one cell and no scale of its own: only its location is adjusted"});
    // with delta2 = 1: gamma* = (tau2 gamma_hat + mean) / (tau2 + 1), so that gamma* is between the two
    const double spread = arma::range(one.location.col(1));
    CHECK(spread > 0.0);

    cells.cols(21, 35) = arma::repmat(cells.col(21), 1, 15);
    const combat::Result<double> equal = combat::forward(cells, batch, {}, {});
    CHECK(equal.corrected.is_finite());
    REQUIRE(equal.notes.size() == 2);
    CHECK(equal.notes[1] == "batch '2' has equal cells and no scale of its own: only its location is adjusted");

    const Labels two = batches_of({20, 15});
    const arma::mat single = stretched_cells(11, two, 1);
    const combat::Result<double> own = combat::forward(single, two, {}, {});
    REQUIRE(own.notes.size() == 1);
    const arma::rowvec first = own.corrected.row(0).head(20);
    const arma::rowvec second = own.corrected.row(0).tail(15);
    CHECK(arma::mean(first) == Approx(arma::mean(second)));  // nothing is shrunk
    CHECK(arma::stddev(first) == Approx(arma::stddev(second)));

    const Labels alone = batches_of({20});
    const arma::mat unmoved = stretched_cells(12, alone, 3);
    const combat::Result<double> result = combat::forward(unmoved, alone, {}, {});
    CHECK(same_bytes(result.corrected, unmoved));
    CHECK(result.notes == std::vector<std::string>{"there is one batch: nothing to correct"});
}

TEST_CASE("combat refuses what it cannot do", "[combat]") {
    const Labels batch = batches_of({10, 10});
    const arma::mat cells = stretched_cells(13, batch, 4);
    Labels nested{{}, {"a", "b"}};  // the batches by another name
    for (const std::uint32_t b : batch.code) nested.code.push_back(1 - b);
    CHECK_THROWS_AS(combat::forward(cells, batch, {nested}, {}), std::invalid_argument);
    CHECK_THROWS_WITH(combat::forward(cells, batch, {nested}, {}),
                      Catch::Contains("of 3 columns of the design, 1 follow from the others"));
    nested.code[0] = 0;  // one cell connects them
    CHECK_NOTHROW(combat::forward(cells, batch, {nested}, {}));

    combat::Options options;
    options.keep_types = true;
    CHECK_THROWS_AS(combat::forward(Dataset<double>{cells, batch, {}}, options), std::invalid_argument);
    options = {};
    options.tolerance = 0.0;
    CHECK_THROWS_AS(combat::forward(cells, batch, {}, options), std::invalid_argument);
    options = {};
    options.max_iterations = 1;
    CHECK_THROWS_WITH(combat::forward(cells, batch, {}, options),
                      Catch::Contains("combat, batch '0': locations and scales have not settled"));
    CHECK_THROWS_AS(combat::forward(cells, batches_of({10}), {}, {}), std::invalid_argument);
    CHECK_THROWS_AS(combat::forward(arma::mat(0, 20), batch, {}, {}), std::invalid_argument);
    arma::mat wrong = cells;
    wrong(2, 3) = arma::datum::inf;
    CHECK_THROWS_AS(combat::forward(wrong, batch, {}, {}), NumericalError);
}

TEST_CASE("combat is the same for any number of threads", "[combat][threads]") {
    const Labels batch = mixed(batches_of({3000, 2000, 1500}));
    const arma::mat cells = stretched_cells(14, batch, 9);
    CHECK(same_for_any_threads([&] { return combat::forward(cells, batch, {types_of(6500, 3)}, {}).corrected; }));
}
