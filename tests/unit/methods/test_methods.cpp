// The methods against golden values, their invariances, and what their table says of them.
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "engine/methods/differentiable_harmony/method.hpp"
#include "engine/metrics/batch_mixing_entropy.hpp"
#include "engine/metrics/mean_shift.hpp"
#include "tests/support/golden.hpp"
#include "tests/unit/methods/small_methods.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

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

}  // namespace

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

TEST_CASE("wgan_autoencoder gives the documented float64 losses", "[methods][golden]") {
    const Dataset<double> data = documented_data();
    const auto fit =
        fit_method("wgan_autoencoder",
                   settings({{"hidden_dim", 64}, {"latent_dim", 16}, {"discriminator_hidden_dim", 32}}, 2), data);
    // printed to four decimals: half a unit
    REQUIRE(std::abs(loss_of(fit, "generator_loss") - 28.4528) < 0.5e-4);
    REQUIRE(std::abs(loss_of(fit, "discriminator_loss") + 0.0233) < 0.5e-4);
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
