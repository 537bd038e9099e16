#include "engine/metrics/kbet/kbet.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "engine/core/parallel.hpp"
#include "engine/metrics/kbet/chi_squared.hpp"
#include "engine/metrics/kbet/diffusion_embedding.hpp"
#include "engine/metrics/kbet/per_label.hpp"
#include "engine/neighbors/umap_graph.hpp"
#include "engine/reference/metrics/graph.hpp"
#include "tests/support/golden_check.hpp"
#include "tests/support/graph_metric_cases.hpp"
#include "tests/support/random_cells.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

Neighbors neighbors_of(const arma::mat& cells) {
    return nearest_neighbors(cells, std::min<arma::uword>(49, cells.n_cols - 1));
}

MetricResult per_label(const arma::mat& cells, const Labels& label, const Labels& batch) {
    return kbet_per_label::evaluate(umap_graph(neighbors_of(cells), {49}), label, batch);
}

// The values of all labels in the order of their names, as the golden file has them.
std::vector<std::optional<double>> by_name(const MetricResult& result) {
    std::vector<LabelValue> labels = result.per_label;
    std::sort(labels.begin(), labels.end(), [](const LabelValue& a, const LabelValue& b) { return a.label < b.label; });
    std::vector<std::optional<double>> values;
    for (const LabelValue& each : labels) {
        CHECK(each.value.has_value() == each.reason.empty());
        values.push_back(each.value);
    }
    return values;
}

// `awkward` has identical cells and equal eigenvalues, where any basis of a space is right: only whether a label has a
// value is compared there. Elsewhere one cell per label may fall to the other side of a tie.
void check_case(const std::string& name, const MetricCase& data) {
    INFO(name);
    check_golden(kbet::evaluate(neighbors_of(data.cells), data.batch), data.values, "kbet", 1e-15);
    const MetricResult result = per_label(data.cells, data.label, data.batch);
    CHECK(result.value.has_value() == !data.values["kbet_per_label"].is_null());
    if (!result.value) return;
    const std::vector<std::optional<double>> values = by_name(result);
    const nlohmann::json& wanted = data.values["kbet_of_labels"];
    REQUIRE(values.size() == wanted.size());
    const std::vector<std::size_t> sizes = label_sizes(data.label);
    const std::size_t smallest = *std::min_element(sizes.begin(), sizes.end());
    for (std::size_t l = 0; l < values.size(); ++l) {
        INFO("label " << l);
        REQUIRE(values[l].has_value() == !wanted[l].is_null());
        if (!values[l] || name == "awkward") continue;
        CHECK(std::abs(*values[l] - wanted[l].get<double>()) <= 1.0 / static_cast<double>(smallest) + 1e-12);
    }
}

}  // namespace

TEST_CASE("chi-squared tails and quantiles have the golden values", "[metrics][kbet][golden]") {
    const nlohmann::json& small = golden_metrics().at("small");
    for (const auto& [degrees, quantile] : small["chi2_quantile_alpha_005"].items()) {
        CHECK(std::abs(chi_squared_quantile(0.05, std::stod(degrees)) - quantile.get<double>()) <= 1e-9);
    }
    for (const nlohmann::json& each : small["chi2_upper_tail"]) {
        const double p = chi_squared_upper_tail(each["x"].get<double>(), each["df"].get<double>());
        CHECK(std::abs(p - each["p"].get<double>()) <= 1e-12);
    }
}

TEST_CASE("kBET has the golden values", "[metrics][kbet][golden]") {
    for (const std::string& name : generated_case_names()) check_case(name, generated_case(name));
}

TEST_CASE("kBET has the golden values on real data", "[metrics][kbet][golden][data]") {
    for (const std::string& name : real_case_names()) {
        const std::optional<MetricCase> data = real_case(name);
        if (!data) return;
        check_case(name, *data);
    }
}

TEST_CASE("the diffusion embedding has the golden eigenvalues", "[metrics][kbet][golden]") {
    const MetricCase data = generated_case("gauss_three");
    const WeightedGraph graph = umap_graph(neighbors_of(data.cells), {49});
    std::vector<std::uint32_t> members;
    for (std::uint32_t i = 0; i < data.label.code.size(); ++i) {
        if (data.label.code[i] == 0) members.push_back(i);
    }
    const DiffusionEmbedding embedding = diffusion_embedding(subgraph(graph, members), 89);
    const nlohmann::json& wanted = golden_metrics().at("steps").at("diffusion_label_0_eigenvalues_by_size");
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        CHECK(std::abs(embedding.eigenvalues[i] - wanted[i].get<double>()) <= 1e-9);
    }
}

TEST_CASE("a large diffusion embedding is that of all eigenpairs", "[metrics][kbet][reference]") {
    const arma::mat cells = random_cells(8, 900, 2, 2, 11).cells;  // more than few_nodes, so the iteration computes it
    const WeightedGraph graph = umap_graph(nearest_neighbors(cells, 30), {30});
    REQUIRE(connected_components(graph).size() == 1);
    const arma::mat found = diffusion_embedding(graph, 100).coordinates;
    REQUIRE(found.n_rows == 100);
    const arma::mat wanted = reference::diffusion_coordinates(reference::umap_weights(cells, 30), 100);
    // signs are free, distances are not. An eigenvector is off by its residual, 1e-10, over the gap to the next
    // eigenvalue, which is at least 1e-4 here in nearly all places.
    for (arma::uword j = 1; j < 900; j += 7) {
        const double distance = arma::norm(found.col(0) - found.col(j));
        CHECK(std::abs(distance - arma::norm(wanted.col(0) - wanted.col(j))) <= 1e-6 * distance);
    }
}

TEST_CASE("kBET agrees with the definition", "[metrics][kbet][reference]") {
    const LabelledCells data = random_cells(5, 240, 3, 3, 5);
    for (const arma::uword others : {1U, 10U, 49U, 239U}) {
        kbet::Options options;
        options.n_others = static_cast<std::int64_t>(others);
        options.alpha = 0.2;
        const MetricResult result = kbet::evaluate(nearest_neighbors(data.cells, others), data.batch, options);
        CHECK(*result.value == *reference::kbet(data.cells, data.batch, others, 0.2));
    }
    const arma::mat weights = reference::umap_weights(data.cells, 49);
    const MetricResult result = per_label(data.cells, data.label, data.batch);
    for (std::uint32_t l = 0; l < 3; ++l) {
        const std::optional<double> wanted = reference::kbet_of_label(weights, data.label, data.batch, l, 0.05);
        REQUIRE(wanted);
        CHECK(std::abs(*result.per_label[l].value - *wanted) <= 1.0 / 60.0);  // a tie may fall either way
    }
}

TEST_CASE("p values are accepted where they reach alpha", "[metrics][kbet]") {
    const LabelledCells data = random_cells(5, 300, 3, 4, 6);
    const MetricResult result = kbet::evaluate(nearest_neighbors(data.cells, 49), data.batch);
    double accepted = 0.0;
    for (const double t : result.per_cell) accepted += chi_squared_upper_tail(t, 3.0) >= 0.05 ? 1.0 : 0.0;
    CHECK(*result.value == accepted / 300.0);
    CHECK(*detail_of(result, "degrees") == 3.0);
}

TEST_CASE("kBET inside labels on their own neighbours", "[metrics][kbet]") {
    const LabelledCells data = random_cells(5, 240, 3, 3, 5);
    const MetricResult result = kbet::evaluate_per_label(data.cells, data.label, data.batch);
    double sum = 0.0;
    for (std::uint32_t l = 0; l < 3; ++l) {
        std::vector<arma::uword> members;
        Labels batch;
        batch.names = data.batch.names;
        for (arma::uword i = 0; i < 240; ++i) {
            if (data.label.code[i] != l) continue;
            members.push_back(i);
            batch.code.push_back(data.batch.code[i]);
        }
        sum += *reference::kbet(data.cells.cols(arma::uvec(members)), batch, 49, 0.05);
        CHECK(result.per_label[l].label == data.label.names[l]);
    }
    CHECK(*result.value == Approx(sum / 3.0).epsilon(1e-14));
    const auto single = arma::conv_to<arma::fmat>::from(data.cells);  // the cells are float32 numbers
    CHECK(*kbet::evaluate_per_label(single, data.label, data.batch).value == *result.value);
}

TEST_CASE("names and order of categories change nothing in kBET", "[metrics][kbet][property]") {
    const LabelledCells data = random_cells(6, 300, 4, 3, 7);
    const Neighbors neighbors = nearest_neighbors(data.cells, 49);
    const MetricResult one = kbet::evaluate(neighbors, data.batch);
    const MetricResult other = kbet::evaluate(neighbors, renamed(data.batch));
    CHECK(*one.value == *other.value);
    CHECK(one.per_cell == other.per_cell);
    const WeightedGraph graph = umap_graph(neighbors, {49});
    CHECK(*kbet_per_label::evaluate(graph, data.label, data.batch).value ==
          *kbet_per_label::evaluate(graph, renamed(data.label), renamed(data.batch)).value);
}

TEST_CASE("a small label changes no other label's kBET", "[metrics][kbet][property]") {
    // scib-metrics keeps the number of eigenvectors of a small label for all that come after it
    const LabelledCells data = random_cells(6, 400, 2, 2, 8);
    const WeightedGraph graph = umap_graph(nearest_neighbors(data.cells, 49), {49});
    Labels label = data.label;
    const MetricResult before = kbet_per_label::evaluate(graph, label, data.batch);
    label.names.push_back("AAA");
    std::uint32_t moved = 0;  // of label 0 twelve cells become a label of their own, which comes first by name
    for (std::size_t i = 0; i < label.code.size() && moved < 12; ++i) {
        if (label.code[i] == 0) label.code[i] = 2, ++moved;
    }
    const MetricResult after = kbet_per_label::evaluate(graph, label, data.batch);
    CHECK(*after.per_label[1].value == *before.per_label[1].value);
    CHECK(after.per_label.size() == 3);
}

TEST_CASE("kBET is the same bytes for any number of threads", "[metrics][kbet][property]") {
    const LabelledCells data = random_cells(6, 3200, 3, 3, 9);
    const Neighbors neighbors = nearest_neighbors(data.cells, 49);
    const WeightedGraph graph = umap_graph(neighbors, {49});
    std::vector<MetricResult> free, labels;
    std::vector<arma::mat> embeddings;
    for (const unsigned threads : {1U, 2U, 5U}) {
        set_thread_count(threads);
        free.push_back(kbet::evaluate(neighbors, data.batch));
        labels.push_back(kbet_per_label::evaluate(graph, data.label, data.batch));
        embeddings.push_back(diffusion_embedding(graph, 50).coordinates);
    }
    set_thread_count(1);
    for (std::size_t i = 1; i < free.size(); ++i) {
        CHECK(free[i].per_cell == free[0].per_cell);
        CHECK(*labels[i].value == *labels[0].value);
        CHECK(arma::approx_equal(embeddings[i], embeddings[0], "absdiff", 0.0));
    }
}

TEST_CASE("kBET where it cannot be computed", "[metrics][kbet][edge]") {
    const LabelledCells data = random_cells(4, 80, 2, 2, 10);
    const Neighbors neighbors = nearest_neighbors(data.cells, 49);
    const Labels one = numbered(std::vector<std::uint32_t>(80, 0), 1);
    CHECK(kbet::evaluate(neighbors, one).reason == "kBET compares batches, and there is only one");
    const WeightedGraph graph = umap_graph(neighbors, {49});
    CHECK(kbet_per_label::evaluate(graph, data.label, one).reason == "kBET compares batches, and there is only one");
    CHECK_FALSE(kbet::evaluate_per_label(data.cells, data.label, one).value);
    Labels unused = one;  // a category that no cell has does not exist
    unused.names.push_back("nobody");
    CHECK_FALSE(kbet::evaluate(neighbors, unused).value);

    // label 0 in one batch only, label 1 with 9 cells, label 2 with 10
    Labels label = numbered(std::vector<std::uint32_t>(80, 0), 3);
    Labels batch = numbered(std::vector<std::uint32_t>(80, 0), 2);
    for (std::size_t i = 0; i < 19; ++i) label.code[i] = i < 9 ? 1 : 2, batch.code[i] = i % 2;
    const MetricResult result = kbet_per_label::evaluate(graph, label, batch);
    REQUIRE(result.per_label.size() == 3);
    CHECK(result.per_label[0].reason == "the label occurs in one batch only");
    CHECK(result.per_label[1].reason == "the label has 9 cells, fewer than 10");
    REQUIRE(result.per_label[2].value);
    CHECK(*result.value == *result.per_label[2].value);
    CHECK(*detail_of(result, "left_out") == 2.0);

    CHECK_THROWS_WITH(kbet::evaluate(neighbors, data.batch, {.n_others = 49, .alpha = 1.0}),
                      Catch::Contains("alpha of kBET is 1.0") && Catch::Contains("between 0 and 1"));
    CHECK_THROWS_AS(kbet::evaluate(neighbors, data.batch, {.n_others = 60}), std::invalid_argument);
    CHECK_THROWS_AS(kbet::evaluate(neighbors, numbered({0, 1}, 2)), std::invalid_argument);
    CHECK_THROWS_AS(kbet_per_label::evaluate(graph, data.label, data.batch, {.n_components = 0}),
                    std::invalid_argument);
}

TEST_CASE("labels that fall apart", "[metrics][kbet][edge]") {
    arma::mat cells = random_cells(4, 200, 1, 2, 12).cells;
    Labels batch = numbered(std::vector<std::uint32_t>(200, 0), 2);
    for (std::size_t i = 0; i < 200; ++i) batch.code[i] = i % 2;
    const Labels label = numbered(std::vector<std::uint32_t>(200, 0), 1);
    const auto with_clumps_of = [&](arma::uword size) {  // far clumps of this size, the rest in one place
        arma::mat moved = cells;
        for (arma::uword i = 0; i < 120; ++i) moved.col(i) += 1e5 * static_cast<double>(1 + i / size);
        return umap_graph(nearest_neighbors(moved, 9), {9});
    };
    // k0 = 25: clumps of 20 are too small, and 80 of 200 cells are left
    const MetricResult apart = kbet_per_label::evaluate(with_clumps_of(20), label, batch);
    CHECK(*apart.value == 0.0);
    CHECK(*detail_of(apart, "set_to_zero") == 1.0);
    REQUIRE(apart.warnings.size() == 1);
    CHECK_THAT(apart.warnings[0], Catch::Contains("80 of its 200 cells"));
    // two components of 120 and 80 are both large enough
    const MetricResult two = kbet_per_label::evaluate(with_clumps_of(120), label, batch);
    CHECK(*two.value > 0.5);
    CHECK(two.warnings.empty());
    // all cells alike: a value, if not one that says much
    const MetricResult alike =
        per_label(arma::mat(3, 60, arma::fill::ones), numbered(std::vector<std::uint32_t>(60, 0), 1),
                  numbered(std::vector<std::uint32_t>(batch.code.begin(), batch.code.begin() + 60), 2));
    CHECK(alike.value.has_value());
}

TEST_CASE("kBET of 500 batches", "[metrics][kbet][edge]") {
    const arma::mat cells = random_cells(4, 1000, 1, 2, 13).cells;
    Labels batch = numbered(std::vector<std::uint32_t>(1000, 0), 500);
    for (std::uint32_t i = 0; i < 1000; ++i) batch.code[i] = i % 500;
    const MetricResult result = kbet::evaluate(nearest_neighbors(cells, 49), batch);
    CHECK(*result.value > 0.9);
    CHECK(*detail_of(result, "degrees") == 499.0);
}
