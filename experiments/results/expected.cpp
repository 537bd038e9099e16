#include "experiments/results/expected.hpp"

#include <cmath>
#include <cstdio>
#include <map>

#include "experiments/system/files.hpp"
#include "experiments/text/canonical.hpp"
#include "experiments/text/csv_field.hpp"
#include "experiments/text/fault.hpp"
#include "experiments/text/json_reader.hpp"

namespace bcbench {

namespace {

using nlohmann::ordered_json;

std::string text_at(const ordered_json& entry, const char* key, const std::string& pointer, std::vector<Fault>& faults,
                    bool required = true) {
    const auto found = entry.find(key);
    if (found != entry.end() && found->is_string()) return found->get<std::string>();
    if (required || found != entry.end()) faults.push_back({pointer + "/" + key, "must be a text"});
    return "";
}

int decimals_of(const std::string& printed) {
    const std::size_t point = printed.find('.');
    return point == std::string::npos ? 0 : static_cast<int>(printed.size() - point - 1);
}

// `value` as `printed` is written: a truth value, or as many decimals and a sign.
std::string in_form_of(const std::string& printed, double value) {
    if (printed == "True" || printed == "False") return value != 0.0 ? "True" : "False";
    char text[64];
    std::snprintf(text, sizeof text, printed.front() == '+' ? "%+.*f" : "%.*f", decimals_of(printed), value);
    return text;
}

std::string in_form_of(const std::string& printed, const ordered_json& output) {
    if (output.is_array())
        return printed.front() == '(' ? "(" + join(output, ", ") + ")" : "[" + join(output, " ") + "]";
    if (output.is_boolean()) return output.get<bool>() ? "True" : "False";
    return output.is_number() ? in_form_of(printed, output.get<double>()) : output.dump();
}

Agreement agreement_of(const ExpectedValue& expected, const std::string& reproduced) {
    if (reproduced == expected.printed) return Agreement::equal;
    if (!expected.last_digit) return Agreement::different;
    // both are decimals of the same number of digits: they differ by one unit if their difference rounds to it
    const double unit = std::pow(10.0, -decimals_of(expected.printed));
    const double units =
        std::abs(std::strtod(reproduced.c_str(), nullptr) - std::strtod(expected.printed.c_str(), nullptr)) / unit;
    return std::lround(units) == 1 ? Agreement::last_digit : Agreement::different;
}

}  // namespace

std::vector<ExpectedValue> read_expected(const std::filesystem::path& file) {
    const ordered_json json = read_json(file);
    return expected_from(json.is_object() ? json.value("values", ordered_json()) : ordered_json(), file.string());
}

ordered_json to_json(const std::vector<ExpectedValue>& values) {
    ordered_json list = ordered_json::array();
    for (const ExpectedValue& value : values) {
        list.push_back({{"section", value.section}, {"point", value.point}});
        if (!value.minus_point.empty()) list.back()["minus_point"] = value.minus_point;
        list.back()["metric"] = value.metric;
        list.back()["printed"] = value.printed;
        if (value.last_digit) list.back()["last_digit"] = true;
    }
    return list;
}

std::vector<ExpectedValue> expected_from(const ordered_json& values, const std::string& origin) {
    std::vector<Fault> faults;
    std::vector<ExpectedValue> expected;
    if (!values.is_array()) throw ConfigError(origin, {{"/values", "must be a list of expected values"}});
    for (std::size_t i = 0; i < values.size(); ++i) {
        const ordered_json& entry = values[i];
        const std::string pointer = "/values/" + std::to_string(i);
        if (!entry.is_object()) {
            faults.push_back({pointer, "must be an object with section, point, metric and printed"});
            continue;
        }
        ExpectedValue value;
        value.section = text_at(entry, "section", pointer, faults);
        value.point = text_at(entry, "point", pointer, faults);
        value.minus_point = text_at(entry, "minus_point", pointer, faults, false);
        value.metric = text_at(entry, "metric", pointer, faults);
        value.printed = text_at(entry, "printed", pointer, faults);
        if (value.printed.empty()) faults.push_back({pointer + "/printed", "must not be empty"});
        if (entry.contains("last_digit") && !entry["last_digit"].is_boolean()) {
            faults.push_back({pointer + "/last_digit", "must be true or false"});
        } else {
            value.last_digit = entry.value("last_digit", false);
        }
        expected.push_back(std::move(value));
    }
    if (!faults.empty()) throw ConfigError(origin, faults);
    return expected;
}

std::vector<Comparison> compare_with_expected(const std::vector<ExpectedValue>& expected,
                                              const std::vector<PointRecord>& records) {
    std::map<std::string, const PointRecord*> by_id;
    for (const PointRecord& record : records) by_id[record.id] = &record;
    std::vector<Comparison> comparisons;
    for (const ExpectedValue& value : expected) {
        Comparison comparison{value, "", std::nullopt, Agreement::missing};
        const auto found = by_id.find(value.point);
        const auto minus = by_id.find(value.minus_point);
        if (found != by_id.end() && found->second->status == PointStatus::ok) {
            const PointRecord& record = *found->second;
            comparison.value = value_of(record, value.metric);
            if (comparison.value && !value.minus_point.empty()) {
                const auto other = minus == by_id.end() ? std::nullopt : value_of(*minus->second, value.metric);
                if (other)
                    comparison.value = *comparison.value - *other;
                else
                    comparison.value.reset();
            }
            if (comparison.value) {
                comparison.reproduced = in_form_of(value.printed, *comparison.value);
            } else if (value.minus_point.empty() && record.outputs.contains(value.metric)) {
                comparison.reproduced = in_form_of(value.printed, record.outputs.at(value.metric));
            }
            if (!comparison.reproduced.empty()) comparison.agreement = agreement_of(value, comparison.reproduced);
        }
        comparisons.push_back(std::move(comparison));
    }
    return comparisons;
}

std::string expected_csv(const std::vector<Comparison>& comparisons) {
    std::string csv = "section,point,metric,printed,reproduced,value,equal\n";
    for (const Comparison& comparison : comparisons) {
        const ExpectedValue& expected = comparison.expected;
        const std::string metric =
            expected.metric + (expected.minus_point.empty() ? "" : " minus " + expected.minus_point);
        csv += csv_field(expected.section) + ',' + csv_field(expected.point) + ',' + csv_field(metric) + ',' +
               csv_field(expected.printed) + ',' + csv_field(comparison.reproduced) + ',' +
               (comparison.value ? number_text(*comparison.value) : "") + ',' + name_of(comparison.agreement) + '\n';
    }
    return csv;
}

const char* name_of(Agreement agreement) {
    switch (agreement) {
        case Agreement::equal:
            return "yes";
        case Agreement::last_digit:
            return "last digit";
        case Agreement::different:
            return "no";
        case Agreement::missing:
            break;
    }
    return "missing";
}

}  // namespace bcbench
