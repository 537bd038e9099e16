// What validate passes does not fail for a reason that the config could have told.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "engine/core/random.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/execute.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using nlohmann::json;

namespace {

Plan plan_of(const json& config) {
    return Plan(make_config(OrderedJson::parse(config.dump()), "config.json", catalog()), catalog());
}

std::vector<std::string> faults_of(const json& config) {
    std::vector<std::string> texts;
    for (const Fault& fault : plan_of(config).contradictions()) texts.push_back(fault.pointer + ": " + fault.message);
    return texts;
}

json config_of(const json& data, const json& method) {
    return {{"schema_version", 1},
            {"name", "rules"},
            {"datasets", {{{"label", "data"}, {"type", "gaussian_batches"}, {"params", data}}}},
            {"methods", {method}},
            {"metrics", {"mean_shift"}}};
}

json trained(const std::string& type, const json& train) { return {{"label", "M"}, {"type", type}, {"train", train}}; }

// Draws from a fixed stream of random words.
class Draws {
  public:
    explicit Draws(std::uint64_t seed) : key_(make_key(seed)) {}
    std::uint32_t below(std::uint32_t n) { return random_word(key_, next_++) % n; }
    template <class T>
    T one_of(std::initializer_list<T> values) {
        return *(values.begin() + below(static_cast<std::uint32_t>(values.size())));
    }

  private:
    Key key_;
    std::uint32_t next_ = 0;
};

json random_config(std::uint64_t seed) {
    Draws draws(seed);
    json data = {{"n_cells_per_batch", draws.one_of<json>({4, 7, 12, json{5, 9}, json{1, 8}, json{6, 6, 6}})},
                 {"n_types", draws.one_of({1, 2, 5, 9})},
                 {"n_features", draws.one_of({1, 4, 8})},
                 {"batch_shifts", draws.one_of<json>({json{0}, json{0, 3}, json{0, 1, 2}})}};
    const std::string type =
        draws.one_of<std::string>({"uncorrected", "differentiable_harmony", "mmd_autoencoder", "wgan_autoencoder"});
    json method = {{"label", "M"}, {"type", type}, {"params", json::object()}};
    if (type == "differentiable_harmony") method["params"] = {{"n_clusters", draws.one_of({1, 3, 50})}};
    if (type.ends_with("autoencoder")) method["params"] = {{"hidden_dim", 4}, {"latent_dim", 2}};
    if (type == "uncorrected" || draws.below(4) == 0) return config_of(data, method);
    json train = {{"steps", draws.one_of({1, 3, 6})}, {"trace_every", 2}, {"learning_rate", 1e-3}};
    if (draws.below(2) == 0) train["warmup_steps"] = draws.one_of({0, 2, 5});
    if (draws.below(2) == 0) train["batch_size"] = draws.one_of({2, 6, 11, 30});
    if (draws.below(2) == 0) train["holdout_fraction"] = draws.one_of({0.0, 0.2, 0.6, 0.99});
    if (draws.below(2) == 0) train["early_stopping"] = draws.one_of({"none", "training", "holdout"});
    if (type.ends_with("autoencoder") && draws.below(2) == 0) train["reference_batch"] = draws.below(4);
    if (type != "wgan_autoencoder" && draws.below(3) == 0) train["estimator"] = "unbiased";
    method["train"] = train;
    return config_of(data, method);
}

}  // namespace

TEST_CASE("rules across parameters are asked before a run, at their place", "[plan]") {
    const json plain = {{"label", "U"}, {"type", "uncorrected"}};
    CHECK(faults_of(config_of({{"n_types", 50}}, plain)) ==
          std::vector<std::string>{
              "/datasets/0/params: n_features is 30, must be at least n_types (50): each type needs a feature"});
    CHECK(faults_of(config_of({{"n_cells_per_batch", {5, 6, 7}}}, plain)) ==
          std::vector<std::string>{"/datasets/0/params/n_cells_per_batch: has 3 numbers, must be one number or one per "
                                   "entry of batch_shifts (2)"});
    CHECK(faults_of(config_of(json::object(), trained("mmd_autoencoder", {{"steps", 5}, {"warmup_steps", 6}}))) ==
          std::vector<std::string>{"/methods/0/train/warmup_steps: is 6, must be between 0 and steps (5)"});
    CHECK(faults_of(config_of(json::object(), trained("wgan_autoencoder", {{"early_stopping", "holdout"}}))) ==
          std::vector<std::string>{
              "/methods/0/train: holdout_fraction is 0, must be greater than 0 where early_stopping is holdout"});
    CHECK(faults_of(config_of({{"batch_shifts", {0}}}, trained("wgan_autoencoder", json::object()))) ==
          std::vector<std::string>{"/methods/0/train: needs at least two batches, the dataset has one"});
    CHECK(faults_of(config_of(json::object(), trained("mmd_autoencoder", {{"batch_size", 101}}))) ==
          std::vector<std::string>{
              "/methods/0/train/batch_size: is 101, must be at most the 100 cells there are to train on"});
}

TEST_CASE("a sweep is faulty where its values are, unless these points are excluded", "[plan]") {
    json method = trained("mmd_autoencoder", {{"steps", 5}});
    method["sweep"] = {{"grid", {{"train.warmup_steps", {0, 6, 7}}}}};
    json config = config_of(json::object(), method);
    CHECK(faults_of(config) ==
          std::vector<std::string>{"/methods/0/sweep: warmup_steps is 6, must be between 0 and steps "
                                   "(5) (2 of the points)"});
    config["exclude"] = {{{"match", "*warmup_steps=[67]"}, {"reason", "longer than the training"}}};
    CHECK(faults_of(config).empty());
}

TEST_CASE("validate, plan and run refuse what could only fail", "[cli]") {
    const Scratch run;
    const std::string config =
        run.directory.write("c.json", config_of({{"n_types", 50}}, {{"label", "U"}, {"type", "uncorrected"}}).dump());
    for (const char* command : {"validate ", "plan ", "run "}) {
        const Output output = run(command + config);
        CHECK(output.code == 2);
        CHECK(contains(output.err, "/datasets/0/params: n_features is 30, must be at least n_types (50)"));
    }
}

TEST_CASE("random configs that pass do not fail for an avoidable reason", "[plan][property]") {
    std::size_t n_passed = 0;
    std::size_t n_refused = 0;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        const json config = random_config(seed);
        const Plan plan = plan_of(config);
        if (!plan.contradictions().empty()) {
            ++n_refused;
            continue;
        }
        ++n_passed;
        DatasetCache cache(plan.config());
        const PointRecord record = execute(plan.at(0), plan.config(), *cache.load(plan.at(0))).record;
        INFO(config.dump());
        INFO(record.reason);
        // what only the numbers can tell is no fault of the config: too few distinct cells for a median distance
        if (record.status == PointStatus::failed) CHECK(contains(record.reason, "the median distance"));
    }
    CHECK(n_passed > 60);
    CHECK(n_refused > 60);
}
