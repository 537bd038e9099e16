// Reads the `sweep` of an entry and checks every value of it against the parameters of the entry's type.
#include <cmath>
#include <map>

#include "experiments/config/check.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {
namespace {

constexpr std::uint64_t max_discrete_draws = 1'000'000;

std::vector<std::string> sweepable_names(const SweepScope& scope) {
    std::vector<std::string> names = names_of(scope.parameters);
    for (const Parameter& parameter : scope.training) names.push_back("train." + parameter.name);
    return names;
}

// The parameter called `name` in a sweep; a fault if there is none or if it is set beside the sweep as well.
const Parameter* swept_parameter(const std::string& name, const SweepScope& scope, const Pointer& at, Faults& faults) {
    const bool training = name.rfind("train.", 0) == 0;
    const std::string key = training ? name.substr(6) : name;
    const Parameter* parameter = find_parameter(training ? scope.training : scope.parameters, key);
    if (!parameter) {
        add_fault(faults, at,
                  name == "seed" ? "a seed is not swept; list the seeds as \"seeds\" beside the sweep"
                                 : unknown_name("parameter", name, sweepable_names(scope)));
        return nullptr;
    }
    if (!parameter->forms.empty()) {
        add_fault(faults, at, "is " + allowed_values(*parameter) + ", which is not swept; make a dataset of each");
        return nullptr;
    }
    const OrderedJson* given = training ? scope.train : scope.params;
    if (training && !given) add_fault(faults, at, "the method is not trained; give it \"train\": {} beside the sweep");
    if (given && given->is_object() && given->contains(key))
        add_fault(
            faults, at,
            "swept here and given in " + std::string(training ? "train" : "params") + " as well; give it in one place");
    return parameter;
}

// The listed values of a parameter; of an unknown one (null) nothing can be said.
std::vector<nlohmann::json> read_list(const OrderedJson& values, const Parameter* parameter, const Pointer& at,
                                      Faults& faults) {
    std::vector<nlohmann::json> list;
    if (!values.is_array() || values.empty()) {
        add_fault(faults, at, "is " + shown(values) + ", must be a list of one or more values");
        return list;
    }
    for (std::size_t i = 0; parameter && i < values.size(); ++i) {
        const nlohmann::json value = values[i];
        if (const auto fault = fault_of(*parameter, value))
            add_fault(faults, at / i, *fault);
        else
            list.push_back(normalised(*parameter, value));
    }
    return list;
}

std::vector<SweepColumn> read_columns(const OrderedJson& lists, const SweepScope& scope, const Pointer& at,
                                      Faults& faults) {
    std::vector<SweepColumn> columns;
    if (!check_object(lists, at, faults)) return columns;
    if (lists.empty()) add_fault(faults, at, "is empty, must list the values of one or more parameters");
    for (const auto& item : lists.items()) {
        const Pointer here = at / item.key();
        const Parameter* parameter = swept_parameter(item.key(), scope, here, faults);
        columns.push_back({item.key(), read_list(item.value(), parameter, here, faults)});
    }
    return columns;
}

InStep read_zip(const OrderedJson& lists, const SweepScope& scope, const Pointer& at, Faults& faults) {
    InStep step{read_columns(lists, scope, at, faults)};
    std::string lengths;
    bool equal = true;
    for (const SweepColumn& column : step.columns) {
        equal = equal && column.values.size() == step.columns.front().values.size();
        lengths += (lengths.empty() ? "" : ", ") + column.name + " has " + std::to_string(column.values.size());
    }
    if (!equal) add_fault(faults, at, "lists of a zip must be equally long; " + lengths);
    return step;
}

// Reads the two ends [low, high] of a range; both must be valid values of the parameter.
void read_range(SweepDraw& draw, const OrderedJson& ends, const Parameter& parameter, const Pointer& at,
                Faults& faults) {
    const bool positive = draw.law == SweepDraw::Law::log_uniform;
    const bool integers = draw.law == SweepDraw::Law::integer;
    const bool pair = ends.is_array() && ends.size() == 2 && ends[0].is_number() && ends[1].is_number();
    const bool shape = pair && (!integers || (is_whole(ends[0]) && is_whole(ends[1])));
    if (shape) {
        draw.low = ends[0].get<double>() + 0.0;
        draw.high = ends[1].get<double>() + 0.0;
    }
    const bool order = integers ? draw.low <= draw.high : draw.low < draw.high;
    if (!shape || !order || (positive && draw.low <= 0) || !std::isfinite(draw.high - draw.low)) {
        add_fault(faults, at,
                  "is " + shown(ends) + ", must be " +
                      (integers   ? "two integers [a, b] with a <= b"
                       : positive ? "two numbers [a, b] with 0 < a < b"
                                  : "two numbers [a, b] with a < b"));
        return;
    }
    for (std::size_t i = 0; i < 2; ++i) {
        const nlohmann::json end = integers ? nlohmann::json(ends[i]) : nlohmann::json(ends[i].get<double>());
        if (const auto fault = fault_of(parameter, end)) add_fault(faults, at / i, *fault);
    }
}

bool takes_range(const Parameter& parameter, SweepDraw::Law law) {
    if (parameter.type == ParameterType::number || parameter.type == ParameterType::number_or_list) return true;
    const bool integers = parameter.type == ParameterType::integer || parameter.type == ParameterType::integer_or_list;
    return integers && law == SweepDraw::Law::integer;
}

SweepDraw read_draw(const std::string& name, const OrderedJson& spec, const SweepScope& scope, const Pointer& at,
                    Faults& faults) {
    static const std::map<std::string, SweepDraw::Law> laws = {{"choice", SweepDraw::Law::choice},
                                                               {"integer", SweepDraw::Law::integer},
                                                               {"log_uniform", SweepDraw::Law::log_uniform},
                                                               {"uniform", SweepDraw::Law::uniform}};
    SweepDraw draw;
    draw.name = name;
    const Parameter* parameter = swept_parameter(name, scope, at, faults);
    const auto law = spec.is_object() && spec.size() == 1 ? laws.find(spec.begin().key()) : laws.end();
    if (law == laws.end()) {
        add_fault(faults, at,
                  "is " + shown(spec) + ", must be an object with one of uniform, log_uniform, integer, choice");
        return draw;
    }
    draw.law = law->second;
    const Pointer here = at / law->first;
    if (draw.law == SweepDraw::Law::choice)
        draw.choices = read_list(spec.front(), parameter, here, faults);
    else if (parameter && takes_range(*parameter, draw.law))
        read_range(draw, spec.front(), *parameter, here, faults);
    else if (parameter)
        add_fault(faults, here,
                  "does not fit \"" + name + "\", " + allowed_values(*parameter) + "; use " +
                      (takes_range(*parameter, SweepDraw::Law::integer) ? "integer or choice" : "choice"));
    return draw;
}

RandomDraws read_random(const OrderedJson& value, const SweepScope& scope, const Pointer& at, Faults& faults) {
    RandomDraws random;
    const std::size_t before = faults.size();
    const nlohmann::json values = read_block(value, random_block(), at, faults);
    if (!value.is_object()) return random;
    if (!value.contains("params")) {
        add_fault(faults, at, "\"params\" is missing, must give a distribution for one or more parameters");
    } else if (check_object(value["params"], at / "params", faults)) {
        if (value["params"].empty())
            add_fault(faults, at / "params", "is empty, must give a distribution for one or more parameters");
        for (const auto& item : value["params"].items())
            random.draws.push_back(read_draw(item.key(), item.value(), scope, at / "params" / item.key(), faults));
    }
    if (faults.size() > before) return random;
    random.n = values["n"].get<std::uint64_t>();
    random.seed = values["seed"].get<std::uint64_t>();
    random.discrete = true;
    for (const SweepDraw& draw : random.draws)
        random.discrete =
            random.discrete && (draw.law == SweepDraw::Law::integer || draw.law == SweepDraw::Law::choice);
    if (random.discrete && random.n > max_discrete_draws)
        add_fault(
            faults, at / "n",
            "is " + std::to_string(random.n) + ", must be at most 1000000 where only integers and choices are drawn");
    else if (random.discrete)
        random.kept = distinct_draws(random);
    return random;
}

void check_swept_once(const SweepTerm& term, const Pointer& at, Faults& faults) {
    std::set<std::string> seen;
    for (const SweepFactor& factor : term.factors)
        for (const std::string& name : swept_by(factor))
            if (!seen.insert(name).second) add_fault(faults, at, "sweeps \"" + name + "\" twice");
}

SweepTerm read_term(const OrderedJson& value, const SweepScope& scope, const Pointer& at, Faults& faults) {
    SweepTerm term;
    if (!check_object(value, at, faults)) return term;
    check_keys(value, key_names(sweep_block()), "key", at, faults);
    if (value.empty()) add_fault(faults, at, "is empty, must hold grid, zip or random");
    for (const auto& item : value.items()) {
        const Pointer here = at / item.key();
        if (item.key() == "grid")
            for (SweepColumn& column : read_columns(item.value(), scope, here, faults))
                term.factors.emplace_back(InStep{{std::move(column)}});
        if (item.key() == "zip") term.factors.emplace_back(read_zip(item.value(), scope, here, faults));
        if (item.key() == "random") term.factors.emplace_back(read_random(item.value(), scope, here, faults));
    }
    check_swept_once(term, at, faults);
    return term;
}

}  // namespace

Sweep read_sweep(const OrderedJson& value, const SweepScope& scope, const Pointer& at, Faults& faults) {
    Sweep sweep;
    if (!value.is_array()) {
        sweep.add(read_term(value, scope, at, faults));
    } else {
        if (value.empty()) add_fault(faults, at, "is an empty list, must hold one or more sweeps");
        for (std::size_t i = 0; i < value.size(); ++i) sweep.add(read_term(value[i], scope, at / i, faults));
    }
    if (size_of(sweep) > max_points) add_fault(faults, at, "has more than 10^15 points");
    return sweep;
}

}  // namespace bcbench
