#include <catch2/catch.hpp>
#include <ctime>
#include <set>

#include "experiments/plan/plan.hpp"
#include "tests/support/small_catalog.hpp"

using namespace bcbench;
using namespace bcbench::test;

namespace {

Plan plan_of(const OrderedJson& json) { return Plan(config_from(json), small_catalog()); }

std::vector<std::string> ids(const Plan& plan) {
    std::vector<std::string> list;
    for (std::uint64_t i = 0; i < plan.size(); ++i) {
        list.push_back(plan.at(i).id);
        CHECK(plan.id_at(i) == list.back());
    }
    return list;
}

// The ids of the small config's second method with a sweep of its own.
std::vector<std::string> ids_of_sweep(const std::string& sweep) {
    OrderedJson json = changed("/methods/1/sweep", sweep);
    json["methods"].erase(0);
    json["methods"][0].erase("params");
    json["methods"][0]["train"] = OrderedJson::object();
    return ids(plan_of(json));
}

OrderedJson million() {
    OrderedJson json = small_config();
    json["methods"][1].erase("params");
    for (int i = 1; i <= 1000; ++i) {
        json["methods"][1]["sweep"]["grid"]["n_clusters"].push_back(i);
        json["methods"][1]["sweep"]["grid"]["n_iterations"].push_back(i);
    }
    json["methods"].erase(0);
    return json;
}

}  // namespace

TEST_CASE("plan: every dataset meets every method", "[plan]") {
    OrderedJson json = small_config();
    json["datasets"].push_back({{"label", "other"}, {"type", "blobs"}});
    CHECK(ids(plan_of(json)) ==
          std::vector<std::string>{"two_batch.Uncorrected", "two_batch.Harmony", "other.Uncorrected", "other.Harmony"});
}

TEST_CASE("plan: a point carries every resolved value", "[plan]") {
    OrderedJson json = changed("/methods/1/sweep", R"({"grid": {"sigma": [1], "train.steps": [100]}})");
    json["methods"][1]["train"] = {{"learning_rate", 1}};
    json["methods"][1]["params"]["kernel_bandwidth"] = 1;  // the default, so not notable
    json["datasets"][0]["sweep"]["grid"]["noise_sd"] = {1};
    json["datasets"][0]["params"]["n_cells"] = 60;
    json["precision"] = "tf32";
    const Point point = plan_of(json).at(1);
    CHECK(point.id == "two_batch.noise_sd=1.Harmony.sigma=1.train.steps=100");
    CHECK(point.dataset_id == "two_batch.noise_sd=1");
    CHECK(point.dataset_label == "two_batch");
    CHECK(point.dataset_type == "blobs");
    CHECK(point.dataset_seed == 42);
    CHECK(point.dataset_params.dump() == R"({"n_cells":60,"noise_sd":1.0,"shape":"round","shifts":[0.0,3.0]})");
    CHECK(point.method_label == "Harmony");
    CHECK(point.method_type == "clusters");
    CHECK(point.method_seed == 0);
    CHECK(point.method_params.dump() ==
          R"({"kernel_bandwidth":1.0,"masked":false,"max_steps":null,"n_clusters":20,"n_iterations":10,"sigma":1.0})");
    CHECK(point.train.dump() == R"({"learning_rate":1.0,"steps":100})");
    CHECK(point.params ==
          R"({"dataset.noise_sd":1,"n_clusters":20,"sigma":1,"train.learning_rate":1,"train.steps":100})");
    CHECK(point.precision == "tf32");
    CHECK_FALSE(point.excluded_reason);
    CHECK(plan_of(json).at(0).train.is_null());
    CHECK(plan_of(json).at(0).params == R"({"dataset.noise_sd":1})");
}

TEST_CASE("plan: grids vary the last key fastest, in the order written", "[plan][sweep]") {
    CHECK(ids_of_sweep(R"({"grid": {"n_iterations": [1, 5], "kernel_bandwidth": [0.1, 0.5, 1.0, 5]}})") ==
          std::vector<std::string>{"two_batch.Harmony.n_iterations=1.kernel_bandwidth=0.1",
                                   "two_batch.Harmony.n_iterations=1.kernel_bandwidth=0.5",
                                   "two_batch.Harmony.n_iterations=1.kernel_bandwidth=1",
                                   "two_batch.Harmony.n_iterations=1.kernel_bandwidth=5",
                                   "two_batch.Harmony.n_iterations=5.kernel_bandwidth=0.1",
                                   "two_batch.Harmony.n_iterations=5.kernel_bandwidth=0.5",
                                   "two_batch.Harmony.n_iterations=5.kernel_bandwidth=1",
                                   "two_batch.Harmony.n_iterations=5.kernel_bandwidth=5"});
}

TEST_CASE("plan: zips go in step, several kinds multiply, lists follow each other", "[plan][sweep]") {
    CHECK(
        ids_of_sweep(R"({"zip": {"sigma": [1, 2], "max_steps": [null, 3]}})") ==
        std::vector<std::string>{"two_batch.Harmony.sigma=1.max_steps=null", "two_batch.Harmony.sigma=2.max_steps=3"});
    CHECK(ids_of_sweep(R"([{"zip": {"sigma": [1, [2, 3]]}, "grid": {"masked": [true, false]}},
                           {"grid": {"train.learning_rate": [1e-7]}}])") ==
          std::vector<std::string>{"two_batch.Harmony.sigma=1.masked=true", "two_batch.Harmony.sigma=1.masked=false",
                                   "two_batch.Harmony.sigma=[2,3].masked=true",
                                   "two_batch.Harmony.sigma=[2,3].masked=false",
                                   "two_batch.Harmony.train.learning_rate=1e-07"});
}

TEST_CASE("plan: seeds are an axis of their own, the fastest", "[plan]") {
    OrderedJson json = changed("/methods/0/seeds", "[3, 1]");
    json["methods"].erase(1);
    json["datasets"][0]["seeds"] = {7, 8};
    json["datasets"][0]["sweep"]["grid"]["noise_sd"] = {1};
    const Plan plan = plan_of(json);
    CHECK(ids(plan) == std::vector<std::string>{"two_batch.noise_sd=1.seed=7.Uncorrected.seed=3",
                                                "two_batch.noise_sd=1.seed=7.Uncorrected.seed=1",
                                                "two_batch.noise_sd=1.seed=8.Uncorrected.seed=3",
                                                "two_batch.noise_sd=1.seed=8.Uncorrected.seed=1"});
    CHECK(plan.at(2).dataset_seed == 8);
    CHECK(plan.at(2).method_seed == 3);
    CHECK(plan.at(2).params == R"({"dataset.noise_sd":1,"dataset.seed":8})");
    json["methods"][0]["seeds"] = {3};  // a list of one may grow: its points keep their ids
    json["datasets"][0]["seeds"] = {8};
    const Plan one = plan_of(json);
    CHECK(ids(one) == std::vector<std::string>{"two_batch.noise_sd=1.seed=8.Uncorrected.seed=3"});
    CHECK(one.at(0).params == plan.at(2).params);
    json["methods"][0].erase("seeds");
    json["methods"][0]["seed"] = 5;
    json["datasets"][0].erase("seeds");
    CHECK(ids(plan_of(json)) == std::vector<std::string>{"two_batch.noise_sd=1.Uncorrected"});
}

TEST_CASE("plan: an id is a function of the point alone", "[plan]") {
    OrderedJson json = changed("/methods/1/sweep", R"({"grid": {"sigma": [1, 2]}, "random":
        {"n": 5, "seed": 3, "params": {"kernel_bandwidth": {"log_uniform": [0.1, 10]}}}})");
    const std::vector<std::string> before = ids(plan_of(json));
    std::swap(json["methods"][0], json["methods"][1]);
    json["methods"].insert(json["methods"].begin(), OrderedJson{{"label", "new"}, {"type", "clusters"}});
    json["datasets"].insert(json["datasets"].begin(),
                            OrderedJson{{"label", "new"}, {"type", "blobs"}, {"seeds", {1, 2}}});
    json["methods"][1]["sweep"]["grid"]["sigma"] = {2, 7, 1};
    json["methods"][1]["sweep"]["random"]["n"] = 9;
    const std::vector<std::string> list = ids(plan_of(json));
    const std::set<std::string> after(list.begin(), list.end());
    CHECK(after.size() == list.size());
    for (const std::string& id : before) CHECK(after.count(id) == 1);
}

TEST_CASE("plan: texts in ids are encoded, long ids are cut and stay distinct", "[plan]") {
    OrderedJson json = small_config();
    json["datasets"][0] = {{"label", "d"}, {"type", "file"}};
    json["datasets"][0]["sweep"]["grid"]["path"] = {"a/b.csv", std::string(300, 'x') + "1",
                                                    std::string(300, 'x') + "2"};
    json["methods"].erase(1);
    const std::vector<std::string> list = ids(plan_of(json));
    CHECK(list[0] == "d.path=a%2Fb.csv.Uncorrected");
    CHECK(list[1].size() == 180 + 1 + 16);
    CHECK(list[1].substr(0, 181) == "d.path=" + std::string(173, 'x') + "~");
    CHECK(list[1].substr(0, 181) == list[2].substr(0, 181));
    CHECK(list[1] != list[2]);
    CHECK(bounded_id(std::string(200, 'x')) == std::string(200, 'x'));
    std::string umlauts = "x";
    while (umlauts.size() < 300) umlauts += "ü";
    CHECK(bounded_id(umlauts).substr(179, 1) == "~");  // byte 180 would cut a character
}

TEST_CASE("plan: whole numbers written as floats are integers", "[plan][sweep]") {
    CHECK(ids_of_sweep(R"({"grid": {"n_clusters": [20.0, 4e9, 7], "max_steps": [3.0, null]}})")[0] ==
          "two_batch.Harmony.n_clusters=20.max_steps=3");
    CHECK(ids_of_sweep(R"({"random": {"n": 9.0, "params": {"n_clusters": {"integer": [5.0, 5.0]}}}})") ==
          std::vector<std::string>{"two_batch.Harmony.n_clusters=5"});
    OrderedJson json = changed("/methods/1/params", R"({"n_clusters": 30.0})");
    json["datasets"][0]["params"]["n_cells"] = {60.0, 1e2};
    json["methods"][1]["seed"] = 4.0;
    const Point point = plan_of(json).at(1);
    CHECK(point.params == R"({"n_clusters":30})");
    CHECK(point.method_params.at("n_clusters").is_number_integer());
    CHECK(point.dataset_params.at("n_cells").dump() == "[60,100]");
    CHECK(point.method_seed == 4);
}

TEST_CASE("plan: excluded points stay in the plan with their reason", "[plan]") {
    const Plan plan =
        plan_of(changed("/exclude", R"([{"match": "*.Harm?ny", "reason": "slow"}, {"match": "*", "reason": "b"}])"));
    CHECK(plan.at(0).excluded_reason.value() == "b");
    CHECK(plan.at(1).excluded_reason.value() == "slow");
    CHECK(plan.notes().empty());
    CHECK(plan_of(changed("/exclude", R"([{"match": "*", "reason": "a"}, {"match": "*Harmny", "reason": "b"}])"))
              .notes() == std::vector<std::string>{"/exclude/1/match: \"*Harmny\" matches no point"});
}

TEST_CASE("plan: patterns select points", "[plan]") {
    const std::string id = "two_batch.Harmony.sigma=[1,2]";
    CHECK(selects("*Harmony*", id));
    CHECK(selects("x,*.Harmony*", id));
    CHECK(selects(id, id));  // an id as printed, whatever characters it holds
    CHECK(selects("two_[a-c]atch*", id));
    CHECK_FALSE(selects("Harmony", id));
    CHECK_FALSE(selects("", id));
    CHECK_FALSE(selects("x,y", id));
    for (const char* pattern :
         {"*sigma=\\[1,2\\]", "*sigma=[[]1[,]2]", "*sigma=?1\\,2?", "x,*sigma=\\[1,*\\],y", "x[,two*"}) {
        INFO(pattern);
        CHECK(selects(pattern, id));
    }
    CHECK_FALSE(selects("x,*sigma=\\[1,3\\]", id));
}

TEST_CASE("plan: equal ids are found and both entries named", "[plan]") {
    CHECK(plan_of(small_config()).duplicates().empty());
    const auto repeated = plan_of(changed("/methods/1/sweep", R"({"grid": {"sigma": [1, 2, 1.0]}})")).duplicates();
    REQUIRE(repeated.size() == 1);
    CHECK(repeated[0].pointer == "/methods/1");
    CHECK(repeated[0].message == "gives the point \"two_batch.Harmony.sigma=1\" twice; remove the repeated value");

    OrderedJson json = changed("/methods/1/sweep", R"({"grid": {"sigma": [1]}})");
    json["methods"][0]["label"] = "Harmony.sigma=1";
    const auto labels = plan_of(json).duplicates();
    REQUIRE(labels.size() == 1);
    CHECK(labels[0].pointer == "/methods/1");
    CHECK(labels[0].message.find("and so does /methods/0") != std::string::npos);

    json = small_config();
    json["methods"][0]["label"] = "b.c";
    json["methods"][1]["label"] = "c";
    json["datasets"][0]["label"] = "a";
    json["datasets"].push_back({{"label", "a.b"}, {"type", "blobs"}});
    const auto dotted = plan_of(json).duplicates();
    REQUIRE(dotted.size() == 1);
    CHECK(dotted[0].pointer == "/datasets/1");
    CHECK(dotted[0].message.find(
              "with /methods/1 gives the point id \"a.b.c\", and so does /datasets/0 with /methods/0") == 0);
}

TEST_CASE("plan: any number of points costs nothing until they are asked for", "[plan]") {
    const Plan plan = plan_of(million());
    CHECK(plan.size() == 1'000'000);
    CHECK(plan.at(0).id == "two_batch.Harmony.n_clusters=1.n_iterations=1");
    CHECK(plan.at(999'999).id == "two_batch.Harmony.n_clusters=1000.n_iterations=1000");
    CHECK(plan.id_at(123'456) == "two_batch.Harmony.n_clusters=124.n_iterations=457");

    OrderedJson json = million();  // a thousand million million points: unrolling them would never end
    OrderedJson& grid = json["methods"][0]["sweep"]["grid"];
    for (const char* name : {"sigma", "kernel_bandwidth", "max_steps"}) grid[name] = grid["n_clusters"];
    const std::clock_t start = std::clock();  // processor time: a busy machine does not matter
    const Plan large = plan_of(json);
    CHECK(large.size() == 1'000'000'000'000'000);
    CHECK(large.at(large.size() - 1).params ==
          R"({"kernel_bandwidth":1000,"max_steps":1000,"n_clusters":1000,"n_iterations":1000,"sigma":1000})");
    CHECK(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC < 2);
}

TEST_CASE("plan: a million ids are searched for repetitions", "[plan][slow]") {
    OrderedJson json = million();
    CHECK(plan_of(json).duplicates().empty());
    json["methods"][0]["sweep"]["grid"]["n_clusters"].push_back(1);
    CHECK(plan_of(json).duplicates().size() == 1);
}

TEST_CASE("plan: more points than one run takes are said to be", "[plan]") {
    OrderedJson json = million();
    json["methods"][0]["sweep"]["grid"]["sigma"] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    CHECK(plan_of(json).notes() ==
          std::vector<std::string>{"11000000 points, of which one run takes at most 10000000"});
    CHECK(plan_of(json).duplicates().empty());
}
