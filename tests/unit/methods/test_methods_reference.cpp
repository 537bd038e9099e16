// The methods against their slow references on many shapes, and the check that a run makes of them.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "experiments/checks/checks.hpp"
#include "tests/support/golden.hpp"
#include "tests/unit/methods/small_methods.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

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
