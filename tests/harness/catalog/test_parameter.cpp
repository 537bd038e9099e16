#include <catch2/catch.hpp>
#include <cstdlib>
#include <limits>

#include "engine/core/names.hpp"
#include "engine/io/utf8.hpp"
#include "experiments/catalog/parameter.hpp"
#include "experiments/text/canonical.hpp"
#include "tests/support/small_catalog.hpp"

using namespace bcbench;
using bcbench::test::at_least;
using bcbench::test::parameter;
using Type = ParameterType;

TEST_CASE("parameter: the allowed values in words", "[parameter]") {
    CHECK(allowed_values(at_least(parameter("x", Type::integer, 1), 1)) == "an integer >= 1");
    CHECK(allowed_values(at_least(parameter("x", Type::number, 1), 0, true)) == "a number > 0");
    Parameter both = at_least(parameter("x", Type::number, 1), 0, true);
    both.maximum = 2;
    CHECK(allowed_values(both) == "a number in (0, 2]");
    both.maximum_exclusive = true;
    both.minimum_exclusive = false;
    CHECK(allowed_values(both) == "a number in [0, 2)");
    Parameter below = parameter("x", Type::number, 1);
    below.maximum = 0.5;
    CHECK(allowed_values(below) == "a number <= 0.5");
    CHECK(allowed_values(at_least(parameter("x", Type::integer_or_list, 1), 1)) == "an integer >= 1 or a list of such");
    CHECK(allowed_values(at_least(parameter("x", Type::number_list, {1}), 0)) == "a list of numbers >= 0");
    CHECK(allowed_values(parameter("x", Type::boolean, true)) == "true or false");
    Parameter words = parameter("x", Type::string, "a");
    CHECK(allowed_values(words) == "a text");
    words.choices = {"adam", "rmsprop", "sgd"};
    words.optional = true;
    CHECK(allowed_values(words) == "one of adam, rmsprop, sgd or null");
    CHECK(type_name(words) == "string");
    CHECK(type_name(parameter("x", Type::number_or_list, 1)) == "number or list of numbers");
}

TEST_CASE("parameter: faults name the value and what is allowed", "[parameter]") {
    const Parameter integer = at_least(parameter("x", Type::integer, 1), 1);
    CHECK_FALSE(fault_of(integer, 1));
    CHECK(fault_of(integer, 0).value() == "is 0, must be an integer >= 1");
    CHECK_FALSE(fault_of(integer, 2.0));  // as Python and R write it
    CHECK_FALSE(fault_of(integer, 4e9));
    CHECK(fault_of(integer, 2.5).value() == "is 2.5, must be an integer >= 1");
    CHECK(fault_of(integer, 0.0).value() == "is 0, must be an integer >= 1");
    CHECK(fault_of(integer, 1e18));
    CHECK(fault_of(integer, std::numeric_limits<double>::infinity()));
    CHECK(fault_of(integer, "2").value() == "is \"2\", must be an integer >= 1");
    CHECK(fault_of(integer, true));
    CHECK(fault_of(integer, nullptr));
    CHECK(fault_of(integer, {1}));
    CHECK(fault_of(integer, std::uint64_t{1} << 60));
    CHECK_FALSE(fault_of(integer, std::uint64_t{1} << 53));

    Parameter number = at_least(parameter("x", Type::number, 1), 0, true);
    number.maximum = 2;
    CHECK_FALSE(fault_of(number, 1));  // an integer where a number is expected
    CHECK_FALSE(fault_of(number, 2.0));
    CHECK(fault_of(number, 0.0).value() == "is 0, must be a number in (0, 2]");
    CHECK(fault_of(number, 2.5));
    CHECK(fault_of(number, std::numeric_limits<double>::quiet_NaN()));

    const Parameter list = at_least(parameter("x", Type::number_list, {1}), 0);
    CHECK_FALSE(fault_of(list, {0, 1.5}));
    CHECK(fault_of(list, 1).value() == "is 1, must be a list of numbers >= 0");
    CHECK(fault_of(list, nlohmann::json::array()).value() == "is an empty list, must be a list of numbers >= 0");
    CHECK(fault_of(list, {0, -1}).value() == "element 1 is -1, must be a list of numbers >= 0");
    const Parameter either = at_least(parameter("x", Type::integer_or_list, 1), 1);
    CHECK_FALSE(fault_of(either, 5));
    CHECK_FALSE(fault_of(either, {5, 6}));
    CHECK(fault_of(either, {5, 6.5}));
    CHECK(fault_of(either, 0.5));

    Parameter words = parameter("x", Type::string, "adam");
    CHECK_FALSE(fault_of(words, "anything"));
    words.choices = {"adam", "sgd"};
    CHECK(fault_of(words, "adm").value() == "is \"adm\", must be one of adam, sgd; did you mean \"adam\"?");
    CHECK(fault_of(words, 1));
    CHECK(fault_of(words, nullptr));
    words.optional = true;
    CHECK_FALSE(fault_of(words, nullptr));
    CHECK(fault_of(parameter("x", Type::boolean, true), 1).value() == "is 1, must be true or false");
}

TEST_CASE("parameter: nearest names", "[parameter]") {
    const std::vector<std::string> known = {"n_clusters", "n_iterations", "sigma", "differentiable_harmony"};
    CHECK(nearest_name("n_cluster", known).value() == "n_clusters");
    CHECK(nearest_name("sgima", known).value() == "sigma");
    CHECK(nearest_name("SIGMA", known).value() == "sigma");
    CHECK(nearest_name("iterations", known).value() == "n_iterations");
    CHECK(nearest_name("harmony", known).value() == "differentiable_harmony");
    CHECK_FALSE(nearest_name("bandwidth", known));
    CHECK_FALSE(nearest_name("", known));
    CHECK_FALSE(nearest_name(std::string(10'000'000, 'x'), known));
    CHECK_FALSE(nearest_name("x", {}));
}

TEST_CASE("parameter: the schema says what fault_of checks", "[parameter]") {
    Parameter number = at_least(parameter("x", Type::number, 1), 0, true);
    number.maximum = 2;
    CHECK(schema_of(number) == nlohmann::json::parse(R"({"type": "number", "exclusiveMinimum": 0, "maximum": 2,
                                                         "default": 1, "description": "help of x"})"));
    CHECK(schema_of(at_least(parameter("x", Type::integer_or_list, 1), 1)) ==
          nlohmann::json::parse(R"({"anyOf": [{"type": "integer", "minimum": 1},
              {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 1}}],
              "default": 1, "description": "help of x"})"));
    Parameter words = parameter("x", Type::string, nullptr);
    words.choices = {"a", "b"};
    words.optional = true;
    CHECK(schema_of(words) == nlohmann::json::parse(R"({"anyOf": [{"type": "string", "enum": ["a", "b"]},
              {"type": "null"}], "default": null, "description": "help of x"})"));
}

TEST_CASE("canonical: numbers in the shortest form that reads naturally", "[canonical]") {
    CHECK(number_text(1.0) == "1");
    CHECK(number_text(-0.0) == "0");
    CHECK(number_text(0.1) == "0.1");
    CHECK(number_text(100000.0) == "100000");
    CHECK(number_text(0.001) == "0.001");
    CHECK(number_text(1e-7) == "1e-07");
    CHECK(number_text(1e300) == "1e+300");
    CHECK(number_text(-2.5) == "-2.5");
    for (const double value : {1.0 / 3, 1e15, 1e-5, 123456789.123, 5e-324, 1.7976931348623157e308})
        CHECK(std::strtod(number_text(value).c_str(), nullptr) == value);
    CHECK(canonical_json(nlohmann::json::parse(R"({"b": [1.0, true], "a": "é\n", "c": null})")) ==
          R"({"a":"é\n","b":[1,true],"c":null})");
}

TEST_CASE("canonical: texts in ids are safe as file names and stay distinct", "[canonical]") {
    CHECK(id_text("a/b\\c:d%") == "a%2Fb%5Cc%3Ad%25");
    CHECK(id_text("line\n") == "line%0A");
    CHECK(id_text("naïve text") == "naïve text");
    CHECK(id_text(0.5) == "0.5");
    CHECK(id_text({0, 3.0}) == "[0,3]");
    CHECK(shown(std::string(100, 'x')).size() == 60);
    CHECK(utf8_prefix("aé", 2) == "a");
    CHECK(utf8_prefix("aé", 3) == "aé");
    CHECK(is_utf8("é"));
    CHECK_FALSE(is_utf8("\xff"));
    CHECK(hex(fnv1a("")) == "cbf29ce484222325");  // published test vectors of FNV-1a
    CHECK(hex(fnv1a("foobar")) == "85944171f73967e8");
}
