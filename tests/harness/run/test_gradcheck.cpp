// The check "gradient" and the command gradcheck: right gradients pass, wrong ones are reported and set the exit code.
#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>

#include "experiments/bindings/datasets.hpp"
#include "experiments/checks/checks.hpp"
#include "experiments/checks/gradcheck.hpp"
#include "tests/support/gradients.hpp"
#include "tests/support/program.hpp"

using namespace bcbench;
using bcbench::testing::bcbench_program;
using bcbench::testing::contents;
using bcbench::testing::Output;
using bcbench::testing::require_square_fall;

namespace {

const std::string gradients_config = BCBENCH_SOURCE_DIR "/configs/gradients.json";

Dataset<double> small_data() {
    return load_dataset("gaussian_batches", {{{"n_cells_per_batch", 6}, {"n_features", 8}}, 1, ""});
}

const nlohmann::json small_network = {{"hidden_dim", 8}, {"latent_dim", 4}};

template <class Real>
PointRecord checked(const Fit<Real>& fit, Precision precision) {
    PointRecord record;
    record.outputs = nlohmann::ordered_json::object();
    run_check("gradient", fit, precision, record);
    return record;
}

std::map<std::string, Score> rows_of(const PointRecord& record) {
    std::map<std::string, Score> rows;
    for (const Score& row : record.scores) rows[row.metric] = row;
    return rows;
}

// A fit whose reverse pass is off by `factor` at one cell, in the run's arithmetic or in the double twin.
Fit<double> with_wrong_gradient(Fit<double> fit, double factor, bool in_twin) {
    const auto spoil = [factor](arma::mat bar) {
        bar.col(3) *= factor;
        return bar;
    };
    if (!in_twin) {
        fit.backward = [backward = fit.backward, spoil](const arma::mat& bar) { return spoil(backward(bar)); };
        return fit;
    }
    fit.differentiable = [differentiable = fit.differentiable, spoil] {
        Differentiable made = differentiable();
        for (DifferentiableOutput& output : made.outputs) {
            output.at = [at = output.at, spoil](const std::vector<arma::mat>& inputs) {
                Linearization there = at(inputs);
                there.backward = [backward = there.backward, spoil](const arma::mat& bar) {
                    std::vector<arma::mat> bars = backward(bar);
                    bars.front() = spoil(bars.front());
                    return bars;
                };
                return there;
            };
        }
        return made;
    };
    return fit;
}

Fit<double> small_fit(const Dataset<double>& data) {
    return fit_method("mmd_autoencoder", {small_network, nullptr, 1, Precision::float64, {}}, data);
}

}  // namespace

TEST_CASE("the check gradient: its rows for a right gradient, in every precision", "[gradcheck]") {
    const Dataset<double> data = small_data();
    const Dataset<float> single = in_arithmetic<float>(data);
    for (const MethodDefinition& definition : method_table()) {
        if (!definition.differentiable) continue;
        const std::string method = definition.name;
        const bool network = method.find("autoencoder") != std::string::npos;
        for (const Precision precision : {Precision::float64, Precision::float32, Precision::tf32}) {
            const MethodSettings settings{
                network ? small_network : nlohmann::json::object(), nullptr, 1, precision, {}};
            const PointRecord record = precision == Precision::float32
                                           ? checked(fit_method(method, settings, single), precision)
                                           : checked(fit_method(method, settings, data), precision);
            INFO(method << ", precision " << static_cast<int>(precision) << ", " << record.outputs.dump());
            const auto rows = rows_of(record);
            REQUIRE(rows.size() == 9);
            REQUIRE(rows.at("gradient").value == 1.0);
            REQUIRE(rows.at("gradient_nonzero").value == 1.0);
            REQUIRE(rows.at("gradient_finite").value == 1.0);
            REQUIRE(rows.at("gradient_l2_norm").value.value() > 0.0);
            REQUIRE(rows.at("gradient_max_relative_error").value.value() <= gradient_tolerance);
            REQUIRE(rows.at("gradient_coordinates_checked").value.value() +
                        rows.at("gradient_coordinates_skipped").value.value() ==
                    24.0);
            REQUIRE(record.outputs.at("gradient_shape") == nlohmann::ordered_json({12, 8}));
            REQUIRE(record.outputs.contains("gradient_float64_difference") == (precision != Precision::float64));
            REQUIRE_FALSE(has_failed_check(record));
        }
    }
}

TEST_CASE("the check gradient holds for batches far apart, whose cells round alike", "[gradcheck]") {
    for (const std::uint64_t seed : {0U, 3U, 5U}) {
        const Dataset<double> data = load_dataset("gaussian_batches", {{{"batch_shifts", {0, 300}}}, seed, ""});
        const Fit<double> fit =
            fit_method("differentiable_harmony", {{{"n_clusters", 20}}, nullptr, 0, Precision::float64, {}}, data);
        const auto rows = rows_of(checked(fit, Precision::float64));
        INFO("seed " << seed << ", error " << rows.at("gradient_max_relative_error").value.value());
        CHECK(rows.at("gradient").value == 1.0);
    }
}

TEST_CASE("the check gradient of float32 compares the cells that choose as in float64, and says why it fails",
          "[gradcheck]") {
    const auto spoiled = [](Fit<float> fit, float factor) {
        fit.backward = [backward = fit.backward, factor](const arma::fmat& bar) {
            return arma::fmat(factor * backward(bar));
        };
        return fit;
    };
    const auto data = in_arithmetic<float>(load_dataset(
        "gaussian_batches",
        {{{"n_cells_per_batch", 2000}, {"n_features", 50}, {"batch_shifts", {0, 0.5, 1, 1.5, 2}}}, 1, ""}));
    const Fit<float> harmony =
        fit_method("differentiable_harmony", {{{"n_clusters", 100}}, nullptr, 0, Precision::float32, {}}, data);
    const PointRecord right = checked(harmony, Precision::float32);
    INFO(right.outputs.dump());
    CHECK(rows_of(right).at("gradient").value == 1.0);
    CHECK(rows_of(right).at("gradient_decisive_error").value <= rows_of(right).at("gradient_decisive_bound").value);
    CHECK(right.outputs.at("gradient_checked_along") == "directions");
    CHECK_FALSE(right.outputs.contains("check_failures"));
    for (const float factor : {1.01F, 1.0001F, 0.9999F})
        CHECK(rows_of(checked(spoiled(harmony, factor), Precision::float32)).at("gradient").value == 0.0);

    const auto network = fit_method("mmd_autoencoder", {small_network, nullptr, 1, Precision::float32, {}},
                                    in_arithmetic<float>(small_data()));
    CHECK_FALSE(has_failed_check(checked(network, Precision::float32)));
    const PointRecord wrong = checked(spoiled(network, 1.0001F), Precision::float32);
    CHECK(has_failed_check(wrong));
    const std::string why = wrong.outputs.at("check_failures").at("gradient");
    for (const char* part : {"allowed", "cells that chose alike", "try precision float64"})
        CHECK(why.find(part) != std::string::npos);
}

TEST_CASE("the check gradient fails on a wrong, an infinite and a vanished gradient", "[gradcheck]") {
    const Dataset<double> data = small_data();
    const Fit<double> fit = small_fit(data);
    const PointRecord wrong = checked(with_wrong_gradient(fit, 1.0 + 1e-4, true), Precision::float64);
    REQUIRE(rows_of(wrong).at("gradient").value == 0.0);
    REQUIRE(rows_of(wrong).at("gradient_max_relative_error").value.value() == Approx(1e-4).epsilon(0.1));
    REQUIRE(has_failed_check(wrong));

    const PointRecord infinite = checked(with_wrong_gradient(fit, arma::datum::inf, false), Precision::float64);
    REQUIRE(rows_of(infinite).at("gradient_finite").value == 0.0);
    REQUIRE_FALSE(rows_of(infinite).at("gradient_l2_norm").value.has_value());
    REQUIRE_FALSE(rows_of(infinite).at("gradient_l2_norm").not_applicable_reason.empty());
    REQUIRE(has_failed_check(infinite));

    // without a gradient the rows that say 1 or 0 keep their good direction, which a comparison looks at
    Fit<double> constant = fit;
    constant.backward = nullptr;
    const auto rows = rows_of(checked(constant, Precision::float64));
    for (const char* row : {"gradient", "gradient_nonzero", "gradient_finite"}) {
        REQUIRE_FALSE(rows.at(row).value.has_value());
        REQUIRE(rows.at(row).direction == Direction::higher);
    }
    REQUIRE(rows.at("gradient_l2_norm").direction == Direction::info);

    // wrong in the run's arithmetic alone
    for (const double factor : {-1.0, 0.0, 5.0}) {
        const PointRecord other = checked(with_wrong_gradient(fit, factor, false), Precision::tf32);
        REQUIRE(rows_of(other).at("gradient").value == 0.0);
    }
}

TEST_CASE("the check gradient sees an error that keeps the sum of the corrected cells", "[gradcheck]") {
    const Dataset<double> data = small_data();
    Fit<double> fit = fit_method("uncorrected", {nlohmann::json::object(), nullptr, 1, Precision::float64, {}}, data);
    REQUIRE_FALSE(has_failed_check(checked(fit, Precision::float64)));
    fit.backward = [](const arma::mat& corrected_bar) {
        return arma::mat(arma::fliplr(corrected_bar));
    };  // ones stay ones
    const PointRecord record = checked(fit, Precision::float64);
    REQUIRE(rows_of(record).at("gradient").value == 0.0);
    REQUIRE(rows_of(record).at("gradient_max_relative_error").value.value() <= gradient_tolerance);
    REQUIRE(has_failed_check(record));
}

TEST_CASE("the check gradient does not apply to a method without a gradient", "[gradcheck]") {
    const Dataset<double> data = small_data();
    Fit<double> fit = small_fit(data);
    fit.backward = nullptr;
    fit.differentiable = nullptr;
    const PointRecord record = checked(fit, Precision::float64);
    REQUIRE(record.scores.size() == 9);
    for (const Score& row : record.scores) REQUIRE_FALSE(row.value.has_value());
    REQUIRE_FALSE(has_failed_check(record));
}

TEST_CASE("check_output_gradient names the input with the wrong gradient", "[gradcheck]") {
    const Dataset<double> data = small_data();
    const Differentiable right = small_fit(data).differentiable();
    const Differentiable wrong = with_wrong_gradient(small_fit(data), 1.01, true).differentiable();
    for (std::size_t o = 0; o < right.outputs.size(); ++o) {
        REQUIRE(is_right(check_output_gradient(right, right.outputs[o], 1000).report, gradient_tolerance));
        const OutputGradient found = check_output_gradient(wrong, wrong.outputs[o], 1000);
        REQUIRE_FALSE(is_right(found.report, gradient_tolerance));
        REQUIRE(found.input == "cells");
        REQUIRE(found.report.column == 3);
        REQUIRE(found.report.worst_error == Approx(0.01).epsilon(0.1));
    }
}

TEST_CASE("bcbench gradcheck: table, selection, exit codes", "[gradcheck][cli]") {
    const TemporaryDirectory directory;
    const auto run = [&](const std::string& arguments) {
        return bcbench_program("gradcheck " + arguments, directory.file(""));
    };
    const Output all = run(gradients_config);
    INFO(all.out << all.err);
    REQUIRE(all.code == 0);
    for (const char* text : {"two_batch.Harmony", "two_batch.MMD", "two_batch.WGAN", "mmd_loss", "generator_loss",
                             "worst error", "right"}) {
        REQUIRE(all.out.find(text) != std::string::npos);
    }
    REQUIRE(all.out.find("WRONG") == std::string::npos);
    const Output one = run(gradients_config + " --only '*Harmony' --set precision=float32");
    REQUIRE(one.code == 0);
    REQUIRE(one.out.find("MMD") == std::string::npos);
    // a step far too large for differences to agree: reported as wrong
    const Output coarse = run(gradients_config + " --only '*Harmony' --step 0.03");
    REQUIRE(coarse.code == 1);
    REQUIRE(coarse.out.find("WRONG") != std::string::npos);
    REQUIRE(run(gradients_config + " --step 2").code == 2);
    REQUIRE(run("no_such_file.json").code == 2);
}

TEST_CASE("bcbench gradcheck --steps equals the committed curve and falls like h^2", "[gradcheck][cli]") {
    const TemporaryDirectory directory;
    const Output output = bcbench_program("gradcheck --steps " + gradients_config, directory.file(""));
    REQUIRE(output.code == 0);
    std::istringstream lines(output.out);
    std::istringstream committed(contents(BCBENCH_SOURCE_DIR "/results/gradients/step_sweep.csv"));
    std::map<std::string, std::vector<StepError>> curves;
    std::string line;
    std::string expected;
    while (std::getline(lines, line)) {
        REQUIRE(std::getline(committed, expected));
        std::vector<std::string> fields;
        std::istringstream row(line);
        for (std::string field; std::getline(row, field, ',');) fields.push_back(field);
        REQUIRE(fields.size() == 6);
        // the same points, outputs and steps; the errors are rounding in part, and differ between machines
        const std::string curve = fields[0] + ',' + fields[1] + ',' + fields[2] + ',';
        REQUIRE(expected.rfind(curve + fields[3] + ',', 0) == 0);
        if (fields[3] == "step") continue;  // the header
        curves[curve].push_back({std::stod(fields[3]), std::stod(fields[4]), fields[5] == "yes"});
    }
    REQUIRE_FALSE(std::getline(committed, expected));
    REQUIRE(curves.size() == 8);  // outputs: Harmony 1, MMD 3, WGAN 4
    for (const auto& [curve, errors] : curves) {
        INFO(curve);
        require_square_fall(errors);
    }
}
