#include "experiments/sweep.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <random>
#include <unordered_set>

#include "experiments/canonical.hpp"

namespace bcbench {
namespace {

// To 15 significant digits: readable ids, and no trace of the last bit of exp and log, which libraries differ
// in.
double rounded(double value) {
    std::array<char, 64> buffer;
    const auto end =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::general, 15);
    double result = value;
    std::from_chars(buffer.data(), end.ptr, result);
    return result;
}

// Uniform in [0, 1) with 53 random bits.
double unit_draw(const std::string& name, std::uint64_t seed, std::uint64_t index) {
    const std::string place = std::to_string(seed) + '/' + name + '/' + std::to_string(index);
    std::mt19937_64 engine(fnv1a(place));
    return static_cast<double>(engine() >> 11) * 0x1p-53;
}

std::set<std::string> names_in(const SweepTerm& term) {
    std::set<std::string> names;
    for (const SweepFactor& factor : term.factors)
        for (const std::string& name : swept_by(factor)) names.insert(name);
    return names;
}

void append(std::vector<Assignment>& assignments, const SweepFactor& factor, std::uint64_t index) {
    if (const auto* step = std::get_if<InStep>(&factor))
        for (const SweepColumn& column : step->columns)
            assignments.push_back({column.name, column.values[index]});
    if (const auto* random = std::get_if<RandomDraws>(&factor))
        for (const SweepDraw& draw : random->draws)
            assignments.push_back(
                {draw.name, drawn_value(draw, random->seed, random->discrete ? random->kept[index] : index)});
}

}  // namespace

std::uint64_t saturating_product(std::uint64_t a, std::uint64_t b) {
    return a != 0 && b > max_points / a ? max_points + 1 : a * b;
}

std::uint64_t size_of(const SweepFactor& factor) {
    if (const auto* step = std::get_if<InStep>(&factor))
        return step->columns.empty() ? 0 : step->columns.front().values.size();
    const auto& random = std::get<RandomDraws>(factor);
    return random.discrete ? random.kept.size() : random.n;
}

std::uint64_t size_of(const SweepTerm& term) {
    std::uint64_t size = 1;
    for (const SweepFactor& factor : term.factors) size = saturating_product(size, size_of(factor));
    return size;
}

std::uint64_t size_of(const Sweep& sweep) {
    if (sweep.terms.empty()) return 1;
    std::uint64_t size = 0;
    for (const SweepTerm& term : sweep.terms) size = std::min(size + size_of(term), max_points + 1);
    return size;
}

std::vector<Assignment> assignments_at(const Sweep& sweep, std::uint64_t index) {
    std::vector<Assignment> assignments;
    for (const SweepTerm& term : sweep.terms) {
        const std::uint64_t size = size_of(term);
        if (index >= size) {
            index -= size;
            continue;
        }
        std::uint64_t block = size;  // points for which the factors so far stand still
        for (const SweepFactor& factor : term.factors) {
            block /= size_of(factor);
            append(assignments, factor, index / block);
            index %= block;
        }
        break;
    }
    return assignments;
}

nlohmann::json drawn_value(const SweepDraw& draw, std::uint64_t seed, std::uint64_t index) {
    const double u = unit_draw(draw.name, seed, index);
    const auto pick = [u](double count) { return std::min(std::floor(u * count), count - 1); };
    switch (draw.law) {
        case SweepDraw::Law::choice:
            return draw.choices[static_cast<std::size_t>(pick(static_cast<double>(draw.choices.size())))];
        case SweepDraw::Law::integer:
            return static_cast<std::int64_t>(draw.low + pick(draw.high - draw.low + 1));
        case SweepDraw::Law::uniform:
            return std::clamp(rounded(draw.low + u * (draw.high - draw.low)), draw.low, draw.high);
        case SweepDraw::Law::log_uniform:
            break;
    }
    const double low = std::log(draw.low);
    return std::clamp(rounded(std::exp(low + u * (std::log(draw.high) - low))), draw.low, draw.high);
}

std::vector<std::uint64_t> distinct_draws(const RandomDraws& random) {
    std::unordered_set<std::string> seen;
    std::vector<std::uint64_t> kept;
    for (std::uint64_t i = 0; i < random.n; ++i) {
        std::string values;
        for (const SweepDraw& draw : random.draws)
            values += canonical_json(drawn_value(draw, random.seed, i)) + ' ';
        if (seen.insert(std::move(values)).second) kept.push_back(i);
    }
    return kept;
}

std::vector<std::string> swept_by(const SweepFactor& factor) {
    std::vector<std::string> names;
    if (const auto* step = std::get_if<InStep>(&factor))
        for (const SweepColumn& column : step->columns) names.push_back(column.name);
    if (const auto* random = std::get_if<RandomDraws>(&factor))
        for (const SweepDraw& draw : random->draws) names.push_back(draw.name);
    return names;
}

std::set<std::string> swept_anywhere(const Sweep& sweep) {
    std::set<std::string> names;
    for (const SweepTerm& term : sweep.terms) names.merge(names_in(term));
    return names;
}

std::set<std::string> swept_everywhere(const Sweep& sweep) {
    std::set<std::string> names = swept_anywhere(sweep);
    for (const SweepTerm& term : sweep.terms) {
        const std::set<std::string> here = names_in(term);
        for (auto name = names.begin(); name != names.end();)
            name = here.count(*name) ? std::next(name) : names.erase(name);
    }
    return names;
}

}  // namespace bcbench
