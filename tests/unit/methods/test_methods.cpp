// The methods against golden values, against their slow references on many shapes, and their invariances.
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "engine/methods/differentiable_harmony/method.hpp"
#include "engine/metrics/batch_mixing_entropy.hpp"
#include "engine/metrics/mean_shift.hpp"
#include "experiments/bindings/datasets.hpp"
#include "experiments/bindings/method.hpp"
#include "experiments/checks/checks.hpp"
#include "tests/support/golden.hpp"

using namespace bcbench;
using bcbench::testing::golden;
using bcbench::testing::max_difference;
using bcbench::testing::relative_difference;

namespace {

Dataset<double> documented_data() { return load_dataset("gaussian_batches", {{}, 42, ""}); }

MethodSettings settings(nlohmann::json params, std::uint64_t seed, Precision precision = Precision::float64) {
    return {std::move(params), nullptr, seed, precision, {}};
}

double loss_of(const Fit<double>& fit, const std::string& name) {
    for (const Score& loss : fit.losses) {
        if (loss.metric == name) return loss.value.value();
    }
    throw std::invalid_argument("no loss " + name);
}

// In float64 the golden values differ by the order of summation alone. Those of tf32 come from a program that rounded
// operands made of float32 sums, which moves them by about 1e-7: there the documented agreement of 1e-6 holds.
void require_golden(const Fit<double>& fit, const Dataset<double>& data, const nlohmann::json& expected,
                    double tolerance = 1e-10) {
    const std::vector<double> means = batch_means(fit.corrected, data.batch);
    for (std::size_t b = 0; b < 2; ++b)
        REQUIRE(relative_difference(means[b], expected["batch_means"][b].get<double>()) < tolerance);
    REQUIRE(relative_difference(mean_shift(means), expected["mean_shift"].get<double>()) < tolerance);
    for (const char* loss : {"mmd_loss", "reconstruction_loss"}) {
        if (expected.contains(loss))
            REQUIRE(relative_difference(loss_of(fit, loss), expected[loss].get<double>()) < tolerance);
    }
    if (!expected.contains("batch_mixing_entropy")) return;
    const double entropy = batch_mixing_entropy(nearest_neighbors(fit.corrected, 10), data.batch);
    REQUIRE(relative_difference(entropy, expected["batch_mixing_entropy"].get<double>()) < tolerance);
}

struct Case {
    std::string method;
    nlohmann::json params;
};

// Every method of the table, with parameters small enough for the slow reference.
std::vector<Case> small_cases() {
    std::vector<Case> cases;
    for (const MethodDefinition& method : method_table()) {
        if (!method.is_external) cases.push_back({method.name, nlohmann::json::parse(method.small)});
    }
    return cases;
}

// Another value that the parameter may take.
nlohmann::json another_value(const Parameter& parameter, const nlohmann::json& value) {
    if (parameter.type == ParameterType::boolean) return !value.get<bool>();
    if (parameter.type == ParameterType::string && !parameter.choices.empty()) {
        return value == parameter.choices.front() ? parameter.choices.back() : parameter.choices.front();
    }
    nlohmann::json other = parameter.type == ParameterType::integer ? nlohmann::json(value.get<std::int64_t>() + 1)
                                                                    : nlohmann::json(value.get<double>() * 1.5);
    if (fault_of(parameter, other)) {
        other = parameter.type == ParameterType::integer ? nlohmann::json(value.get<std::int64_t>() - 1)
                                                         : nlohmann::json(value.get<double>() / 2.0);
    }
    REQUIRE_FALSE(fault_of(parameter, other));
    return other;
}

struct Shape {
    std::vector<std::int64_t> cells_per_batch;
    std::vector<double> shifts;
    std::int64_t types;
    std::int64_t features;
};

const std::vector<Shape> shapes = {
    {{50}, {0, 3}, 2, 30},            // documented
    {{20, 31, 9}, {0, 1, 2}, 3, 11},  // unequal batches, features not divisible by types
    {{13}, {0}, 1, 5},                // a single batch
    {{2}, {0, 3}, 1, 1},              // hardly anything
    {{150, 140}, {0, 3}, 2, 6},       // more than one tile of 256 cells
    {{8}, {0, 1, 2, 3, 4}, 2, 9},     // five batches
};

Dataset<double> data_of(const Shape& shape, std::uint64_t seed) {
    nlohmann::json params = {{"n_cells_per_batch", shape.cells_per_batch},
                             {"batch_shifts", shape.shifts},
                             {"n_types", shape.types},
                             {"n_features", shape.features}};
    return load_dataset("gaussian_batches", {params, seed, ""});
}

// Largest difference between a fit and the slow reference of the same parameters, over everything they return.
template <class Real>
double difference_to_reference(const Fit<Real>& fit) {
    const ReferenceFit slow = fit.reference();
    double largest = max_difference(fit.corrected, slow.corrected);
    REQUIRE(fit.arrays.size() == slow.arrays.size());
    REQUIRE(fit.losses.size() == slow.losses.size());
    for (std::size_t i = 0; i < fit.arrays.size(); ++i)
        largest = std::max(largest, max_difference(fit.arrays[i].values(fit.corrected), slow.arrays[i].values));
    for (std::size_t i = 0; i < fit.losses.size(); ++i) {
        REQUIRE(fit.losses[i].value.has_value() == slow.losses[i].value.has_value());
        if (!fit.losses[i].value) continue;
        REQUIRE(std::isfinite(*slow.losses[i].value));  // max() would let a NaN pass
        largest = std::max(largest, std::abs(*fit.losses[i].value - *slow.losses[i].value));
    }
    return largest;
}

}  // namespace

TEST_CASE("the check of the reference measures rounding by the size of what is rounded", "[methods][reference]") {
    const auto holds = [](Fit<double> fit, double factor) {
        fit.corrected *= factor;
        PointRecord record;
        run_check("optimized_matches_reference", fit, Precision::float64, record);
        return record.scores.at(0).value == 1.0;
    };
    const auto far =
        load_dataset("gaussian_batches", {{{"batch_shifts", {0, 1e6}}, {"n_cells_per_batch", 30}}, 42, ""});
    const auto fit = fit_method("differentiable_harmony", settings({{"n_clusters", 5}}, 0), far);
    CHECK(holds(fit, 1.0));
    CHECK_FALSE(holds(fit, 1.0 + 1e-9));
    // an mmd_loss that should be 0 is the root of the rounding of three means
    const auto alike = load_dataset("gaussian_batches", {{{"batch_shifts", {0, 0}}}, 42, ""});
    auto of_nothing = fit_method("mmd_autoencoder", settings({{"kernel_bandwidth", 1e8}}, 1), alike);
    CHECK(holds(of_nothing, 1.0));
    for (Score& loss : of_nothing.losses) {
        if (loss.metric == "mmd_loss") loss.value = 1e-5;  // a square of 1e-10, which is no rounding
    }
    CHECK_FALSE(holds(of_nothing, 1.0));
}

TEST_CASE("the check of the reference takes assignments as good as the cells they are of", "[methods][reference]") {
    const Dataset<float> data = in_arithmetic<float>(documented_data());
    const auto check = [](const Fit<float>& fit) {
        PointRecord record;
        run_check("optimized_matches_reference", fit, Precision::float32, record);
        return record.scores.at(0).value == 1.0;
    };
    // sigma 0.01: a cell that is off by 1e-5 moves an assignment by up to 2e-3
    for (const double sigma : {0.1, 0.01}) {
        auto fit = fit_method("differentiable_harmony",
                              settings({{"sigma", sigma}, {"n_iterations", 10}}, 0, Precision::float32), data);
        INFO("sigma " << sigma);
        CHECK(check(fit));
        fit.arrays[0].values = [right = fit.arrays[0].values](const Matrix<float>& corrected) {
            return Matrix<float>(right(corrected) + 0.02F);
        };
        CHECK_FALSE(check(fit));
    }
}

TEST_CASE("the check of the reference does not hold where a loss is not finite", "[methods][reference]") {
    const Dataset<double> data = data_of(shapes[1], 2);
    auto fit = fit_method("mmd_autoencoder", settings({}, 1), data);
    fit.reference = [reference = fit.reference] {
        ReferenceFit result = reference();
        result.losses.back().value = std::numeric_limits<double>::quiet_NaN();
        return result;
    };
    PointRecord record;
    run_check("optimized_matches_reference", fit, Precision::float64, record);
    CHECK(record.scores.at(0).value == 0.0);
}

TEST_CASE("the MMD of the tiniest bandwidths is that of kernels that are 1 at equal points and 0 elsewhere",
          "[methods][mmd]") {
    const auto data = load_dataset("gaussian_batches", {{{"n_cells_per_batch", 6}}, 42, ""});
    for (const double bandwidth : {1e-100, 1e-155, 1e-160, 1e-170}) {
        const auto fit = fit_method("mmd_autoencoder", settings({{"kernel_bandwidth", bandwidth}}, 1), data);
        // either side is 6 distinct rows and 6 zero rows: (42 + 42 - 2 * 36) / 144
        CHECK(loss_of(fit, "mmd_loss") == Approx(std::sqrt(1.0 / 12.0)).epsilon(1e-12));
        CHECK(difference_to_reference(fit) < 1e-10);
    }
}

TEST_CASE("uncorrected cells give the golden values", "[methods][golden]") {
    const Dataset<double> data = documented_data();
    require_golden(fit_method("uncorrected", settings({}, 0), data), data, golden()["uncorrected"]);
}

TEST_CASE("differentiable_harmony gives the golden values", "[methods][golden]") {
    const Dataset<double> data = documented_data();
    for (const auto& [n_iterations, expected] : golden()["harmony"].items()) {
        const auto fit = fit_method("differentiable_harmony",
                                    settings({{"n_clusters", 20}, {"n_iterations", std::stoi(n_iterations)}}, 0), data);
        require_golden(fit, data, expected);
    }
}

TEST_CASE("mmd_autoencoder gives the golden values", "[methods][golden]") {
    const Dataset<double> data = documented_data();
    for (const auto& [name, expected] : golden()["mmd"].items()) {
        const Precision precision = name.rfind("tf32", 0) == 0 ? Precision::tf32 : Precision::float64;
        const double bandwidth = std::stod(name.substr(name.find('=') + 1));
        const auto fit = fit_method(
            "mmd_autoencoder",
            settings({{"hidden_dim", 64}, {"latent_dim", 16}, {"kernel_bandwidth", bandwidth}}, 1, precision), data);
        require_golden(fit, data, expected, precision == Precision::tf32 ? 1e-6 : 1e-10);
    }
}

TEST_CASE("mmd_autoencoder with the masked unbiased estimator gives what DiffBio 0.1.0 prints", "[methods][golden]") {
    const Dataset<double> data = documented_data();
    const std::vector<std::pair<double, double>> printed = {{0.1, 0.0}, {0.5, 0.0}, {1.0, 0.2004}, {5.0, 0.3611}};
    for (const auto& [bandwidth, loss] : printed) {
        const auto fit = fit_method("mmd_autoencoder",
                                    settings({{"hidden_dim", 64},
                                              {"latent_dim", 16},
                                              {"kernel_bandwidth", bandwidth},
                                              {"mmd_estimator", "masked_unbiased"}},
                                             1),
                                    data);
        CHECK(std::abs(loss_of(fit, "mmd_loss") - loss) < 0.5e-4);
    }
}

TEST_CASE("mmd_autoencoder equals its reference under every estimator", "[methods][reference]") {
    for (const char* estimator : {"masked", "biased", "unbiased", "masked_unbiased"}) {
        for (const Shape& shape : shapes) {
            INFO(estimator << ", " << shape.features << " features");
            const auto fit = fit_method(
                "mmd_autoencoder", settings({{"hidden_dim", 8}, {"latent_dim", 4}, {"mmd_estimator", estimator}}, 3),
                data_of(shape, 3));
            REQUIRE(difference_to_reference(fit) < 1e-10);
        }
        const Dataset<double> lonely = data_of({{1, 6}, {0, 3}, 1, 5}, 3);
        const auto fit =
            fit_method("mmd_autoencoder",
                       settings({{"hidden_dim", 8}, {"latent_dim", 4}, {"mmd_estimator", estimator}}, 3), lonely);
        CHECK(fit.losses.at(1).value.has_value() == (std::string(estimator) != "unbiased"));
        REQUIRE(difference_to_reference(fit) < 1e-10);
    }
}

TEST_CASE("wgan_autoencoder gives the documented float64 losses", "[methods][golden]") {
    const Dataset<double> data = documented_data();
    const auto fit =
        fit_method("wgan_autoencoder",
                   settings({{"hidden_dim", 64}, {"latent_dim", 16}, {"discriminator_hidden_dim", 32}}, 2), data);
    // printed to four decimals: half a unit
    REQUIRE(std::abs(loss_of(fit, "generator_loss") - 28.4528) < 0.5e-4);
    REQUIRE(std::abs(loss_of(fit, "discriminator_loss") + 0.0233) < 0.5e-4);
}

TEST_CASE("every method equals its reference on every shape", "[methods][reference]") {
    for (const Case& method : small_cases()) {
        for (const Shape& shape : shapes) {
            for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{5}}) {
                const Dataset<double> data = data_of(shape, seed);
                INFO(method.method << ", " << data.cells.n_cols << " cells x " << data.cells.n_rows);
                const auto fit = fit_method(method.method, settings(method.params, seed), data);
                const bool has_reference = method_named(method.method).has_reference;
                if (fit.notes.empty() && shape.cells_per_batch != shapes[3].cells_per_batch) {
                    CHECK((fit.reference != nullptr) == (has_reference && (fit.losses.empty() || fit.losses[0].value)));
                }
                if (!fit.reference) continue;  // none, or none for these data
                REQUIRE(difference_to_reference(fit) < 1e-10);
                REQUIRE(difference_to_reference(
                            fit_method(method.method, settings(method.params, seed, Precision::tf32), data)) < 1e-10);
                const auto single = fit_method(method.method, settings(method.params, seed, Precision::float32),
                                               in_arithmetic<float>(data));
                REQUIRE(difference_to_reference(single) < single.float32_tolerance);
            }
        }
    }
}

TEST_CASE("extreme parameters equal the reference", "[methods][reference]") {
    const Dataset<double> data = data_of(shapes[1], 3);
    const std::vector<Case> cases = {
        {"differentiable_harmony", {{"n_clusters", 1}, {"n_iterations", 1}}},
        {"differentiable_harmony", {{"n_clusters", 3}, {"sigma", 50.0}, {"temperature", 3.0}}},
        {"differentiable_harmony", {{"n_clusters", 40}, {"sigma", 1e-3}, {"n_iterations", 25}}},
        {"mmd_autoencoder", {{"hidden_dim", 1}, {"latent_dim", 1}}},
        {"mmd_autoencoder",
         {{"hidden_dim", 9}, {"latent_dim", 33}, {"kernel_bandwidth", 0.05}}},  // latent wider than the input
        {"wgan_autoencoder", {{"hidden_dim", 16}, {"latent_dim", 20}, {"discriminator_hidden_dim", 1}}},
    };
    for (const Case& method : cases) {
        INFO(method.method << " " << method.params.dump());
        REQUIRE(difference_to_reference(fit_method(method.method, settings(method.params, 9), data)) < 1e-10);
    }
}

TEST_CASE("permuting cells permutes the output", "[methods][property]") {
    const Dataset<double> data = data_of(shapes[1], 2);
    const arma::uvec order = arma::reverse(arma::regspace<arma::uvec>(0, data.cells.n_cols - 1));
    Dataset<double> permuted = data;
    permuted.cells = data.cells.cols(order);
    for (arma::uword i = 0; i < order.n_elem; ++i) {
        permuted.batch.code[i] = data.batch.code[order[i]];
        permuted.type.code[i] = data.type.code[order[i]];
    }
    for (const Case& method : small_cases()) {
        if (method_named(method.method).draws_per_cell) continue;
        const auto fit = fit_method(method.method, settings(method.params, 4), data);
        const auto of_permuted = fit_method(method.method, settings(method.params, 4), permuted);
        INFO(method.method);
        REQUIRE(max_difference(of_permuted.corrected, fit.corrected.cols(order)) <
                1e-10);  // sums over cells in another order
        for (std::size_t i = 0; i < fit.losses.size(); ++i) {
            REQUIRE(relative_difference(*fit.losses[i].value, *of_permuted.losses[i].value) < 1e-9);
        }
    }
}

TEST_CASE("renaming or renumbering the batches keeps harmony's cells", "[methods][property]") {
    const Dataset<double> data = data_of(shapes[1], 2);
    Dataset<double> renumbered = data;
    for (std::uint32_t& code : renumbered.batch.code) code = 2 - code;
    std::reverse(renumbered.batch.names.begin(), renumbered.batch.names.end());
    const MethodSettings harmony = settings({{"n_clusters", 7}}, 4);
    REQUIRE(max_difference(fit_method("differentiable_harmony", harmony, renumbered).corrected,
                           fit_method("differentiable_harmony", harmony, data).corrected) < 1e-12);
}

TEST_CASE("shifting cells and centroids alike shifts harmony's cells", "[methods][property]") {
    const Dataset<double> data = data_of(shapes[1], 2);
    Dataset<double> shifted = data;
    shifted.cells += 1.25;
    differentiable_harmony::Options options;
    options.n_clusters = 7;
    auto parameters = differentiable_harmony::initial_parameters<double>(options, data.cells.n_rows, Stream(4));
    const auto result = differentiable_harmony::forward(data, parameters, options).corrected;
    parameters.centroids += 1.25;
    // logits scale with the squared norms, about 1e3 here: 1e3 * 1e-16 / sigma, ten iterations
    REQUIRE(max_difference(differentiable_harmony::forward(shifted, parameters, options).corrected, result + 1.25) <
            1e-10);
}

// Parameters that change nothing here, and why.
bool is_idle(const std::string& method, const std::string& parameter) {
    static const std::set<std::pair<std::string, std::string>> idle = {
        {"differentiable_harmony", "recompute"},  // the same values with less memory
        {"differentiable_harmony", "theta"},      // recorded, but no part of the documented computation
        {"combat", "covariates"},                 // the dataset has none
        {"combat", "max_iterations"},             // a limit that is not reached
        {"mnn", "merge_order"},                   // the batches are of one size
        {"mnn", "min_batch_effect"}};             // the effect is larger
    // harmony: tests/unit/methods/test_harmony.cpp, on data that each of its many parameters matters to
    return method == "harmony" || idle.count({method, parameter}) > 0;
}

TEST_CASE("every parameter of a method changes its result, but those that cannot", "[methods]") {
    const Dataset<double> data = data_of(shapes[0], 2);
    for (const Case& method : small_cases()) {
        const auto before = fit_method(method.method, settings(method.params, 1), data);
        for (const MethodDefinition& definition : method_table()) {
            if (definition.name != method.method) continue;
            for (const Parameter& parameter : definition.parameters()) {
                if (is_idle(definition.name, parameter.name)) continue;
                nlohmann::json params = method.params;
                const nlohmann::json& base =
                    params.contains(parameter.name) ? params[parameter.name] : parameter.default_value;
                INFO(method.method << " " << parameter.name);
                params[parameter.name] = another_value(parameter, base);
                const auto after = fit_method(method.method, settings(params, 1), data);
                bool same = max_difference(after.corrected, before.corrected) == 0.0;
                for (std::size_t i = 0; i < before.losses.size(); ++i)
                    same = same && before.losses[i].value == after.losses[i].value;
                REQUIRE_FALSE(same);
            }
        }
    }
}

TEST_CASE("another seed gives other parameters", "[methods]") {
    const Dataset<double> data = data_of(shapes[0], 2);
    for (const Case& method : small_cases()) {
        const auto fit = fit_method(method.method, settings(method.params, 1), data);
        const bool draws_parameters = fit.differentiable && fit.differentiable().inputs.size() > 1;
        if (!draws_parameters && !method_named(method.method).draws_per_cell) continue;
        INFO(method.method);
        REQUIRE(max_difference(fit.corrected, fit_method(method.method, settings(method.params, 2), data).corrected) >
                1e-6);
    }
}

TEST_CASE("the losses of a fit are those that the table of methods names", "[methods]") {
    const Dataset<double> data = data_of(shapes[1], 2);
    for (const Case& method : small_cases()) {
        const std::vector<Score> losses = fit_method(method.method, settings(method.params, 1), data).losses;
        const std::span<const ScoreRow> rows = method_named(method.method).rows;
        INFO(method.method);
        REQUIRE(losses.size() == rows.size());
        for (std::size_t i = 0; i < rows.size(); ++i) {
            CHECK(losses[i].metric == rows[i].name);
            CHECK(losses[i].direction == rows[i].direction);
        }
    }
}

TEST_CASE("what needs two batches does not apply to one", "[methods]") {
    const Dataset<double> data = data_of(shapes[2], 1);
    for (const Case& method : small_cases()) {
        for (const Score& loss : fit_method(method.method, settings(method.params, 1), data).losses) {
            if (loss.group != Group::loss) continue;
            INFO(method.method << " " << loss.metric);
            REQUIRE(loss.value.has_value() == (loss.metric == "reconstruction_loss"));
            if (!loss.value) REQUIRE(loss.not_applicable_reason.find("two batches") != std::string::npos);
        }
    }
}
