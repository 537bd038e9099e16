// What a method computed beside the corrected cells, and its gradients, as files that other programs read.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/io/npy.hpp"
#include "tests/support/program.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t n_cells = 40;
constexpr std::size_t n_features = 7;

json config_with(const json& outputs, const json& patch = json::object()) {
    json config = {
        {"schema_version", 1},
        {"name", "arrays"},
        {"datasets",
         {{{"label", "data"},
           {"type", "gaussian_batches"},
           {"params", {{"n_cells_per_batch", 20}, {"n_features", n_features}}}}}},
        {"methods",
         {{{"label", "Uncorrected"}, {"type", "uncorrected"}},
          {{"label", "Soft"}, {"type", "differentiable_harmony"}, {"params", {{"n_clusters", 5}, {"sigma", 4.0}}}},
          {{"label", "MMD"}, {"type", "mmd_autoencoder"}, {"params", {{"hidden_dim", 8}, {"latent_dim", 4}}}},
          {{"label", "WGAN"},
           {"type", "wgan_autoencoder"},
           {"params", {{"hidden_dim", 8}, {"latent_dim", 4}, {"discriminator_hidden_dim", 3}}}},
          {{"label", "Harmony"}, {"type", "harmony"}, {"params", {{"n_clusters", 3}}}},
          {{"label", "ComBat"}, {"type", "combat"}},
          {{"label", "MNN"}, {"type", "mnn"}, {"params", {{"n_neighbors", 4}}}}}},
        {"metrics", {"mean_shift"}},
        {"outputs", outputs}};
    config.merge_patch(patch);
    return config;
}

// Writes the config and runs it into `out`.
void run_config(const Scratch& run, const json& config, const std::string& out, const std::string& more = "") {
    const Output output =
        run("run " + run.directory.write("config.json", config.dump()) + " --quiet --out " + run / out + " " + more);
    INFO(output.err);
    REQUIRE(output.code == 0);
}

using Shape = std::vector<std::size_t>;

// As in the file: rows are rows.
arma::mat matrix(const npy::Array& array) {
    const std::size_t n_columns = array.shape.size() == 2 ? array.shape[1] : 1;
    return std::visit(
        [&](const auto& values) {
            arma::mat made(array.shape[0], n_columns);
            for (std::size_t i = 0; i < values.size(); ++i)
                made(i / n_columns, i % n_columns) = static_cast<double>(values[i]);
            return made;
        },
        array.values);
}

struct Archive {
    npy::NamedArrays arrays;
    arma::mat operator()(const std::string& name) const {
        INFO(name);
        REQUIRE(arrays.count(name) == 1);
        return matrix(arrays.at(name));
    }
    Shape shape(const std::string& name) const {
        INFO(name);
        REQUIRE(arrays.count(name) == 1);
        return arrays.at(name).shape;
    }
};

Archive archive(const std::string& file) { return {npy::read_npz(file)}; }

arma::mat embedding(const std::string& file) { return matrix(npy::decode(contents(file), file)); }

json point_of(const Scratch& run, const std::string& name) {
    return json::parse(contents(run / ("out/points/data." + name + ".json")));
}

double value_of_metric(const json& point, const std::string& metric) {
    for (const json& row : point["metrics"])
        if (row["metric"] == metric) return row["value"];
    FAIL(metric);
    return 0.0;
}

// ---- networks as a user of the file writes them: x (n, in), kernels (in, out)

arma::mat dense(const Archive& file, const std::string& layer, const arma::mat& x) {
    return x * file("input." + layer + ".kernel") + arma::repmat(file("input." + layer + ".bias").t(), x.n_rows, 1);
}

arma::mat relu(const arma::mat& x) { return arma::clamp(x, 0.0, INFINITY); }

arma::mat hidden(const Archive& file, const std::string& network, const arma::mat& x) {
    return relu(dense(file, network + ".layer2", relu(dense(file, network + ".layer1", x))));
}

arma::mat network(const Archive& file, const std::string& name, const arma::mat& x) {
    return dense(file, name + ".layer3", hidden(file, name, x));
}

double generator_loss(const Archive& file, const arma::mat& cells) {
    const arma::mat latent = network(file, "encoder", cells);
    const arma::mat scores = network(file, "critic", latent);
    const double fake = arma::mean(scores.elem(arma::find(file("batch") > 0.5)));
    return -fake + arma::mean(arma::vectorise(arma::square(network(file, "decoder", latent) - cells)));
}

double largest(const arma::mat& values) { return arma::abs(values).max(); }

}  // namespace

TEST_CASE("outputs.arrays: what a method computed besides the cells, in shapes of users", "[run][arrays]") {
    const Scratch run;
    run_config(run, config_with({{"arrays", true}, {"embeddings", true}}), "out");
    const auto arrays = [&](const std::string& name) { return archive(run / ("out/arrays/data." + name + ".npz")); };
    const auto corrected = [&](const std::string& name) {
        return embedding(run / ("out/embeddings/data." + name + ".npy"));
    };
    CHECK(arrays("Uncorrected").arrays.empty());
    CHECK_FALSE(fs::exists(run / "out/gradients"));

    const Archive soft = arrays("Soft");
    REQUIRE(soft.shape("centroids") == Shape{5, n_features});
    REQUIRE(soft.shape("cluster_assignments") == Shape{n_cells, 5});
    arma::rowvec distances(5);
    for (arma::uword k = 0; k < 5; ++k)
        distances[k] = arma::accu(arma::square(corrected("Soft").row(3) - soft("centroids").row(k)));
    const arma::rowvec weights = arma::exp((distances.min() - distances) / 4.0);
    CHECK(largest(soft("cluster_assignments").row(3) - weights / arma::accu(weights)) < 1e-12);

    CHECK(arrays("MMD").shape("latent") == Shape{n_cells, 4});
    const Archive wgan = arrays("WGAN");
    CHECK(wgan.shape("latent") == Shape{n_cells, 4});
    REQUIRE(wgan.shape("critic_scores") == Shape{n_cells});
    const arma::mat scores = wgan("critic_scores");
    CHECK(arma::mean(arma::mean(scores.tail_rows(20))) - arma::mean(arma::mean(scores.head_rows(20))) ==
          Approx(value_of_metric(point_of(run, "WGAN"), "discriminator_loss")).epsilon(1e-10));

    // corrected_i = z_i - sum over k of R_ki W_k,batch of i
    const Archive harmony = arrays("Harmony");
    REQUIRE(harmony.shape("centroids") == Shape{3, n_features});
    REQUIRE(harmony.shape("coefficients") == Shape{6, n_features});
    const arma::mat assignments = harmony("cluster_assignments"), coefficients = harmony("coefficients");
    arma::mat by_hand = corrected("Uncorrected");
    for (arma::uword i = 0; i < n_cells; ++i)
        for (arma::uword k = 0; k < 3; ++k) by_hand.row(i) -= assignments(i, k) * coefficients.row(2 * k + i / 20);
    CHECK(largest(by_hand - corrected("Harmony")) < 1e-12);
    CHECK(largest(by_hand - corrected("Uncorrected")) > 0.1);
    CHECK(largest(harmony("observed").row(1) - arma::sum(assignments.tail_rows(20), 0)) < 1e-9);
    CHECK(largest(harmony("expected") - 0.5 * arma::repmat(arma::sum(assignments, 0), 2, 1)) < 1e-9);

    // centroids are directions: most cells belong to the nearest of theirs, the penalty moves the others
    const arma::mat centroids = harmony("centroids"),
                    along = arma::normalise(corrected("Harmony"), 2, 1) * centroids.t();
    CHECK(largest(arma::sum(arma::square(centroids), 1) - 1.0) < 1e-12);
    const arma::uvec nearest = arma::index_max(along, 1), of_cells = arma::index_max(assignments, 1);
    CHECK(arma::accu(nearest == of_cells) >= n_cells * 9 / 10);

    // corrected = mean + sigma (standardised - location) / root of scale
    const Archive combat = arrays("ComBat");
    REQUIRE(combat.shape("location") == Shape{2, n_features});
    REQUIRE(combat.shape("scale") == Shape{2, n_features});
    const arma::mat cells = corrected("Uncorrected");
    const arma::rowvec mean = arma::mean(cells, 0);
    const arma::rowvec sigma =
        arma::sqrt((arma::var(cells.head_rows(20), 1) + arma::var(cells.tail_rows(20), 1)) / 2.0);
    for (arma::uword i = 0; i < n_cells; ++i) {
        const arma::rowvec moved = (cells.row(i) - mean) / sigma - combat("location").row(i / 20);
        by_hand.row(i) = mean + sigma % moved / arma::sqrt(combat("scale").row(i / 20));
    }
    CHECK(largest(by_hand - corrected("ComBat")) < 1e-10);
    CHECK(arrays("MNN").shape("variance_removed") == Shape{1, 2});
    CHECK(arrays("MNN")("n_pairs")(0, 0) > 0.0);

    const json listed = point_of(run, "WGAN")["outputs"]["arrays"];
    CHECK(listed == json({{"critic_scores", {n_cells}}, {"latent", {n_cells, 4}}}));
    CHECK(contains(contents(run / "out/timings.csv"), "data.WGAN,arrays,0,"));
}

TEST_CASE("outputs.arrays: steps of mnn are rows, batches are columns", "[run][arrays]") {
    const Scratch run;
    json config = config_with({{"arrays", true}, {"projections", false}});
    config["datasets"][0]["params"]["batch_shifts"] = {0, 1, 2};
    config["methods"] = {{{"label", "MNN"},
                          {"type", "mnn"},
                          {"params", {{"n_neighbors", 4}, {"merge_order", "listed"}, {"min_batch_effect", 0}}}}};
    run_config(run, config, "out");
    const Archive steps = archive(run / "out/arrays/data.MNN.npz");
    REQUIRE(steps.shape("variance_removed") == Shape{2, 3});
    const arma::mat removed = steps("variance_removed");
    CHECK(steps("batch_joined")(0, 0) == 1.0);
    CHECK(removed(0, 2) == 0.0);  // the third batch is not there yet
    for (const auto& [step, batch] : {std::pair{0, 0}, {0, 1}, {1, 0}, {1, 1}, {1, 2}})
        CHECK(removed(step, batch) != 0.0);
}

TEST_CASE("outputs.gradients: a network written from the file has its values and its gradients", "[run][arrays]") {
    const Scratch run;
    run_config(run, config_with({{"gradients", true}, {"embeddings", true}}, {{"checks", {"gradient"}}}), "out");
    CHECK_FALSE(fs::exists(run / "out/arrays"));
    CHECK(archive(run / "out/gradients/data.ComBat.npz").arrays.empty());
    const Archive file = archive(run / "out/gradients/data.WGAN.npz");
    REQUIRE(file.shape("batch") == Shape{n_cells});
    REQUIRE(file.shape("input.encoder.layer1.kernel") == Shape{n_features, 8});
    REQUIRE(file.shape("gradient.generator_loss.critic.layer1.kernel") == Shape{4, 3});
    REQUIRE(file.shape("gradient.corrected.decoder.layer3.bias") == Shape{n_features});
    REQUIRE(file.shape("value.generator_loss") == Shape{1});

    const arma::mat cells = file("input.cells");
    const arma::mat latent = network(file, "encoder", cells);
    const arma::mat corrected = network(file, "decoder", latent);
    CHECK(largest(corrected - embedding(run / "out/embeddings/data.WGAN.npy")) < 1e-12);
    CHECK(largest(corrected - file("value.corrected")) < 1e-12);
    CHECK(file("value.generator_loss")(0, 0) == Approx(generator_loss(file, cells)).epsilon(1e-12));

    // by hand: of the sum over kernel[in, out] it is the sum of what comes in, of the mean squared error 2/(n F) h' (y
    // - x)
    const arma::mat into_last = hidden(file, "decoder", latent);
    CHECK(largest(file("gradient.corrected.decoder.layer3.kernel") -
                  arma::repmat(arma::sum(into_last, 0).t(), 1, n_features)) < 1e-10);
    CHECK(largest(file("gradient.corrected.decoder.layer3.bias") - double(n_cells)) < 1e-10);
    CHECK(largest(file("gradient.corrected.critic.layer1.kernel")) == 0.0);
    CHECK(largest(file("gradient.reconstruction_loss.decoder.layer3.kernel") -
                  2.0 / double(n_cells * n_features) * into_last.t() * (corrected - cells)) < 1e-12);
    // through the critic without reversal: what differences say
    arma::mat direction(n_cells, n_features, arma::fill::zeros);
    direction.row(5).fill(1e-6);
    direction.row(31).fill(-2e-6);
    const double difference = generator_loss(file, cells + direction) - generator_loss(file, cells - direction);
    CHECK(2.0 * arma::accu(file("gradient.generator_loss.cells") % direction) == Approx(difference).epsilon(1e-5));

    const json point = point_of(run, "WGAN");
    CHECK(arma::norm(file("gradient.corrected.cells"), "fro") ==
          Approx(value_of_metric(point, "gradient_l2_norm")).epsilon(1e-12));
    CHECK_FALSE(point["outputs"]["gradients"].contains("gradient.mmd_loss.cells"));
    CHECK(point["outputs"]["gradients"]["gradient.generator_loss.cells"] == json({n_cells, n_features}));

    const Archive soft = archive(run / "out/gradients/data.Soft.npz");
    CHECK(soft.shape("gradient.corrected.centroids") == Shape{5, n_features});
    CHECK(largest(soft("gradient.corrected.centroids")) > 0.0);
    // what both ends share moves with the cells: a common shift of all cells and centroids shifts the corrected cells
    const double of_shift =
        arma::accu(soft("gradient.corrected.cells").col(2)) + arma::accu(soft("gradient.corrected.centroids").col(2));
    CHECK(of_shift == Approx(double(n_cells)).epsilon(1e-9));
}

TEST_CASE("gradients are float64 and arrays in the run's precision, a model that is loaded has its own",
          "[run][arrays]") {
    const Scratch run;
    const json train = {{"steps", 5}, {"batch_size", 16}, {"save_model", true}};
    json config = config_with({{"arrays", true}, {"gradients", true}}, {{"precision", "float32"}});
    config["methods"] = {{{"label", "MMD"},
                          {"type", "mmd_autoencoder"},
                          {"params", {{"hidden_dim", 8}, {"latent_dim", 4}}},
                          {"train", train}}};
    run_config(run, config, "out");
    const npy::NamedArrays arrays = npy::read_npz(run / "out/arrays/data.MMD.npz");
    CHECK(std::holds_alternative<std::vector<float>>(arrays.at("latent").values));
    const npy::NamedArrays gradients = npy::read_npz(run / "out/gradients/data.MMD.npz");
    for (const auto& [name, array] : gradients) {
        INFO(name);
        CHECK(std::holds_alternative<std::vector<double>>(array.values) == (name != "batch"));
    }
    // the parameters behind the gradients are those that the model file holds
    const Archive model = archive(run / "out/models/data.MMD.npz");
    CHECK(largest(model("decoder.layer2.kernel") - Archive{gradients}("input.decoder.layer2.kernel")) == 0.0);
    CHECK(gradients.count("gradient.mmd_loss.encoder.layer1.bias") == 1);
}

TEST_CASE("arrays asked for later are computed, and go when they are asked for no more", "[run][arrays]") {
    const Scratch run;
    run_config(run, config_with(json::object()), "out");
    const std::string metrics = contents(run / "out/metrics.csv");
    CHECK_FALSE(fs::exists(run / "out/arrays"));
    CHECK_FALSE(point_of(run, "WGAN")["outputs"].contains("arrays"));

    run_config(run, config_with({{"arrays", true}, {"gradients", true}}), "out");
    CHECK(contents(run / "out/metrics.csv") == metrics);
    const std::string file = run / "out/arrays/data.WGAN.npz", gradients = run / "out/gradients/data.Soft.npz";
    REQUIRE(fs::exists(file));
    REQUIRE(fs::exists(gradients));
    for (const char* method : {"MMD", "WGAN"}) {
        const Archive weights = archive(run / (std::string("out/gradients/data.") + method + ".npz"));
        const Archive written = archive(run / (std::string("out/arrays/data.") + method + ".npz"));
        CHECK(largest(written("latent") - network(weights, "encoder", weights("input.cells"))) < 1e-12);
    }
    const std::string bytes = contents(file), bytes_of_gradients = contents(gradients);
    fs::remove(file);
    run_config(run, config_with({{"arrays", true}, {"gradients", true}}), "out");
    CHECK(contents(file) == bytes);
    fs::remove(gradients);
    run_config(run, config_with({{"arrays", true}, {"gradients", true}}), "out", "--threads 2");
    CHECK(contents(gradients) == bytes_of_gradients);

    run_config(run, config_with({{"arrays", true}}), "out");
    CHECK(fs::exists(file));
    CHECK_FALSE(fs::exists(gradients));
    // with further metrics the corrected cells are there, the arrays are not lost all the same
    run_config(run, config_with({{"arrays", true}, {"embeddings", true}}), "out");
    run_config(run, config_with({{"arrays", true}, {"embeddings", true}}, {{"metrics", {"mean_shift", "type_purity"}}}),
               "out");
    CHECK(contents(file) == bytes);
}

TEST_CASE("plan lists the arrays, and merge carries them along", "[cluster][arrays]") {
    const Scratch run;
    const std::string config =
        run.directory.write("config.json", config_with({{"arrays", true}, {"gradients", true}}).dump());
    const Output plan = run("plan " + config + " --format json");
    CHECK(json::parse(plan.out.substr(0, plan.out.find('\n')))["outputs"] ==
          json({"points/data.Uncorrected.json", "arrays/data.Uncorrected.npz", "gradients/data.Uncorrected.npz"}));
    REQUIRE(run("run " + config + " --quiet --out " + run / "whole").code == 0);
    for (const char* shard : {"1", "2"}) {
        REQUIRE(run("run " + config + " --quiet --shard " + shard + "/2 --out " + run / shard).code == 0);
    }
    const std::string merge = "merge " + run / "1" + " " + run / "2" + " --quiet --out " + run / "merged";
    REQUIRE(run(merge).code == 0);
    CHECK(result_bytes(run / "merged") == result_bytes(run / "whole"));
    fs::remove_all(run / "merged");
    fs::remove(run / "2/gradients/data.WGAN.npz");
    fs::remove(run / "1/gradients/data.WGAN.npz");
    CHECK(contains(run(merge).err, "missing: data.WGAN\n"));
}

TEST_CASE("gradcheck --save leaves what another program needs to repeat it", "[gradcheck][cli][arrays]") {
    const Scratch run;
    const std::string config = run.directory.write("config.json", config_with(json::object()).dump());
    const Output output = run("gradcheck " + config + " --save " + run / "saved");
    INFO(output.out << output.err);
    REQUIRE(output.code == 0);
    CHECK(contains(output.out, "kernel[in,out]"));
    CHECK_FALSE(fs::exists(run / "saved/data.ComBat.npz"));
    const Archive file = archive(run / "saved/data.MMD.npz");
    REQUIRE(file.shape("adjoint.corrected") == Shape{n_cells, n_features});
    const arma::mat adjoint = file("adjoint.corrected");
    CHECK(std::abs(arma::mean(arma::vectorise(adjoint))) < 0.3);
    CHECK(arma::stddev(arma::vectorise(adjoint)) == Approx(1.0).margin(0.2));
    const arma::mat into_last = hidden(file, "decoder", network(file, "encoder", file("input.cells")));
    CHECK(largest(file("adjoint_gradient.corrected.decoder.layer3.kernel") - into_last.t() * adjoint) < 1e-10);
    CHECK(largest(file("adjoint_gradient.mmd_loss.cells") -
                  file("adjoint.mmd_loss")(0, 0) * file("gradient.mmd_loss.cells")) < 1e-14);
    CHECK(run("gradcheck " + config + " --steps --save " + run / "saved").code == 2);

    // an entry has the place in the table that it has in the file
    json many = config_with(json::object());
    many["methods"] = {
        {{"label", "Soft"}, {"type", "differentiable_harmony"}, {"params", {{"n_clusters", 50}, {"sigma", 4.0}}}}};
    const Output coarse = run("gradcheck " + run.directory.write("many.json", many.dump()) +
                              " --step 0.03 --coordinates 400 --save " + run / "saved");
    CHECK(coarse.code == 1);
    const std::size_t at = coarse.out.find("centroids[");
    INFO(coarse.out);
    REQUIRE(at != std::string::npos);
    unsigned cluster = 0, feature = 0;
    double analytic = 0.0;
    REQUIRE(std::sscanf(coarse.out.c_str() + at, "centroids[%u,%u] %lf", &cluster, &feature, &analytic) == 3);
    REQUIRE(feature < n_features);
    CHECK(archive(run / "saved/data.Soft.npz")("adjoint_gradient.corrected.centroids")(cluster, feature) ==
          Approx(analytic).epsilon(1e-6));
}
