#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>

#include "experiments/text/fault.hpp"
#include "experiments/text/json_reader.hpp"

using namespace bcbench;

namespace {

std::string refusal(const std::string& text) {
    try {
        parse_json(text, "c.json");
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "accepted";
}

std::string repeated(const std::string& text, std::size_t times) {
    std::string result;
    for (std::size_t i = 0; i < times; ++i) result += text;
    return result;
}

}  // namespace

TEST_CASE("json: valid texts are read as they are, keys in order", "[json]") {
    const OrderedJson json = parse_json(R"({"b": [1, -2, 0.5, 1e3, true, null, "é\u00e9\n"], "a": {}})", "c.json");
    CHECK(json.dump() == R"({"b":[1,-2,0.5,1000.0,true,null,"éé\n"],"a":{}})");
    CHECK(json["b"][0].is_number_integer());
    CHECK(parse_json("\xEF\xBB\xBF[1]", "c.json") == OrderedJson::parse("[1]"));
    CHECK(parse_json(" 7 ", "c.json") == 7);
}

TEST_CASE("json: each kind of fault is refused with line and column", "[json]") {
    CHECK(refusal("{\"a\": 1,\n \"b\": 2,\n  \"a\": 3}") == "c.json:3:3: the key \"a\" stands twice in this object");
    CHECK(refusal("{\"a\": 1,\n \"x\\\"y\": 2, \"x\\\"y\": 3}") ==
          "c.json:2:13: the key \"x\\\"y\" stands twice in this object");
    CHECK(refusal("[1, 2\n") == "c.json:2:1: syntax error while parsing array - unexpected end of input; expected ']'");
    CHECK(refusal("[1] [2]").find("c.json:1:5: ") == 0);
    CHECK(refusal("[1] // no comments").find("c.json:1:5: ") == 0);
    CHECK(refusal("").find("c.json:1:1: ") == 0);
    CHECK(refusal("[\"\xff\"]").find("c.json:1:3: ") == 0);
    CHECK(refusal("[\"\xff\"]").find("UTF-8") != std::string::npos);
    CHECK(refusal("[NaN]").find("c.json:1:2: ") == 0);
    CHECK(refusal("[-Infinity]").find("c.json:1:3: ") == 0);
    CHECK(refusal("[1e999]").find("the number is too large for a double") != std::string::npos);
    CHECK(refusal("[1," + repeated("9", 401) + "]") == "c.json:1:4: the number has 401 characters, allowed are 400");
    CHECK(refusal("[0." + repeated("1", 398) + "]") == "accepted");
    CHECK(refusal(std::string("[1]\0[2]", 7)).find("c.json:1:4: a NUL byte") == 0);
    CHECK(refusal("[\"a\\u0000\"]") == "c.json:1:2: the text holds a NUL character");
    CHECK(refusal("{\"\\u0000\": 1}") == "c.json:1:2: the key holds a NUL character");
    CHECK(refusal("[\"\\ud800\"]").find("c.json:1:9: ") == 0);
    CHECK(refusal("{\"é\": 1, \"é\": 2}").find("c.json:1:10: ") == 0);  // columns count characters, not bytes
}

TEST_CASE("json: nesting up to 64 levels", "[json]") {
    CHECK(refusal(repeated("[", 64) + repeated("]", 64)) == "accepted");
    CHECK(refusal(repeated("[", 65) + repeated("]", 65)) == "c.json:1:65: nested deeper than 64 levels");
    CHECK(refusal(repeated("{\"a\":", 10'000'000 / 5)).find("nested deeper than 64 levels") != std::string::npos);
}

TEST_CASE("json: nesting is found without parsing, brackets in texts are none", "[json]") {
    CHECK_FALSE(is_nested_too_deep(repeated("[", 64) + repeated("]", 64)));
    CHECK(is_nested_too_deep(repeated("[", 65)));
    CHECK(is_nested_too_deep(repeated("[{\"a\":", 33)));
    CHECK_FALSE(is_nested_too_deep(repeated("[]{}", 100)));
    CHECK_FALSE(is_nested_too_deep("\"" + repeated("[\\\"", 100) + "\""));
    CHECK(is_nested_too_deep("\"\\\\\"" + repeated("[", 65)));
    CHECK_FALSE(is_nested_too_deep("\"\\"));
}

TEST_CASE("json: large inputs are refused or read quickly", "[json]") {
    CHECK(refusal(std::string(16 * 1024 * 1024 + 1, ' ')) == "c.json: larger than 16 MB");
    CHECK(refusal(std::string(16 * 1024 * 1024, '7')).find("characters, allowed are 400") != std::string::npos);
    const std::string many_keys = [] {
        std::string text = "{";
        for (int i = 0; i < 300'000; ++i) text += "\"k" + std::to_string(i) + "\":1,";
        return text + "\"k0\":2}";
    }();
    CHECK(refusal(many_keys).find("the key \"k0\" stands twice") != std::string::npos);
    const std::string escapes = "{\"" + repeated("\\\\", 2'000'000) + "\":1,\"" + repeated("\\\\", 2'000'000) + "\":1}";
    CHECK(refusal(escapes).find("c.json:1:4000007: the key") == 0);
}

TEST_CASE("json: files that cannot be read say why", "[json]") {
    const auto message = [](const std::filesystem::path& file) {
        try {
            read_json(file);
        } catch (const ConfigError& error) {
            return std::string(error.what());
        }
        return std::string("read");
    };
    const std::filesystem::path directory = std::filesystem::temp_directory_path();
    CHECK(message(directory / "no_such_config.json") ==
          (directory / "no_such_config.json").string() + ": cannot be opened: No such file or directory");
    CHECK(message(directory) == directory.string() + ": is a directory, must be a JSON file");
    CHECK(message("/dev/zero").find("larger than 16 MB") != std::string::npos);
}

TEST_CASE("json: random bytes and mangled configs never crash", "[json]") {
    const std::string seed_text = R"({"schema_version": 1, "name": "x", "list": [1, 2.5e-3, "a\u00e9", {"k": null}]})";
    std::mt19937_64 random(7);
    std::size_t accepted = 0;
    for (int i = 0; i < 20'000; ++i) {
        std::string text = seed_text;
        if (i % 2 == 0) {
            text.resize(random() % 60);
            for (char& c : text) c = static_cast<char>(random());
        } else {
            const std::string alphabet = "{}[]:,\"\\/ 0123456789.eE+-tfnul\xc3\xa9";
            for (int edits = 0; edits < 1 + i % 3; ++edits)
                text[random() % text.size()] = alphabet[random() % alphabet.size()];
        }
        try {
            const OrderedJson json = parse_json(text, "f");
            CHECK(parse_json(json.dump(), "f") == json);
            ++accepted;
        } catch (const ConfigError& error) {
            REQUIRE(error.faults().size() == 1);
        }
    }
    CHECK(accepted > 100);  // the mangling leaves some texts valid
}
