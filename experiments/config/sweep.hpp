// Sweeps: which values of which parameters an entry is run with, in the order written. Nothing is expanded: a
// sweep of any size is a few tables and a function from an index to an assignment of values.
//   sweep = terms one after the other;  term = product of factors, the last varying fastest;
//   factor = lists in step (one list: an axis of a grid) or random draws.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace bcbench {

/// A parameter with its value; training keys are named "train.<key>".
struct Assignment {
    std::string name;
    nlohmann::json value;
};

struct SweepColumn {
    std::string name;
    std::vector<nlohmann::json> values;
};

/// Lists read in step; all have the same length. A grid is a product of such factors with one list each.
struct InStep {
    std::vector<SweepColumn> columns;
};

/// The distribution of one randomly drawn parameter.
struct SweepDraw {
    enum class Law { uniform, log_uniform, integer, choice };
    std::string name;
    Law law = Law::uniform;
    double low = 0;  // both ends included
    double high = 0;
    std::vector<nlohmann::json> choices;
};

/// Random draws. The value of a parameter depends only on the seed, its name and the index of the draw, so
/// that adding parameters or draws leaves the others as they are.
struct RandomDraws {
    std::uint64_t n = 0;
    std::uint64_t seed = 0;
    std::vector<SweepDraw> draws;
    bool discrete = false;  // no continuous distribution: draws repeat, and `kept` lists the new ones
    std::vector<std::uint64_t> kept;
};

using SweepFactor = std::variant<InStep, RandomDraws>;

struct SweepTerm {
    std::vector<SweepFactor> factors;
};

/// Without terms: one point with nothing swept.
struct Sweep {
    std::vector<SweepTerm> terms;
    std::vector<std::uint64_t> ends;  // number of points up to and including each term

    void add(SweepTerm term);
};

/// The largest number of points a sweep or a plan may have.
constexpr std::uint64_t max_points = 1'000'000'000'000'000;

/// a * b, or max_points + 1 where that is less.
std::uint64_t saturating_product(std::uint64_t a, std::uint64_t b);

/// Number of points; max_points + 1 if there are more than max_points.
std::uint64_t size_of(const Sweep& sweep);
std::uint64_t size_of(const SweepTerm& term);
std::uint64_t size_of(const SweepFactor& factor);

/// The values of point `index` < size, in the order the parameters are written.
std::vector<Assignment> assignments_at(const Sweep& sweep, std::uint64_t index);

/// The value of draw `index`.
nlohmann::json drawn_value(const SweepDraw& draw, std::uint64_t seed, std::uint64_t index);

/// The indices of the draws that repeat no earlier one.
std::vector<std::uint64_t> distinct_draws(const RandomDraws& random);

/// The parameters a factor sets, in the order written.
std::vector<std::string> swept_by(const SweepFactor& factor);

/// Parameters that every term, or that any term sets.
std::set<std::string> swept_everywhere(const Sweep& sweep);
std::set<std::string> swept_anywhere(const Sweep& sweep);

}  // namespace bcbench
