#include "experiments/config/sweep.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <random>
#include <unordered_set>

#include "experiments/text/canonical.hpp"

namespace bcbench {
namespace {

// To 15 significant digits: readable ids, and no trace of the last bit of exp and log, which libraries differ
// in.
double rounded(double value) {
    std::array<char, 64> buffer;
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::general, 15);
    double result = value;
    std::from_chars(buffer.data(), end.ptr, result);
    return result;
}

constexpr std::size_t lanes = 8;  // draws made at once, none of which waits for another

// The first outputs of std::mt19937_64 seeded with each of `seeds`, which take half of its state and no more.
std::array<std::uint64_t, lanes> first_outputs(const std::array<std::uint64_t, lanes>& seeds) {
    constexpr std::uint64_t middle = std::mt19937_64::shift_size;
    std::array<std::uint64_t, lanes> word = seeds;
    std::array<std::uint64_t, lanes> second{};
    for (std::uint64_t i = 1; i <= middle; ++i) {
        for (std::uint64_t& x : word) x = std::mt19937_64::initialization_multiplier * (x ^ (x >> 62)) + i;
        if (i == 1) second = word;
    }
    std::array<std::uint64_t, lanes> outputs{};
    for (std::size_t l = 0; l < lanes; ++l) {
        constexpr std::uint64_t low_bits = (std::uint64_t{1} << std::mt19937_64::mask_bits) - 1;
        const std::uint64_t mixed = (seeds[l] & ~low_bits) | (second[l] & low_bits);
        std::uint64_t x = word[l] ^ (mixed >> 1) ^ ((mixed & 1) != 0 ? std::mt19937_64::xor_mask : 0);
        x ^= (x >> std::mt19937_64::tempering_u) & std::mt19937_64::tempering_d;
        x ^= (x << std::mt19937_64::tempering_s) & std::mt19937_64::tempering_b;
        x ^= (x << std::mt19937_64::tempering_t) & std::mt19937_64::tempering_c;
        outputs[l] = x ^ (x >> std::mt19937_64::tempering_l);
    }
    return outputs;
}

// Uniform in [0, 1) with 53 random bits, at `first` and the indices after it.
std::array<double, lanes> unit_draws(const std::string& name, std::uint64_t seed, std::uint64_t first) {
    const std::uint64_t start = fnv1a(std::to_string(seed) + '/' + name + '/');
    std::array<std::uint64_t, lanes> seeds{};
    for (std::size_t l = 0; l < lanes; ++l) seeds[l] = fnv1a(std::to_string(first + l), start);
    const std::array<std::uint64_t, lanes> bits = first_outputs(seeds);
    std::array<double, lanes> draws{};
    for (std::size_t l = 0; l < lanes; ++l) draws[l] = static_cast<double>(bits[l] >> 11) * 0x1p-53;
    return draws;
}

// Which of `count` equally likely things a draw picks.
double pick(double unit_draw, double count) { return std::min(std::floor(unit_draw * count), count - 1); }

double count_of(const SweepDraw& draw) {
    return draw.law == SweepDraw::Law::choice ? static_cast<double>(draw.choices.size()) : draw.high - draw.low + 1;
}

// For each choice the first that is equal to it.
std::vector<std::uint64_t> first_equals(const std::vector<nlohmann::json>& choices) {
    std::map<std::string, std::uint64_t> first;
    std::vector<std::uint64_t> firsts;
    for (const nlohmann::json& choice : choices)
        firsts.push_back(first.emplace(canonical_json(choice), firsts.size()).first->second);
    return firsts;
}

std::set<std::string> names_in(const SweepTerm& term) {
    std::set<std::string> names;
    for (const SweepFactor& factor : term.factors)
        for (const std::string& name : swept_by(factor)) names.insert(name);
    return names;
}

void append(std::vector<Assignment>& assignments, const SweepFactor& factor, std::uint64_t index) {
    if (const auto* step = std::get_if<InStep>(&factor))
        for (const SweepColumn& column : step->columns) assignments.push_back({column.name, column.values[index]});
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

std::uint64_t size_of(const Sweep& sweep) { return sweep.ends.empty() ? 1 : sweep.ends.back(); }

void Sweep::add(SweepTerm term) {
    const std::uint64_t before = ends.empty() ? 0 : ends.back();
    ends.push_back(std::min(before + size_of(term), max_points + 1));
    terms.push_back(std::move(term));
}

std::vector<Assignment> assignments_at(const Sweep& sweep, std::uint64_t index) {
    std::vector<Assignment> assignments;
    if (sweep.terms.empty()) return assignments;
    const auto t =
        static_cast<std::size_t>(std::upper_bound(sweep.ends.begin(), sweep.ends.end(), index) - sweep.ends.begin());
    const SweepTerm& term = sweep.terms[t];
    if (t > 0) index -= sweep.ends[t - 1];
    std::uint64_t block = size_of(term);  // points for which the factors so far stand still
    for (const SweepFactor& factor : term.factors) {
        block /= size_of(factor);
        append(assignments, factor, index / block);
        index %= block;
    }
    return assignments;
}

nlohmann::json drawn_value(const SweepDraw& draw, std::uint64_t seed, std::uint64_t index) {
    const double u = unit_draws(draw.name, seed, index).front();
    switch (draw.law) {
        case SweepDraw::Law::choice:
            return draw.choices[static_cast<std::size_t>(pick(u, count_of(draw)))];
        case SweepDraw::Law::integer:
            return static_cast<std::int64_t>(draw.low + pick(u, count_of(draw)));
        case SweepDraw::Law::uniform:
            return std::clamp(rounded(draw.low + u * (draw.high - draw.low)), draw.low, draw.high);
        case SweepDraw::Law::log_uniform:
            break;
    }
    const double low = std::log(draw.low);
    return std::clamp(rounded(std::exp(low + u * (std::log(draw.high) - low))), draw.low, draw.high);
}

std::vector<std::uint64_t> distinct_draws(const RandomDraws& random) {
    std::vector<std::vector<std::uint64_t>> equals;  // by draw
    for (const SweepDraw& draw : random.draws) equals.push_back(first_equals(draw.choices));
    std::unordered_set<std::string> seen;
    std::vector<std::uint64_t> kept;
    for (std::uint64_t first = 0; first < random.n; first += lanes) {
        std::array<std::string, lanes> picked;  // what each index picks of each draw, 8 bytes apiece
        for (std::size_t d = 0; d < random.draws.size(); ++d) {
            const std::array<double, lanes> units = unit_draws(random.draws[d].name, random.seed, first);
            for (std::size_t l = 0; l < lanes; ++l) {
                auto place = static_cast<std::uint64_t>(pick(units[l], count_of(random.draws[d])));
                if (!equals[d].empty()) place = equals[d][place];
                picked[l].append(reinterpret_cast<const char*>(&place), sizeof place);
            }
        }
        for (std::size_t l = 0; l < lanes && first + l < random.n; ++l)
            if (seen.insert(std::move(picked[l])).second) kept.push_back(first + l);
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
