// Harmony, engine and reference, against an independent program's values with the same random choices.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "engine/datasets/table.hpp"
#include "engine/methods/harmony/blocks.hpp"
#include "tests/support/harmony.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

/// The golden values are written with 8, 10 or 12 significant digits: half a unit of the last is 5e-8, 5e-10 or 5e-12
/// of a number that begins with 1. What is written with 8 digits is held to that, everything else to 1e-8.
constexpr double tolerance = 1e-8;
constexpr double eight_digits = 6e-8;

using Program = HarmonyValues (*)(const arma::mat&, const std::vector<Labels>&, const harmony::Options&,
                                  const harmony::Choices&);

HarmonyValues engine(const arma::mat& cells, const std::vector<Labels>& covariates, const harmony::Options& options,
                     const harmony::Choices& choices) {
    return engine_values<double>(cells, covariates, options, choices);
}

/// As run(), but ended after `iterations`.
HarmonyValues after(Program program, const HarmonyCase& golden, std::int64_t iterations) {
    harmony::Options options = golden.options;
    options.max_iter = iterations;
    return program(golden.cells, golden.covariates, options, golden.choices);
}

arma::cube cube_of(const nlohmann::json& clusters) {  // K x B x F lists
    arma::cube cube(clusters[0][0].size(), clusters[0].size(), clusters.size());
    for (arma::uword k = 0; k < cube.n_slices; ++k) cube.slice(k) = columns_of(clusters[k]);
    return cube;
}

void require_start(Program program, const HarmonyCase& golden) {
    const nlohmann::json& expect = *golden.expect;
    const HarmonyValues start = after(program, golden, 0);
    CHECK(apart(start.corrected, golden.cells, 0.0) == 0.0);
    CHECK(apart(start.centroids, columns_of(expect.at("centroids_initial")), 1e-9) < tolerance);
    const nlohmann::json& init = expect.at("init");
    CHECK(apart(start.assignments, columns_of(init.at("R")), 1e-9) < tolerance);
    CHECK(apart(start.expected, columns_of(init.at("E")).t(), 1e-9) < tolerance);
    CHECK(apart(start.observed, columns_of(init.at("O")).t(), 1e-9) < tolerance);
    CHECK(start.objective == std::vector<double>{start.objective.at(0)});
    CHECK(start.objective[0] == Approx(init.at("objective").get<double>()).epsilon(tolerance));
}

void require_iterations(Program program, const HarmonyCase& golden) {
    const nlohmann::json& iterations = golden.expect->at("iteration");
    for (std::size_t t = 0; t < iterations.size(); ++t) {
        INFO("iteration " << t + 1);
        const nlohmann::json& expect = iterations[t];
        const HarmonyValues values = after(program, golden, static_cast<std::int64_t>(t + 1));
        CHECK(apart(values.expected, columns_of(expect.at("E")).t(), 1e-9) < tolerance);
        CHECK(apart(values.observed, columns_of(expect.at("O")).t(), 1e-9) < tolerance);
        if (expect.contains("R")) {  // the last iteration's stand beside the list
            CHECK(apart(values.assignments, columns_of(expect.at("R")), 1e-9) < eight_digits);
            CHECK(apart(values.corrected, columns_of(expect.at("corrected")), 1e-3) < tolerance);
            CHECK(apart(values.centroids, columns_of(expect.at("centroids")), 1e-3) < tolerance);
        }
        CHECK(values.kept == expect.at("kept").get<std::vector<std::vector<std::uint32_t>>>());
    }
}

/// E, O and J after every round, by ending the run there.
void require_rounds(Program program, const HarmonyCase& golden) {
    const nlohmann::json& iterations = golden.expect->at("iteration");
    if (golden.options.max_iter_cluster) return;  // they end by themselves
    for (std::size_t round = 0; round < iterations[0].at("rounds").size(); ++round) {
        INFO("round " << round + 1);
        const nlohmann::json& expect = iterations[0].at("rounds")[round];
        harmony::Options options = golden.options;
        options.max_iter = 1;
        options.max_iter_cluster = static_cast<std::int64_t>(round + 1);
        const HarmonyValues values = program(golden.cells, golden.covariates, options, golden.choices);
        CHECK(apart(values.expected, columns_of(expect.at("E")).t(), 1e-3) < tolerance);
        CHECK(apart(values.observed, columns_of(expect.at("O")).t(), 1e-3) < tolerance);
        CHECK(values.objective.back() == Approx(expect.at("objective").get<double>()).epsilon(tolerance));
    }
}

void require_end(Program program, const HarmonyCase& golden) {
    const nlohmann::json& expect = *golden.expect;
    const HarmonyValues values = program(golden.cells, golden.covariates, golden.options, golden.choices);
    CHECK(values.rounds == expect.at("rounds").get<std::vector<std::int64_t>>());
    CHECK(values.iterations == expect.at("iterations").get<std::int64_t>());
    const arma::mat parts = columns_of(expect.at("objective_parts"));
    CHECK(apart(values.objective_rounds, parts, 1e-3 * arma::abs(parts).max()) < tolerance);
    CHECK(apart(arma::sum(values.objective_rounds, 0).t(),
                arma::vec(expect.at("objective_rounds").get<std::vector<double>>()), 1e-3) < tolerance);
    CHECK(apart(arma::vec(values.objective), arma::vec(expect.at("objective").get<std::vector<double>>()), 1e-3) <
          tolerance);
    CHECK(apart(values.corrected, columns_of(expect.at("corrected")), 1e-3) < tolerance);
    CHECK(apart(values.assignments, columns_of(expect.at("assignments")), 1e-9) < tolerance);
    CHECK(apart(values.centroids, columns_of(expect.at("centroids")), 1e-3) < tolerance);
    const arma::cube coefficients = cube_of(expect.at("coefficients"));
    REQUIRE(arma::size(values.coefficients) == arma::size(coefficients));
    for (arma::uword k = 0; k < coefficients.n_slices; ++k) {
        CHECK(apart(values.coefficients.slice(k), coefficients.slice(k), 1e-3) < tolerance);
    }
}

}  // namespace

TEST_CASE("harmony: every golden case, by engine and reference", "[harmony][golden]") {
    const bool fast = GENERATE(true, false);
    const Program program = fast ? engine : reference_values;
    INFO((fast ? "engine" : "reference"));
    REQUIRE(golden_harmony().at("cases").size() == 11);
    for (const nlohmann::json& json : golden_harmony().at("cases")) {
        const HarmonyCase golden = golden_case(json);
        DYNAMIC_SECTION(golden.name) {
            require_start(program, golden);
            require_rounds(program, golden);
            require_iterations(program, golden);
            require_end(program, golden);
        }
    }
}

TEST_CASE("harmony: corrected cells are the cells less their clusters' coefficients", "[harmony][golden]") {
    for (const nlohmann::json& json : golden_harmony().at("cases")) {
        const HarmonyCase golden = golden_case(json);
        INFO(golden.name);
        const HarmonyValues values = engine(golden.cells, golden.covariates, golden.options, golden.choices);
        arma::mat corrected = golden.cells;
        arma::mat cluster_sum(arma::size(values.centroids), arma::fill::zeros);
        for (arma::uword i = 0; i < corrected.n_cols; ++i) {
            for (arma::uword k = 0; k < values.centroids.n_cols; ++k) {
                arma::uword level = 0;
                for (const Labels& covariate : golden.covariates) {
                    corrected.col(i) -=
                        values.assignments(k, i) * values.coefficients.slice(k).col(level + covariate.code[i]);
                    level += covariate.count();
                }
                cluster_sum.col(k) += values.assignments(k, i) * values.corrected.col(i);
            }
        }
        // sums of at most 60 products in another order
        CHECK(apart(values.corrected, corrected, 1.0) < 1e-13);
        CHECK(apart(values.cluster_sum, cluster_sum, 1.0) < 1e-12);
        CHECK(apart(values.cluster_weight, arma::sum(values.assignments, 1), 1.0) < 1e-13);
    }
}

TEST_CASE("harmony: rounds are cut into blocks as documented", "[harmony][golden]") {
    REQUIRE(golden_harmony().at("blocks").size() == 14);
    for (const nlohmann::json& json : golden_harmony().at("blocks")) {
        INFO(json);
        const auto n = json.at("N").get<std::size_t>();
        const harmony::BlockCut cut = harmony::cut_blocks(n, json.at("block_size").get<double>());
        CHECK(cut.count == json.at("blocks").get<std::size_t>());
        CHECK(std::vector<std::size_t>{0, cut.count == 1 ? n : cut.size} ==
              json.at("first").get<std::vector<std::size_t>>());
        CHECK(std::vector<std::size_t>{(cut.count - 1) * cut.size, n} ==
              json.at("last").get<std::vector<std::size_t>>());
    }
}

TEST_CASE("harmony: new cells are mapped onto a reference that stays", "[harmony][golden]") {
    const nlohmann::json& json = golden_harmony().at("mapping");
    const arma::mat cells = columns_of(json.at("new_cells"));
    const harmony::Model model{columns_of(json.at("centroids")), std::vector<double>(json.at("centroids").size(), 0.1),
                               arma::vec(json.at("cluster_weight").get<std::vector<double>>()),
                               columns_of(json.at("cluster_sum"))};
    const std::vector<Labels> one{sorted_labels(std::vector<std::string>(cells.n_cols, "x"))};
    const std::vector<Labels> two{sorted_labels(json.at("batches").get<std::vector<std::string>>())};
    for (const auto& [covariates, name] : {std::pair{&one, "corrected_one_batch"}, {&two, "corrected_two_batches"}}) {
        INFO(name);
        const arma::mat expect = columns_of(json.at(name));
        const auto mapped = harmony::map_new_cells<double>(cells, *covariates, model, 1.0, true);
        CHECK(apart(mapped.corrected, expect, 1e-3) < tolerance);
        CHECK(apart(mapped.assignments, columns_of(json.at("assignments")), 1e-9) < tolerance);
        const auto slow = reference::map_onto_harmony(cells, *covariates, model.centroids, model.sigma,
                                                      model.cluster_weight, model.cluster_sum, 1.0);
        CHECK(apart(slow.first, expect, 1e-3) < tolerance);
        CHECK(apart(slow.second, mapped.assignments, 1e-9) < tolerance);
        const auto single =
            harmony::map_new_cells<float>(arma::conv_to<Matrix<float>>::from(cells), *covariates, model);
        CHECK(apart(arma::conv_to<arma::mat>::from(single.corrected), expect, 1.0) < 1e-5);
        CHECK(single.assignments.empty());
    }
}

namespace {

struct RealData {
    arma::mat cells;
    Labels batch;
};

/// A data set of the folder $BCBENCH_DATA, its labels in sorted order.
RealData real_data(const std::string& folder, const std::string& name, const std::string& covariate) {
    table::Options options;
    options.cells = folder + "/" + name + "_pcs.tsv.gz";
    options.metadata = folder + "/" + name + "_meta.tsv.gz";
    options.batch_column = covariate;
    Dataset<double> data = table::load(options);
    std::vector<std::string> label;
    for (const std::uint32_t code : data.batch.code) label.push_back(data.batch.names[code]);
    return {std::move(data.cells), sorted_labels(label)};
}

template <class Real>
void require_real(const nlohmann::json& json, const RealData& data, double objective_tolerance, double cell_tolerance) {
    const std::vector<Labels> covariates{data.batch};
    const auto result =
        harmony::forward<Real>(arma::conv_to<Matrix<Real>>::from(data.cells), covariates, harmony::Options{});
    CHECK(result.centroids.n_cols == json.at("K").get<std::size_t>());
    CHECK(result.start_cells == json.at("start_cells").get<std::vector<std::uint32_t>>());
    CHECK(result.seeds == json.at("seed_cells").get<std::vector<std::uint32_t>>());
    CHECK(result.rounds == json.at("rounds").get<std::vector<std::int64_t>>());
    CHECK(result.iterations == json.at("iterations").get<std::int64_t>());
    CHECK((result.status == harmony::Status::converged) == json.at("converged").get<bool>());
    const auto rounds = json.at("objective_rounds").get<std::vector<double>>();
    REQUIRE(result.objective_rounds.size() == rounds.size());
    for (std::size_t t = 0; t < rounds.size(); ++t) {
        CHECK(std::abs(result.objective_rounds[t].total() - rounds[t]) < objective_tolerance * std::abs(rounds[t]));
    }
    const arma::mat corrected = arma::conv_to<arma::mat>::from(result.corrected);
    const arma::vec sd = arma::vec(json.at("pc_sd").get<std::vector<double>>());
    const auto in_sd = [&](const arma::vec& found, const arma::vec& expect) {
        return arma::abs((found - expect) / sd).max();
    };
    CHECK(in_sd(arma::mean(corrected, 1), arma::vec(json.at("pc_mean").get<std::vector<double>>())) < cell_tolerance);
    CHECK(in_sd(arma::stddev(corrected, 0, 1), sd) < cell_tolerance);
    const arma::mat first = columns_of(json.at("first_cells"));
    for (arma::uword i = 0; i < first.n_cols; ++i) CHECK(in_sd(corrected.col(i), first.col(i)) < cell_tolerance);
    CHECK(in_sd(corrected.tail_cols(1), arma::vec(json.at("last_cell").get<std::vector<double>>())) < cell_tolerance);
    CHECK(apart(arma::sum(result.observed, 1), arma::vec(json.at("O_row_sums").get<std::vector<double>>()), 1.0) <
          10.0 * cell_tolerance);
}

}  // namespace

TEST_CASE("harmony: the default run on real data", "[harmony][golden][data]") {
    const char* folder = std::getenv("BCBENCH_DATA");
    if (folder == nullptr) {
        WARN("skipped: set BCBENCH_DATA to the folder with pbmc_3500_*.tsv.gz and cell_lines_*.tsv.gz");
        return;
    }
    for (const nlohmann::json& json : golden_harmony().at("real")) {
        const auto name = json.at("name").get<std::string>();
        INFO(name);
        const RealData data = real_data(folder, name, json.at("covariate"));
        // the values are written with 8 digits; large cells differ from rounding in the sd of a PC at 1e-7
        require_real<double>(json, data, 6e-8, 2e-7);
        // single precision, after 5 to 7 iterations
        require_real<float>(json, data, 1e-5, 1e-4);
    }
}
