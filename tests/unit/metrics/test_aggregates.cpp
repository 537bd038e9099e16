#include "engine/metrics/aggregates.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/support/graph_metric_cases.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using aggregates::Member;

namespace {

/// The golden file calls two metrics otherwise.
std::string name_in_file(const std::string& name) {
    if (name == "nmi_kmeans") return "kmeans_nmi";
    return name == "ari_kmeans" ? "kmeans_ari" : name;
}

std::vector<Member> members(const std::vector<std::string>& names, const nlohmann::json& values) {
    std::vector<Member> made;
    for (const std::string& name : names) {
        const nlohmann::json& value = values.at(name_in_file(name));
        made.push_back({name, value.is_null() ? std::nullopt : std::optional<double>(value.get<double>())});
    }
    return made;
}

}  // namespace

TEST_CASE("aggregates have the golden values", "[metrics][aggregates][golden]") {
    std::size_t complete = 0;
    for (const auto& entry : golden_metrics()["cases"].items()) {
        const nlohmann::json& values = entry.value()["values"];
        const std::vector<Member> batch = members(aggregates::scib_batch_correction, values);
        const std::vector<Member> bio = members(aggregates::scib_bio_conservation, values);
        const aggregates::Aggregates all = aggregates::aggregate(batch, bio);
        if (!all.total.value) continue;
        ++complete;
        INFO(entry.key());
        CHECK(std::abs(*all.batch_correction.value - values["batch"].get<double>()) <= 1e-9);
        CHECK(std::abs(*all.bio_conservation.value - values["bio"].get<double>()) <= 1e-9);
        CHECK(std::abs(*all.total.value - values["total"].get<double>()) <= 1e-9);
    }
    CHECK(complete >= 7);
}

TEST_CASE("an aggregate with a missing member is incomplete", "[metrics][aggregates]") {
    const std::vector<Member> whole = {{"a", 0.2}, {"b", 0.6}};
    const std::vector<Member> part = {{"c", 0.5}, {"d", std::nullopt}, {"e", std::nullopt}};
    const aggregates::Aggregates all = aggregates::aggregate(whole, part);
    CHECK(*all.batch_correction.value == Approx(0.4));
    CHECK_FALSE(all.bio_conservation.value);
    CHECK(all.bio_conservation.reason == "incomplete without d, e");
    CHECK(all.total.reason == "incomplete without d, e");
    CHECK_FALSE(all.total.value);
    CHECK(aggregates::aggregate(part, part).total.reason == "incomplete without d, e; incomplete without d, e");
    CHECK(*aggregates::aggregate(whole, {{"c", 1.0}}, {0.25}).total.value == Approx(0.25 + 0.75 * 0.4));
    CHECK_THROWS_AS(aggregates::aggregate(whole, whole, {1.5}), std::invalid_argument);
    CHECK_THROWS_AS(aggregates::mean_of({}), std::invalid_argument);
}
