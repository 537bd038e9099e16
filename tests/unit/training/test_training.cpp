// What all trainings share: mini-batches, held-out cells, determinism, divergence.
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <set>

#include "engine/core/parallel.hpp"
#include "engine/training/loop.hpp"
#include "engine/training/model_file.hpp"
#include "experiments/bindings/method.hpp"
#include "tests/unit/training/two_types.hpp"

using namespace bcbench;
using bcbench::testing::cells_of;
using nlohmann::json;

namespace {

// A train block with all keys of the method, the given ones changed.
json train_block(const std::string& method, const json& changed) {
    json train = json::object();
    for (const MethodDefinition& definition : method_table()) {
        if (definition.name != method) continue;
        for (const Parameter& parameter : definition.training()) train[parameter.name] = parameter.default_value;
    }
    train.update(changed);
    return train;
}

const std::vector<std::string> trainable = {"differentiable_harmony", "mmd_autoencoder", "wgan_autoencoder"};

json small_params(const std::string& method) {
    if (method == "differentiable_harmony") return {{"n_clusters", 9}, {"n_iterations", 3}, {"temperature", 30}};
    json params = {{"hidden_dim", 8}, {"latent_dim", 4}};
    if (method == "wgan_autoencoder") params["discriminator_hidden_dim"] = 8;
    return params;
}

MethodSettings settings_of(const std::string& method, const json& train, std::uint64_t seed = 1) {
    return {small_params(method), train_block(method, train), seed, Precision::float64, "", nullptr, true};
}

}  // namespace

TEST_CASE("an epoch of mini-batches shows each cell once, each batch in proportion", "[training]") {
    const Dataset<double> data = cells_of({20, 60}, {0, 3});
    training::MiniBatches<double> batches(data, 16, make_key(5));
    for (int epoch = 0; epoch < 3; ++epoch) {
        std::set<double> seen;
        for (int i = 0; i < 5; ++i) {
            const Dataset<double>& batch = batches.next();
            REQUIRE(batch.cells.n_cols == 16);
            REQUIRE(std::count(batch.batch.code.begin(), batch.batch.code.end(), 0U) == 4);
            for (arma::uword c = 0; c < 16; ++c) seen.insert(batch.cells(0, c));
        }
        REQUIRE(seen.size() == 80);
    }
}

TEST_CASE("mini-batches differ between epochs and seeds, and repeat for the same seed", "[training]") {
    const Dataset<double> data = cells_of({20, 60}, {0, 3});
    training::MiniBatches<double> a(data, 40, make_key(5));
    training::MiniBatches<double> b(data, 40, make_key(5));
    training::MiniBatches<double> c(data, 40, make_key(6));
    const Matrix<double> first = a.next().cells;
    REQUIRE(arma::approx_equal(first, b.next().cells, "absdiff", 0.0));
    REQUIRE_FALSE(arma::approx_equal(first, c.next().cells, "absdiff", 0.0));
    a.next();
    REQUIRE_FALSE(arma::approx_equal(first, a.next().cells, "absdiff", 0.0));
    training::MiniBatches<double> whole(data, std::nullopt, make_key(5));
    REQUIRE(&whole.next() == &data);
}

TEST_CASE("held-out cells are a share of every batch", "[training]") {
    const Dataset<double> data = cells_of({20, 60}, {0, 3});
    const auto split_with = [&](double fraction, std::int64_t seed) {
        training::Options options;
        options.holdout_fraction = fraction;
        options.seed = seed;
        return training::split_cells(data.batch, options);
    };
    const training::Split split = split_with(0.25, 1);
    REQUIRE(split.holdout.size() == 20);
    REQUIRE(split.training.size() == 60);
    const Dataset<double> unseen = training::subset(data, split.holdout);
    REQUIRE(label_sizes(unseen.batch) == std::vector<std::size_t>{5, 15});
    for (std::size_t i = 0; i < split.holdout.size(); ++i) {
        REQUIRE(arma::approx_equal(unseen.cells.col(i), data.cells.col(split.holdout[i]), "absdiff", 0.0));
        REQUIRE(unseen.type.code[i] == data.type.code[split.holdout[i]]);
    }
    REQUIRE(split_with(0.25, 2).holdout != split.holdout);
    REQUIRE(split_with(0.0, 1).holdout.empty());
    REQUIRE_THROWS_AS(split_with(0.99, 1), std::invalid_argument);
}

TEST_CASE("training gives the same bytes for any number of threads", "[training]") {
    const Dataset<double> data = cells_of({150, 170}, {0, 3});  // more than one tile
    const Dataset<float> single = in_arithmetic<float>(data);
    for (const std::string& method : trainable) {
        const MethodSettings settings = settings_of(method, {{"steps", 6}, {"batch_size", 300}});
        set_thread_count(1);
        const Matrix<double> one = fit_method(method, settings, data).corrected;
        const Matrix<float> one_single = fit_method(method, settings, single).corrected;
        for (const unsigned threads : {2U, 3U}) {
            set_thread_count(threads);
            const Matrix<double> more = fit_method(method, settings, data).corrected;
            const Matrix<float> more_single = fit_method(method, settings, single).corrected;
            set_thread_count(1);
            INFO(method << " with " << threads << " threads");
            REQUIRE(std::equal(one.begin(), one.end(), more.begin()));
            REQUIRE(std::equal(one_single.begin(), one_single.end(), more_single.begin()));
        }
    }
}

TEST_CASE("the seed of a training is apart from the seed of the weights", "[training]") {
    const Dataset<double> data = cells_of({20, 20}, {0, 3});
    for (const char* method : {"mmd_autoencoder", "wgan_autoencoder"}) {
        // an update too small to be seen: the initial weights
        const json still = {{"steps", 1}, {"learning_rate", 1e-300}, {"batch_size", 10}};
        json other = still;
        other["seed"] = 7;
        const auto initial = fit_method(method, settings_of(method, still), data);
        REQUIRE(arma::approx_equal(initial.corrected, fit_method(method, settings_of(method, other), data).corrected,
                                   "absdiff", 0.0));
        REQUIRE_FALSE(arma::approx_equal(
            initial.corrected, fit_method(method, settings_of(method, still, 2), data).corrected, "absdiff", 0.0));
        // but it decides what is trained on
        const json moving = {{"steps", 3}, {"batch_size", 10}};
        json otherwise = moving;
        otherwise["seed"] = 7;
        REQUIRE_FALSE(arma::approx_equal(fit_method(method, settings_of(method, moving), data).corrected,
                                         fit_method(method, settings_of(method, otherwise), data).corrected, "absdiff",
                                         0.0));
    }
    // the keys of a training are none of the stream of the same seed
    Stream stream(7);
    for (int i = 0; i < 100; ++i) REQUIRE_FALSE(stream.next() == training::training_key(7));
}

TEST_CASE("critic_weight means nothing to joint updates, and so nothing to the loss they are stopped by",
          "[training]") {
    const Dataset<double> data = cells_of({20, 20}, {0, 3});
    const auto trained_with = [&](double critic_weight) {
        const json joint = {{"updates", "joint"}, {"critic_weight", critic_weight}, {"steps", 4}, {"trace_every", 1}};
        return fit_method("wgan_autoencoder", settings_of("wgan_autoencoder", joint), data).traces;
    };
    const auto light = trained_with(1.0);
    const auto heavy = trained_with(30.0);
    REQUIRE(light.size() == heavy.size());
    for (std::size_t i = 0; i < light.size(); ++i) CHECK(light[i].values == heavy[i].values);
}

TEST_CASE("held-out cells do not touch the weights", "[training]") {
    const Dataset<double> data = cells_of({20, 20}, {0, 3});
    for (const std::string& method : trainable) {
        const MethodSettings settings =
            settings_of(method, {{"steps", 20}, {"holdout_fraction", 0.25}, {"save_model", true}});
        const auto fit = fit_method(method, settings, data);
        REQUIRE(fit.holdout.size() == 10);
        Dataset<double> changed = data;
        for (const std::uint32_t cell : fit.holdout) changed.cells.col(cell) += 100.0;
        REQUIRE(fit_method(method, settings, changed).model == fit.model);
        Dataset<double> seen = data;
        seen.cells.col(fit.holdout.front() == 0 ? 1 : 0) += 1.0;
        if (fit.holdout.front() > 0 || fit.holdout[1] > 1)
            REQUIRE_FALSE(fit_method(method, settings, seen).model == fit.model);
    }
}

TEST_CASE("a training that diverges says at which step and of what", "[training]") {
    const Dataset<double> data = cells_of({20, 20}, {0, 3});
    const auto message_of = [&](const std::string& method, const json& train) -> std::string {
        try {
            fit_method(method, settings_of(method, train), data);
        } catch (const NumericalError& error) {
            return error.what();
        }
        return "no error";
    };
    const json violent = {{"optimizer", "sgd"}, {"learning_rate", 1e6}, {"steps", 50}};
    using Catch::Matchers::Matches;
    REQUIRE_THAT(message_of("mmd_autoencoder", violent), Matches("training diverged at step [0-9]+: .* not finite.*"));
    REQUIRE_THAT(message_of("wgan_autoencoder", violent), Matches("training diverged at step [0-9]+: .* not finite.*"));
    REQUIRE_THAT(message_of("differentiable_harmony", {{"optimizer", "sgd"}, {"learning_rate", 1e200}, {"steps", 50}}),
                 Matches("training diverged at step [0-9]+: .*"));
}

TEST_CASE("mini-batches without one side of the critic are no updates of it, and no end of the training",
          "[training]") {
    const Dataset<double> data =
        cells_of({30, 3}, {0, 3});  // a mini-batch of 4 has no cell of batch 1 more often than not
    for (const json& penalty : {json(1.0), json(nullptr)}) {
        const json train = {{"steps", 20}, {"batch_size", 4}, {"gradient_penalty", penalty}};
        const Fit<double> fit = fit_method("wgan_autoencoder", settings_of("wgan_autoencoder", train), data);
        REQUIRE(fit.corrected.is_finite());
        REQUIRE(fit.trained_steps == 20);
    }
}

TEST_CASE("mini-batches and held-out cells with too few cells of a batch for the MMD are no end of the training",
          "[training]") {
    const Dataset<double> data = cells_of({200, 10}, {0.0, 3.0});
    for (const json& changed : {json{{"estimator", "unbiased"}, {"holdout_fraction", 0.1}},
                                json{{"estimator", "unbiased"}, {"batch_size", 30}},
                                json{{"estimator", "biased"}, {"pairs", "first_vs_rest"}, {"batch_size", 16}}}) {
        INFO(changed);
        json train = changed;
        train["steps"] = 20;
        REQUIRE(fit_method("mmd_autoencoder", settings_of("mmd_autoencoder", train), data).corrected.is_finite());
    }
    Dataset<double> single = cells_of({10, 10}, {0.0, 3.0});
    for (arma::uword i = 11; i < 20; ++i) single.batch.code[i] = 0;
    REQUIRE_THROWS_WITH(
        fit_method("mmd_autoencoder", settings_of("mmd_autoencoder", {{"estimator", "unbiased"}}), single),
        Catch::Contains("batch '1' has a single cell"));
}

TEST_CASE("training refuses what cannot be done, and says why", "[training]") {
    const Dataset<double> data = cells_of({20, 20}, {0, 3});
    const auto message_of = [&](const json& train) -> std::string {
        try {
            fit_method("mmd_autoencoder", settings_of("mmd_autoencoder", train), data);
        } catch (const std::invalid_argument& error) {
            return error.what();
        }
        return "no error";
    };
    REQUIRE(message_of({{"batch_size", 500}}) == "batch_size is 500, but there are 40 cells to train on");
    REQUIRE(message_of({{"steps", 10}, {"warmup_steps", 11}}) ==
            "warmup_steps is 11, must be between 0 and steps (10)");
    REQUIRE(message_of({{"reference_batch", 2}}) == "reference_batch is 2, but the dataset has batches 0 to 1");
    REQUIRE(message_of({{"early_stopping", "holdout"}}) ==
            "holdout_fraction is 0, must be greater than 0 where early_stopping is holdout");
    REQUIRE(message_of({{"holdout_fraction", 0.99}}) ==
            "holding out 20 of the 20 cells of batch '0' leaves none to train on");
    REQUIRE(message_of({{"steps", 0}}) == "steps is 0, must be at least 1");
    REQUIRE(message_of({{"learning_rate", 0.0}}) == "learning_rate is 0, must be greater than 0");
    REQUIRE(message_of({{"load_model", "nowhere.npz"}}) ==
            "the model nowhere.npz is neither beside the config nor in the directory $BCBENCH_DATA");
}

TEST_CASE("a model file with a decoder of another shape is refused before anything is allocated for it", "[training]") {
    Stream stream(1);
    const Autoencoder<double> model = initial_autoencoder<double>(6, 8, 4, stream);
    npy::NamedArrays arrays = model_file::to_arrays("mmd_autoencoder", with_conditional_decoder(model, 2, 1));
    REQUIRE(model_file::from_arrays("mmd_autoencoder", arrays, model, "file").n_batches == 2);
    for (const std::vector<std::size_t>& shape : {std::vector<std::size_t>{1000000000000, 0}, {48}, {6, 7}}) {
        arrays["decoder.layer1.kernel"].shape = shape;
        REQUIRE_THROWS_AS(model_file::from_arrays("mmd_autoencoder", arrays, model, "file"), DataError);
    }
}

TEST_CASE("early stopping keeps the parameters of the lowest loss", "[training]") {
    const Dataset<double> data = cells_of({20, 20}, {0, 3});
    const json train = {{"steps", 400},     {"learning_rate", 0.05},       {"schedule", "constant"},
                        {"trace_every", 1}, {"early_stopping", "holdout"}, {"holdout_fraction", 0.25},
                        {"patience", 5},    {"save_model", true}};
    const auto fit = fit_method("mmd_autoencoder", settings_of("mmd_autoencoder", train), data);
    const auto curve = [&](const std::string& name) {
        for (const Curve& each : fit.traces) {
            if (each.name == name) return each.values;
        }
        throw std::invalid_argument("no curve " + name);
    };
    const std::vector<double> losses = curve("holdout_loss");
    REQUIRE(losses.size() < 400);  // it stopped
    const auto lowest = std::min_element(losses.begin(), losses.end());
    REQUIRE(losses.end() - lowest == 6);
    REQUIRE(fit.trained_steps == static_cast<std::int64_t>(lowest - losses.begin()) + 1);
    json until_then = train;
    until_then["early_stopping"] = "none";
    until_then["steps"] = *fit.trained_steps;
    REQUIRE(fit_method("mmd_autoencoder", settings_of("mmd_autoencoder", until_then), data).model == fit.model);
}
