// From counts to principal components: against scanpy's own values, the slow reference, and what must be refused.
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/core/check.hpp"
#include "engine/preprocess/covariance.hpp"
#include "engine/preprocess/highly_variable.hpp"
#include "engine/preprocess/normalize.hpp"
#include "engine/preprocess/pca.hpp"
#include "engine/preprocess/scale.hpp"
#include "engine/reference/preprocess.hpp"
#include "tests/support/golden.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using preprocess::Cells;

namespace {

const nlohmann::json& scanpy() {  // scripts/parity_preprocess.py --golden
    static const nlohmann::json values = [] {
        std::ifstream stream(BCBENCH_SOURCE_DIR "/tests/golden/preprocess.json");
        return nlohmann::json::parse(stream);
    }();
    return values;
}

Cells dense(const arma::mat& values) {
    Cells cells;
    cells.dense = values;
    return cells;
}

Cells sparse(const arma::mat& values) {
    Cells cells;
    cells.is_sparse = true;
    cells.sparse.n_features = values.n_rows;
    for (arma::uword i = 0; i < values.n_cols; ++i) {
        for (arma::uword f = 0; f < values.n_rows; ++f) {
            if (values(f, i) == 0.0) continue;
            cells.sparse.feature.push_back(static_cast<std::uint32_t>(f));
            cells.sparse.value.push_back(values(f, i));
        }
        cells.sparse.start.push_back(cells.sparse.value.size());
    }
    return cells;
}

arma::mat values_of(const Cells& cells) { return cells.is_sparse ? to_dense(cells.sparse) : cells.dense; }

// [F x n]
arma::mat golden_counts() {
    const auto rows = scanpy().at("counts").get<std::vector<std::vector<double>>>();
    arma::mat counts(rows.size(), rows[0].size());
    for (arma::uword f = 0; f < counts.n_rows; ++f) counts.row(f) = arma::rowvec(rows[f]);
    return counts;
}

Labels golden_batch() { return {scanpy().at("batch").get<std::vector<std::uint32_t>>(), {"b0", "b1", "b2"}}; }

Cells log_normalized(Cells cells) {
    preprocess::normalize_total(cells, {});
    preprocess::log1p(cells);
    for (std::size_t f = 0; f < cells.n_features(); ++f) cells.feature_names.push_back("g" + std::to_string(f));
    return cells;
}

double largest_difference(const arma::vec& ours, const nlohmann::json& theirs) {
    double largest = 0.0;
    for (std::size_t i = 0; i < ours.n_elem; ++i) {
        if (theirs.at(i).is_null() != std::isnan(ours[i])) return arma::datum::inf;
        if (!theirs.at(i).is_null()) largest = std::max(largest, std::abs(ours[i] - theirs.at(i).get<double>()));
    }
    return largest;
}

}  // namespace

TEST_CASE("preprocess: counts come out as scanpy's", "[preprocess]") {
    for (const bool is_sparse : {true, false}) {
        INFO((is_sparse ? "sparse" : "dense"));
        Cells cells = log_normalized(is_sparse ? sparse(golden_counts()) : dense(golden_counts()));
        CHECK(cells.is_sparse == is_sparse);
        CHECK(largest_difference(values_of(cells).col(0), scanpy().at("log1p_of_cell_0")) < 1e-12);
        for (const auto flavor : {preprocess::Flavor::seurat, preprocess::Flavor::cell_ranger}) {
            for (const bool per_batch : {false, true}) {
                const std::string name = std::string(flavor == preprocess::Flavor::seurat ? "seurat" : "cell_ranger") +
                                         (per_batch ? " per batch" : "");
                INFO(name);
                preprocess::HighlyVariableOptions options;
                options.n_top_genes = 20;
                options.flavor = flavor;
                options.per_batch = per_batch;
                const auto genes = preprocess::highly_variable(cells, golden_batch(), options);
                CHECK(largest_difference(genes.normalized_dispersion, scanpy().at(name).at("dispersions_norm")) < 1e-9);
                CHECK(genes.selected == scanpy().at(name).at("selected").get<std::vector<bool>>());
            }
        }
        const preprocess::Pca found = preprocess::pca(cells, {5});
        CHECK(largest_difference(found.variance, scanpy().at("pca_variance")) < 1e-8);
        CHECK(largest_difference(found.scores.col(0), scanpy().at("pca_of_cell_0")) < 1e-6);
        CHECK(found.residual < 1e-9);
        preprocess::scale(cells, {true, 2.0});
        CHECK_FALSE(cells.is_sparse);
        CHECK(largest_difference(cells.dense.col(0), scanpy().at("scaled_cell_0")) < 1e-10);
    }
}

TEST_CASE("preprocess: every step is what its formula says", "[preprocess]") {
    arma::arma_rng::set_seed(3);
    arma::mat counts = arma::floor(arma::exp(2.0 * arma::randn(300, 80)));
    counts.col(4).zeros();
    counts.row(7).zeros();
    const arma::mat expected = reference::log_normalized(counts);
    const Cells cells = log_normalized(sparse(counts));
    CHECK(max_difference(values_of(cells), expected) < 1e-12);
    const auto genes = preprocess::highly_variable(cells, {}, {});
    const arma::vec dispersion = reference::seurat_dispersion(expected);
    for (arma::uword f = 0; f < dispersion.n_elem; ++f) {
        REQUIRE(std::isnan(dispersion[f]) == std::isnan(genes.normalized_dispersion[f]));
        if (!std::isnan(dispersion[f])) REQUIRE(std::abs(dispersion[f] - genes.normalized_dispersion[f]) < 1e-9);
    }
    Cells scaled = cells;
    preprocess::scale(scaled, {true, 3.0});
    CHECK(max_difference(scaled.dense, reference::scaled(expected, 3.0)) < 1e-10);
    const arma::mat scores = reference::pca_scores(expected, 6);
    CHECK(max_difference(preprocess::pca(cells, {6}).scores, scores) < 1e-7);  // the zeros are never stored
    CHECK(max_difference(preprocess::pca(dense(expected), {6}).scores, scores) < 1e-7);
    Cells divided = cells;
    preprocess::scale(divided, {false, {}});
    CHECK(divided.is_sparse);
}

TEST_CASE("preprocess: a remembered function is the function, whatever it met before", "[preprocess]") {
    arma::arma_rng::set_seed(7);
    int calls = 0;
    preprocess::Remembered remembered([&](double x) {
        ++calls;
        return std::log1p(x);
    });
    for (int round = 0; round < 3; ++round)
        for (int count = 0; count < 2000; ++count)  // many more than it remembers
            REQUIRE(remembered(0.37 * count) == std::log1p(0.37 * count));
    const int before = calls;
    for (int again = 0; again < 100; ++again) remembered(0.37);
    CHECK(calls <= before + 1);
}

TEST_CASE("preprocess: the covariance is what its formula says, of features filled and hardly filled", "[preprocess]") {
    arma::arma_rng::set_seed(4);
    arma::mat values(310, 1200, arma::fill::randu);  // beyond a tile of cells and a block of features
    values += 1.0;
    for (arma::uword f = 0; f < values.n_rows; ++f) {  // every third feature has values in most cells
        const double share = f % 3 == 0 ? 0.9 : f % 3 == 1 ? 0.1 : 0.01;
        values.row(f) %= arma::conv_to<arma::rowvec>::from(arma::randu<arma::rowvec>(values.n_cols) < share);
    }
    values.row(5).zeros();
    const arma::vec mean = arma::mean(values, 1);
    arma::mat centred = values;
    centred.each_col() -= mean;
    const arma::mat expected = centred * centred.t() / 1199.0;
    for (const Cells& cells : {sparse(values), dense(values)}) {
        const arma::mat found = preprocess::covariance(cells, mean);
        CHECK(max_difference(found, expected) < 1e-13);
        CHECK(arma::approx_equal(found, arma::mat(found.t()), "absdiff", 0.0));
        set_thread_count(3);
        CHECK(arma::approx_equal(preprocess::covariance(cells, mean), found, "absdiff", 0.0));
        set_thread_count(1);
    }
}

TEST_CASE("preprocess: components of very many genes, whose covariance is not formed, are the same", "[preprocess]") {
    arma::arma_rng::set_seed(5);
    arma::mat few(4500, 40, arma::fill::zeros);
    for (arma::uword i = 0; i < 40; ++i)
        for (int entry = 0; entry < 200; ++entry)
            few(static_cast<arma::uword>(arma::randi<int>(arma::distr_param(0, 4499))), i) =
                1.0 + arma::randu<double>();
    const preprocess::Pca found = preprocess::pca(sparse(few), {4});
    CHECK(found.residual < 1e-9);
    arma::mat centred = few;
    centred.each_col() -= arma::vec(arma::mean(few, 1));
    const arma::vec values = arma::svd(centred);
    for (arma::uword c = 0; c < 4; ++c) CHECK(std::abs(found.variance[c] - values[c] * values[c] / 39.0) < 1e-9);
    CHECK(max_difference(preprocess::pca(dense(few), {4}).scores, found.scores) < 1e-8);
}

TEST_CASE("preprocess: the same bytes for any number of threads", "[preprocess]") {
    const Cells cells = log_normalized(sparse(arma::repmat(golden_counts(), 4, 9)));  // so many genes are iterated on
    const auto scores = [&](unsigned threads) {
        set_thread_count(threads);
        return preprocess::pca(cells, {10}).scores;
    };
    const arma::mat one = scores(1), three = scores(3);
    set_thread_count(1);
    CHECK(std::equal(one.begin(), one.end(), three.begin()));
}

TEST_CASE("preprocess: what is no matrix of counts is refused", "[preprocess]") {
    const Cells counts = sparse(golden_counts());
    CHECK_NOTHROW(preprocess::require_counts(counts));
    CHECK_THROWS_WITH(preprocess::require_counts(log_normalized(counts)),
                      Catch::Contains("look log-normalised already"));
    CHECK_THROWS_WITH(preprocess::require_counts(dense({{1.0, -0.5}})), Catch::Contains("hold negative values"));
    Cells empty = sparse(arma::mat(3, 2, arma::fill::zeros));
    CHECK_THROWS_WITH(preprocess::normalize_total(empty, {}), Catch::Contains("no cell has a count"));
    Cells cells = counts;
    CHECK_THROWS_WITH(preprocess::normalize_total(cells, {0.0}), "target_sum is 0, must be a finite number > 0");
    CHECK_THROWS_WITH(preprocess::pca(counts, {90}), Catch::Contains("less than both 120 cells and 90 features"));
    preprocess::HighlyVariableOptions options;
    options.per_batch = true;
    Labels batch = golden_batch();
    batch.names.push_back("alone");
    batch.code[0] = 3;
    CHECK_THROWS_WITH(preprocess::highly_variable(log_normalized(counts), batch, options),
                      Catch::Contains("batch 'alone' has 1"));
}
