// Every method of the table, as the experiments see it: gradients of each output with respect to each input.
#include <catch2/catch.hpp>
#include <cstring>
#include <optional>

#include "engine/core/parallel.hpp"
#include "experiments/bindings/method.hpp"
#include "tests/support/dual.hpp"
#include "tests/support/gradients.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

// Defaults, made small.
nlohmann::json small_params(const MethodDefinition& method) { return nlohmann::json::parse(method.small); }

Dataset<double> make_data(const std::vector<std::size_t>& sizes, arma::uword n_features) {
    Dataset<double> data;
    data.batch = batches_of(sizes);
    data.cells =
        arma::conv_to<arma::mat>::from(arma::conv_to<arma::fmat>::from(shifted_cells(30, data.batch, n_features, 1.0)));
    return data;  // entries that float32 holds exactly
}

std::vector<arma::mat> values_of(const std::vector<NamedArray<double>>& arrays) {
    std::vector<arma::mat> values;
    for (const NamedArray<double>& array : arrays) values.push_back(array.values);
    return values;
}

// Calls test(method, fit, differentiable) for each method on `data`.
template <class Test>
void for_each_method(const Dataset<double>& data, const Test& test) {
    for (const MethodDefinition& method : method_table()) {
        if (!method.differentiable) continue;
        const Fit<double> fit =
            fit_method(method.name, {small_params(method), nullptr, 3, Precision::float64, {}}, data);
        INFO(method.name << ", " << data.cells.n_cols << " cells, " << data.batch.count() << " batches");
        REQUIRE(fit.differentiable);
        test(method, fit, fit.differentiable());
    }
}

bool same_bytes(const arma::mat& a, const arma::mat& b) {
    return arma::size(a) == arma::size(b) && std::memcmp(a.memptr(), b.memptr(), a.n_elem * sizeof(double)) == 0;
}

double relative_difference(const arma::mat& a, const arma::mat& b) {
    return arma::norm(a - b, "fro") / arma::norm(b, "fro");
}

// Value and derivative along a direction of one output, in forward mode. Nothing: the method has no forward mode here
// (its gradients are compared with central differences alone).
std::optional<DualMatrix> forward_mode(const std::string& method, const std::string& output,
                                       const std::vector<DualMatrix>& inputs, const Labels& batch,
                                       const nlohmann::json& params) {
    const auto network_at = [&](std::size_t first) {
        return DualNetwork{inputs[first],     inputs[first + 1], inputs[first + 2],
                           inputs[first + 3], inputs[first + 4], inputs[first + 5]};
    };
    const auto scalar = [](Dual value) { return DualMatrix(arma::mat{value.value}, arma::mat{value.slope}); };
    if (method == "uncorrected") return inputs[0];
    if (method == "differentiable_harmony") {
        differentiable_harmony::Options options;
        options.n_iterations = params.at("n_iterations");
        return testing::harmony(inputs[0], batch, inputs[1], options);
    }
    if (method != "mmd_autoencoder" && method != "wgan_autoencoder") return std::nullopt;
    const DualMatrix latent = network(network_at(1), inputs[0]);
    const DualMatrix corrected = network(network_at(7), latent);
    if (output == "corrected") return corrected;
    const Dual reconstruction = mean_squared_difference(corrected, inputs[0]);
    if (output == "reconstruction_loss") return scalar(reconstruction);
    if (output == "mmd_loss") return scalar(mmd_loss(latent, batch, {}));
    const DualMatrix scores = network(network_at(13), latent);
    Dual sums[2];
    double counts[2] = {};
    for (arma::uword i = 0; i < batch.code.size(); ++i) {
        sums[batch.code[i] == 0 ? 0 : 1] += scores.at(0, i);
        counts[batch.code[i] == 0 ? 0 : 1] += 1.0;
    }
    const Dual real = sums[0] / Dual(counts[0]);
    const Dual fake = sums[1] / Dual(counts[1]);
    if (output == "generator_loss") return scalar(reconstruction - fake);
    if (output == "discriminator_loss") return scalar(fake - real);
    throw std::invalid_argument("no forward mode for " + method + ", " + output + ": write one here");
}

}  // namespace

TEST_CASE("every method, output, input and coordinate against central differences", "[gradients][methods]") {
    for (const std::vector<std::size_t>& sizes : {std::vector<std::size_t>{4, 4}, {2, 5, 3}, {6}}) {
        const Dataset<double> data = make_data(sizes, 6);
        for_each_method(data, [](const MethodDefinition&, const Fit<double>&, const Differentiable& made) {
            for (const DifferentiableOutput& output : made.outputs) {
                std::vector<arma::mat> inputs = values_of(made.inputs);
                const Linearization at = output.at(inputs);
                const arma::mat value_bar = random_like(31, at.value);
                const std::vector<arma::mat> bars = at.backward(value_bar);
                REQUIRE(bars.size() == inputs.size());
                for (std::size_t i = 0; i < inputs.size(); ++i) {
                    INFO(output.name << " with respect to " << made.inputs[i].name);
                    const auto f = [&](const arma::mat& x) {
                        std::vector<arma::mat> moved = inputs;
                        moved[i] = x;
                        const Linearization there = output.at(moved);
                        return Evaluation{there.value, there.choices};
                    };
                    require_right(check_gradient(f, inputs[i], value_bar, bars[i]));
                }
            }
        });
    }
}

TEST_CASE("2,000 cells x 50: reverse mode equals forward mode in random directions", "[gradients][methods]") {
    const Dataset<double> data = make_data({900, 1100}, 50);
    for_each_method(data, [&](const MethodDefinition& method, const Fit<double>&, const Differentiable& made) {
        for (const DifferentiableOutput& output : made.outputs) {
            const std::vector<arma::mat> inputs = values_of(made.inputs);
            const Linearization at = output.at(inputs);
            const arma::mat value_bar = random_like(32, at.value);
            const std::vector<arma::mat> bars = at.backward(value_bar);
            std::vector<DualMatrix> duals;
            double reverse_mode = 0.0;
            for (std::size_t i = 0; i < inputs.size(); ++i) {
                duals.emplace_back(inputs[i], random_like(33 + i, inputs[i]));
                reverse_mode += inner(bars[i], duals[i].slope);
            }
            const std::optional<DualMatrix> value =
                forward_mode(method.name, output.name, duals, data.batch, small_params(method));
            if (!value) continue;
            INFO(output.name);
            REQUIRE(relative_difference(at.value, value->value) < 1e-10);
            const double expected = inner(value_bar, value->slope);
            REQUIRE(std::abs(reverse_mode - expected) <= 1e-8 * std::abs(expected));
        }
    });
}

TEST_CASE("backward is linear in the adjoint, and nothing for nothing", "[gradients][methods]") {
    const Dataset<double> data = make_data({7, 9}, 6);
    for_each_method(data, [&](const MethodDefinition&, const Fit<double>& fit, const Differentiable& made) {
        const arma::mat a = random_like(34, fit.corrected);
        const arma::mat b = random_like(35, fit.corrected);
        const arma::mat sum = fit.backward(2.0 * a - 3.0 * b);
        REQUIRE(relative_difference(sum, 2.0 * fit.backward(a) - 3.0 * fit.backward(b)) < 1e-12);
        REQUIRE(arma::all(arma::vectorise(fit.backward(0.0 * a) == 0.0)));
        for (const DifferentiableOutput& output : made.outputs) {
            const Linearization at = output.at(values_of(made.inputs));
            const arma::mat bar = random_like(36, at.value);
            const std::vector<arma::mat> once = at.backward(bar);
            const std::vector<arma::mat> scaled = at.backward(-4.0 * bar);
            const std::vector<arma::mat> nothing = at.backward(0.0 * bar);
            for (std::size_t i = 0; i < once.size(); ++i) {
                REQUIRE(
                    arma::approx_equal(scaled[i], -4.0 * once[i], "absdiff", 1e-12 * (1.0 + arma::abs(once[i]).max())));
                REQUIRE(arma::all(arma::vectorise(nothing[i] == 0.0)));
            }
        }
    });
}

TEST_CASE("the fit's own backward is the one that is checked", "[gradients][methods]") {
    const Dataset<double> data = make_data({7, 9}, 6);
    for_each_method(data, [&](const MethodDefinition&, const Fit<double>& fit, const Differentiable& made) {
        const arma::mat bar = random_like(37, fit.corrected);
        REQUIRE(made.inputs.front().name == "cells");
        REQUIRE(made.outputs.front().name == "corrected");
        const Linearization at = made.outputs.front().at(values_of(made.inputs));
        REQUIRE(same_bytes(at.value, fit.corrected));
        REQUIRE(same_bytes(at.backward(bar).front(), fit.backward(bar)));
        for (const Score& loss : fit.losses) {  // each loss of the fit is an output, with the same value
            const auto output = std::find_if(made.outputs.begin(), made.outputs.end(),
                                             [&](const auto& o) { return o.name == loss.metric; });
            REQUIRE(output != made.outputs.end());
            REQUIRE(arma::as_scalar(output->at(values_of(made.inputs)).value) == loss.value);
        }
    });
}

TEST_CASE("float32 gradients agree with double ones to 1e-4", "[gradients][methods]") {
    const Dataset<double> data = make_data({60, 70}, 12);
    const Dataset<float> single{arma::conv_to<arma::fmat>::from(data.cells), data.batch, {}};
    for_each_method(data, [&](const MethodDefinition& method, const Fit<double>& fit, const Differentiable&) {
        const auto fit_single =
            fit_method(method.name, {small_params(method), nullptr, 3, Precision::float32, {}}, single);
        const arma::fmat bar = arma::conv_to<arma::fmat>::from(random_like(38, fit.corrected));
        const arma::mat from_single = arma::conv_to<arma::mat>::from(fit_single.backward(bar));
        REQUIRE(relative_difference(from_single, fit.backward(arma::conv_to<arma::mat>::from(bar))) < 1e-4);
        // and the double twin of the float32 fit has the same parameters
        const Differentiable twin = fit_single.differentiable();
        const Linearization at = twin.outputs.front().at(values_of(twin.inputs));
        REQUIRE(same_bytes(at.value, fit.corrected));
    });
}

TEST_CASE("gradients are the same bytes for any number of threads", "[gradients][methods]") {
    const Dataset<double> data = make_data({700, 641}, 9);
    for_each_method(data, [&](const MethodDefinition&, const Fit<double>&, const Differentiable& made) {
        for (const DifferentiableOutput& output : made.outputs) {
            INFO(output.name);
            std::vector<arma::mat> first;
            for (const unsigned threads : {1U, 2U, 8U}) {
                set_thread_count(threads);
                const Linearization at = output.at(values_of(made.inputs));
                const std::vector<arma::mat> bars = at.backward(random_like(39, at.value));
                if (first.empty()) first = bars;
                for (std::size_t i = 0; i < bars.size(); ++i) REQUIRE(same_bytes(bars[i], first[i]));
            }
            set_thread_count(1);
        }
    });
}
