// bcbench compare --history: the course of a metric, and the run where it changed.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "experiments/compare/history.hpp"
#include "tests/support/stored_results.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using nlohmann::json;

namespace {

json manifest(std::size_t run) {
    const std::string number = std::to_string(run);
    return {{"name", "e"},
            {"started", "2026-01-0" + number},
            {"finished", "now"},
            {"status", "complete"},
            {"program", {{"git_commit", "commit" + number}, {"git_dirty", run == 2}}},
            {"config", {{"tolerances", {{"x", {{"relative", 0.05}}}}}}}};
}

// Where the value of x turns, run by run; an empty value is a run without the point.
std::vector<std::pair<std::size_t, std::string>> turns(const std::vector<std::string>& rows) {
    std::vector<StoredResults> runs;
    for (std::size_t i = 0; i < rows.size(); ++i)
        runs.push_back(results(rows[i] + row("other", "x", "1"), "", manifest(i).dump()));
    const auto history = make_history(std::move(runs), "p");
    REQUIRE(history.size() == 1);
    REQUIRE(history[0].series.size() == 1);
    std::vector<std::pair<std::size_t, std::string>> found;
    for (const Turn& turn : history[0].series[0].turns) found.emplace_back(turn.run, name_of(turn.change));
    return found;
}

using Turns = std::vector<std::pair<std::size_t, std::string>>;

}  // namespace

TEST_CASE("history names the run where a metric changed", "[compare]") {
    std::vector<StoredResults> runs;
    const std::vector<std::string> values = {"0.5", "0.5", "0.9", "0.2"};
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::string number = std::to_string(i);
        const std::string manifest = json{{"name", "e"},
                                          {"started", "2026-01-0" + number},
                                          {"finished", "now"},
                                          {"status", "complete"},
                                          {"program", {{"git_commit", "commit" + number}}}}
                                         .dump();
        runs.push_back(
            results(row("p", "x", values[i]) + row("p", "y", "1") + (i == 2 ? "" : row("q", "x", "1")), "", manifest));
    }
    std::swap(runs[0], runs[3]);  // given in any order
    const auto history = make_history(runs, "");
    REQUIRE(history.size() == 1);
    REQUIRE(history[0].series.size() == 3);
    const Series& x = history[0].series[0];
    CHECK(x.turns.size() == 2);
    CHECK(x.turns[0].run == 2);
    CHECK(x.turns[0].change == Change::better);
    CHECK(x.turns[1].run == 3);
    CHECK(x.turns[1].change == Change::worse);
    CHECK(history[0].series[1].turns.empty());
    REQUIRE(history[0].series[2].turns.size() == 2);  // gone and back
    CHECK(history[0].series[2].turns[0].change == Change::missing);
    CHECK(sparkline(x.values) == "▄▄█▁");
    const std::string text = history_output(history, "text", false);
    CHECK(text.find("commit2 (better), commit3 (worse)") != std::string::npos);
    CHECK(text.find(" y ") == std::string::npos);
    const json parsed = json::parse(history_output(history, "json", true));
    CHECK(parsed["experiments"][0]["series"][0]["values"] == json{0.5, 0.5, 0.9, 0.2});
    CHECK(parsed["experiments"][0]["series"][0]["changes"][1]["git_commit"] == "commit3");
    CHECK(history_output(history, "csv", false).find("e,p,x,higher,,commit3,2026-01-03,0.2,worse\n") !=
          std::string::npos);
}

TEST_CASE("history sees what small steps add up to", "[compare]") {
    std::vector<std::string> rows;
    double value = 1.0;
    for (int run = 0; run < 6; ++run, value *= 0.96) rows.push_back(row("p", "x", std::to_string(value)));
    CHECK(turns(rows) == Turns{{2, "worse"}, {4, "worse"}});  // each step of 4 % is within the tolerance of 5 %
    const auto up_and_down = std::vector<std::string>{row("p", "x", "1"), row("p", "x", "0.96"), row("p", "x", "1")};
    CHECK(turns(up_and_down).empty());
}

TEST_CASE("history sees through gaps, and compares what is comparable", "[compare]") {
    const std::string high = row("p", "x", "0.9"), low = row("p", "x", "0.1");
    CHECK(turns({high, "", low}) == Turns{{1, "missing"}, {2, "worse"}});
    CHECK(turns({high, "", "", high}) == Turns{{1, "missing"}, {3, "fixed"}});
    CHECK(turns({"", high, high}).empty());
    CHECK(turns({high, row("p", "x", "nan"), high}) == Turns{{1, "missing"}, {2, "fixed"}});

    std::string single = low;
    single.replace(single.find("float64"), 7, "float32");
    CHECK(turns({high, single, single, high}) == Turns{{1, "not comparable"}, {3, "not comparable"}});
    CHECK(turns({high, row("p", "x", "0.1", "lower")}) == Turns{{1, "not comparable"}});
}

TEST_CASE("history says which runs had changes that are not committed", "[compare]") {
    std::vector<StoredResults> runs;
    for (std::size_t i = 1; i < 3; ++i)
        runs.push_back(results(row("p", "x", std::to_string(i)), "", manifest(i).dump()));
    const auto history = make_history(std::move(runs), "");
    const std::string text = history_output(history, "text", false);
    CHECK(text.find("2 runs: commit1, commit2 with changes\n") != std::string::npos);
    CHECK(text.find("commit2 with changes (better)") != std::string::npos);
    const json parsed = json::parse(history_output(history, "json", false));
    CHECK(parsed["experiments"][0]["runs"][0]["git_dirty"] == false);
    CHECK(parsed["experiments"][0]["runs"][1]["git_dirty"] == true);
}

TEST_CASE("history in a pull request is of bounded length, with nothing foreign in it", "[compare]") {
    std::string before, after;
    for (int i = 0; i < 2000; ++i) {
        const std::string point = "p" + std::to_string(i) + std::string(300, '<');
        before += row(point, "x", "1");
        after += row(point, "x", "0.5");
    }
    std::vector<StoredResults> runs;
    for (int experiment = 0; experiment < 20; ++experiment) {
        const json named = {{"name", "<b>" + std::to_string(experiment)}, {"started", "1"}};
        runs.push_back(results(before, "", named.dump()));
        runs.push_back(results(after, "", named.dump()));
    }
    const auto history = make_history(std::move(runs), "");
    const std::string markdown = history_output(history, "md", false);
    CHECK(markdown.size() < 65'536);
    CHECK(markdown.find("<b>") == std::string::npos);
    CHECK(markdown.find("### &lt;b\\>0, 2 runs") != std::string::npos);
    CHECK(markdown.find(" more experiments") != std::string::npos);
    CHECK(history_output(history, "md", true).size() > 1'000'000);
}
