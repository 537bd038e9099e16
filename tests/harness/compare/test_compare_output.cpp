// bcbench compare: the report as text, JSON, CSV and Markdown.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "experiments/compare/compare.hpp"
#include "experiments/compare/output.hpp"
#include "experiments/text/table.hpp"
#include "tests/support/stored_results.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using nlohmann::json;

TEST_CASE("the report in four formats: only what changed, most alarming first", "[compare]") {
    const CompareReport report =
        compared(row("p", "x", "0.5") + row("p|<b>", "y", "1") + row("q", "x", "0.5") + row("r", "x", "2"),
                 row("p", "x", "0.6") + row("p|<b>", "y", "0.5") + row("q", "x", "0.5"));
    const std::string text = compare_output(report, {}, {"text", false, false});
    CHECK(text.find("worse") < text.find("missing"));
    CHECK(text.find("missing") < text.find("better"));
    CHECK(text.find("4 values: 1 worse, 1 missing, 1 better, 1 same") != std::string::npos);
    CHECK(text.find(" q ") == std::string::npos);
    CHECK(text.find('\033') == std::string::npos);
    CHECK(compare_output(report, {}, {"text", true, false}).find(" q ") != std::string::npos);
    CHECK(compare_output(report, {}, {"text", false, true}).find("\033[31m  worse") != std::string::npos);

    const std::string markdown = compare_output(report, {}, {"md", false, false});
    CHECK(markdown.find("p\\|&lt;b\\>") != std::string::npos);
    CHECK(markdown.find("<b>") == std::string::npos);

    const json parsed = json::parse(compare_output(report, {}, {"json", false, false}));
    CHECK(parsed["verdict"] == "regression");
    CHECK(parsed["exit_code"] == 1);
    CHECK(parsed["counts"]["worse"] == 1);
    REQUIRE(parsed["values"].size() == 3);
    CHECK(parsed["values"][0]["point"] == "p|<b>");
    CHECK(parsed["values"][0]["difference"] == -0.5);
    CHECK(parsed["values"][0]["relative"] == -0.5);

    const std::string csv = compare_output(report, {}, {"csv", false, false});
    CHECK(csv.find("value,worse,p|<b>,y,higher,1,0.5,-0.5,,,,,false\n") != std::string::npos);
    CHECK_THROWS_AS(compare_output(report, {}, {"xml", false, false}), std::invalid_argument);
}

TEST_CASE("a pull request gets a summary of bounded length", "[compare]") {
    std::string base, candidate;
    for (int i = 0; i < 500; ++i) {
        base += row("p" + std::to_string(i), "x", "1");
        candidate += row("p" + std::to_string(i), "x", "0.5");
    }
    const CompareReport report = compared(base, candidate);
    const std::string markdown = compare_output(report, {}, {"md", false, false});
    CHECK(markdown.find("and 470 more") != std::string::npos);
    CHECK(markdown.size() < 4000);
    CHECK(compare_output(report, {}, {"md", true, false}).size() > 10000);
}

TEST_CASE("notes and reasons without end leave a summary that fits a pull request", "[compare]") {
    std::string base, candidate, times = "point,stage,repeat,seconds,peak_rss_bytes\n";
    json problems = json::array();
    for (int i = 0; i < 3000; ++i) {
        const std::string id = "d." + std::string(400, '<') + std::to_string(i);
        base += row(id, "x", "1") + row(id + ".seed=0", "y", "1") + row(id + ".seed=1", "y", "2") +
                row(id + ".seed=2", "y", "3");
        candidate += row(id + ".seed=0", "y", "0") + row(id + ".seed=1", "y", "1") + row(id + ".seed=2", "y", "2");
        times += id + ".seed=0,fit,0,1,1\n";
        problems.push_back({{"point", id}, {"status", "failed"}, {"reason", std::string(500, '\x1b')}});
    }
    StoredResults a = results(base, times), b = results(candidate, times, json{{"problems", problems}}.dump());
    for (int i = 0; i < 3000; ++i)
        b.notes.push_back("points/" + std::to_string(i) + std::string(500, '<') + " is no record of a point");
    const CompareReport report = compare_results(a, b, {});
    const std::string markdown = compare_output(report, {}, {"md", false, false});
    CHECK(markdown.size() < 65'536);
    CHECK(markdown.find("and 2990 more notes") != std::string::npos);
    CHECK(markdown.find("newly failing") != std::string::npos);
    CHECK(markdown.find('\x1b') == std::string::npos);
}

TEST_CASE("what foreign files hold does not reach the terminal as it is", "[compare]") {
    const std::string trap = "two\nlines \x1b[31m\x9b 1m\r\n";
    const json manifest = {
        {"name", "x"},
        {"program", {{"git_commit", "\x1b[2J"}}},
        {"problems", {{{"point", "q"}, {"status", "failed"}, {"reason", "two\nlines \x1b[31m\u009b1m\r\n\n\n\n"}}}}};
    StoredResults candidate = results(row("p", "x", "1"), "", manifest.dump());
    candidate.notes.push_back(trap);
    const CompareReport report = compare_results(results(row("p", "x", "1") + row("q", "x", "1")), candidate, {});
    const std::string plain = compare_output(report, {}, {"text", true, false});
    CHECK(plain.find('\x1b') == std::string::npos);
    CHECK(plain.find('\r') == std::string::npos);
    CHECK(plain.find("\u009b") == std::string::npos);
    CHECK(plain.find("note: results: two lines \\x1b[31m\\x9b 1m") != std::string::npos);
    // one line a row: each has the colour of its change
    const std::string colored = compare_output(report, {}, {"text", true, true});
    CHECK(colored.find("\033[31m  newly failing") != std::string::npos);
    CHECK(std::count(colored.begin(), colored.end(), '\n') == std::count(plain.begin(), plain.end(), '\n'));
    CHECK(colored.find("two lines") != std::string::npos);
}

TEST_CASE("values that decide together are counted as what they decide", "[compare]") {
    std::string base, candidate;
    const std::vector<std::string> before = {"0.50", "0.52", "0.48", "0.51", "0.49"};
    const std::vector<std::string> after = {"0.70", "0.71", "0.69", "0.70", "0.485"};
    for (std::size_t s = 0; s < before.size(); ++s) {
        base += row("d.M.seed=" + std::to_string(s), "x", before[s]);
        candidate += row("d.M.seed=" + std::to_string(s), "x", after[s]);
    }
    const CompareReport report = compared(base + row("d.U", "x", "1"), candidate + row("d.U", "x", "1"));
    REQUIRE(report.seeds.size() == 1);
    CHECK(report.seeds[0].change == Change::better);
    CHECK(report.exit_code() == 0);
    CHECK(counts_text(report) == "6 values: 5 better, 1 same");
    CHECK(compare_output(report, {}, {"md", false, false}).find("6 values: 5 better, 1 same") != std::string::npos);
    const json parsed = json::parse(compare_output(report, {}, {"json", false, false}));
    CHECK(parsed["counts"]["better"] == 5);
    CHECK(parsed["counts"]["worse"] == 0);
    const std::string csv = compare_output(report, {}, {"csv", true, false});
    CHECK(csv.substr(0, csv.find('\n')).ends_with(",reason,decided_over_seeds"));
    CHECK(csv.find("value,worse,d.M.seed=4,x,higher,0.49,0.485,-0.0050000000000000044,,,,,true\n") !=
          std::string::npos);
    CHECK(csv.find("value,same,d.U,x,higher,1,1,0,,,,,false\n") != std::string::npos);
}

TEST_CASE("long text keeps its ends and whole characters", "[compare]") {
    CHECK(without_middle("short", 5) == "short");
    CHECK(without_middle("abcdefghij", 4) == "ab…ij");
    CHECK(without_middle("äääääää", 6) == "ä…ä");
    CHECK(one_line("a\tb\nc\xff") == "a\\x09b c\\xff");
}
