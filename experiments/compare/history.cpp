#include "experiments/compare/history.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <stdexcept>
#include <utility>

#include "experiments/plan/plan.hpp"
#include "experiments/system/files.hpp"
#include "experiments/text/canonical.hpp"
#include "experiments/text/csv_field.hpp"
#include "experiments/text/table.hpp"

namespace bcbench {

using nlohmann::ordered_json;

namespace {

// as much as a comment on a pull request holds together with one more experiment
constexpr std::size_t most_markdown_bytes = 40'000;
constexpr std::size_t longest_markdown_title = 1'000;

// A series in one run: null where the run does not have it.
struct Entry {
    const StoredPoint* point = nullptr;
    const StoredValue* value = nullptr;

    bool has_value() const { return value != nullptr && value->value && std::isfinite(*value->value); }
};

// `entry` against the one that the series stood at since its last turn.
Change change_between(const Entry& last, const Entry& entry, const StoredResults& run) {
    if (!why_not_comparable(*last.point, *entry.point).empty() ||
        !why_other_definition(*last.value, *entry.value).empty())
        return Change::not_comparable;
    const double base = *last.value->value;
    const double tolerance = tolerance_of(run, entry.value->metric, entry.point->precision, base);
    return judge(base, *entry.value->value, entry.value->direction, tolerance);
}

// Every value against that of the last turn, so that neither small steps nor a gap hide what they add up to. Gone and
// back are turns as well.
std::vector<Turn> turns_of(const std::vector<Entry>& entries, const std::vector<StoredResults>& runs) {
    std::vector<Turn> turns;
    const Entry* last = nullptr;
    bool is_gone = false;
    for (std::size_t run = 0; run < entries.size(); ++run) {
        const Entry& entry = entries[run];
        const bool was_gone = std::exchange(is_gone, last != nullptr && !entry.has_value());
        if (is_gone && !was_gone) turns.push_back({run, Change::missing});
        if (!entry.has_value()) continue;
        const Change change = last == nullptr ? Change::same : change_between(*last, entry, runs[run]);
        const bool moved = change != Change::same && change != Change::within_tolerance;
        if (moved || was_gone) turns.push_back({run, moved ? change : Change::fixed});
        if (moved || last == nullptr) last = &entry;
    }
    return turns;
}

ExperimentHistory history_of(std::string name, std::vector<StoredResults> runs, const std::string& only) {
    std::stable_sort(runs.begin(), runs.end(),
                     [](const StoredResults& a, const StoredResults& b) { return a.started < b.started; });
    ExperimentHistory history{std::move(name), {}, {}};
    std::map<std::pair<std::string, std::string>, std::size_t> places;
    std::vector<std::vector<Entry>> entries;  // of each series, by run
    for (std::size_t run = 0; run < runs.size(); ++run) {
        for (const StoredPoint& point : runs[run].points) {
            if (!only.empty() && !selects(only, point.id)) continue;
            for (const StoredValue& value : point.values) {
                const auto [place, is_new] = places.try_emplace({point.id, value.metric}, history.series.size());
                if (is_new) {
                    history.series.push_back({point.id, value.metric, value.direction, {}, {}});
                    entries.emplace_back(runs.size());
                }
                entries[place->second][run] = {&point, &value};
            }
        }
    }
    for (std::size_t s = 0; s < history.series.size(); ++s) {
        for (const Entry& entry : entries[s])
            history.series[s].values.push_back(entry.has_value() ? entry.value->value : std::nullopt);
        history.series[s].turns = turns_of(entries[s], runs);
    }
    for (StoredResults& run : runs) {
        run.points.clear();
        run.seconds.clear();
    }
    history.runs = std::move(runs);
    return history;
}

std::string run_name(const StoredResults& run) {
    if (run.git_commit.empty()) return run.directory;
    return run.git_commit.substr(0, 10) + (run.git_dirty ? " with changes" : "");
}

std::string number_cell(std::optional<double> value) {
    if (!value) return "";
    char text[64];
    std::snprintf(text, sizeof text, "%.6g", *value);
    return text;
}

std::string turns_text(const ExperimentHistory& history, const Series& series) {
    std::string text;
    for (const Turn& turn : series.turns) {
        text += (text.empty() ? "" : ", ") + run_name(history.runs[turn.run]) + " (" + name_of(turn.change) + ")";
    }
    return text;
}

std::vector<const Series*> shown(const ExperimentHistory& history, bool all) {
    std::vector<const Series*> series;
    for (const Series& each : history.series) {
        if (all || !each.turns.empty()) series.push_back(&each);
    }
    return series;
}

// "documented, 3 runs: 8eae400123, 9bf012a456 with changes, ..."
std::string title_of(const ExperimentHistory& experiment) {
    const std::size_t n = experiment.runs.size();
    std::string text = experiment.name + ", " + std::to_string(n) + (n == 1 ? " run" : " runs");
    for (std::size_t run = 0; run < n; ++run) text += (run == 0 ? ": " : ", ") + run_name(experiment.runs[run]);
    return text;
}

std::string history_table(const ExperimentHistory& experiment, bool all, bool markdown) {
    const std::string title = title_of(experiment);
    std::string text =
        markdown ? "### " + markdown_cell(all ? title : without_middle(title, longest_markdown_title)) + "\n\n"
                 : one_line(title) + "\n";
    const TextRow header = {"point", "metric", "course", "first", "last", "changed at"};
    std::vector<TextRow> rows;
    for (const Series* each : shown(experiment, all)) {
        rows.push_back({each->point, each->metric, sparkline(each->values), number_cell(each->values.front()),
                        number_cell(each->values.back()), turns_text(experiment, *each)});
    }
    if (rows.empty()) return text + "no metric changed\n";
    return text + (markdown ? markdown_table(header, rows, !all) : text_table(header, rows));
}

std::string history_tables(const std::vector<ExperimentHistory>& history, bool all, bool markdown) {
    std::string text;
    for (std::size_t i = 0; i < history.size(); ++i) {
        if (markdown && !all && text.size() > most_markdown_bytes)
            return text + "\nand " + std::to_string(history.size() - i) + " more experiments\n";
        text += (i == 0 ? "" : "\n") + history_table(history[i], all, markdown);
    }
    return text;
}

std::string history_json(const std::vector<ExperimentHistory>& history, bool all) {
    ordered_json experiments = ordered_json::array();
    for (const ExperimentHistory& experiment : history) {
        ordered_json json = {
            {"name", experiment.name}, {"runs", ordered_json::array()}, {"series", ordered_json::array()}};
        for (const StoredResults& run : experiment.runs) {
            json["runs"].push_back({{"directory", run.directory},
                                    {"git_commit", run.git_commit},
                                    {"git_dirty", run.git_dirty},
                                    {"started", run.started}});
        }
        for (const Series* series : shown(experiment, all)) {
            ordered_json values = ordered_json::array();
            for (const auto& value : series->values) values.push_back(value ? ordered_json(*value) : ordered_json());
            ordered_json turns = ordered_json::array();
            for (const Turn& turn : series->turns) {
                turns.push_back({{"run", turn.run},
                                 {"git_commit", experiment.runs[turn.run].git_commit},
                                 {"status", name_of(turn.change)}});
            }
            json["series"].push_back({{"point", series->point},
                                      {"metric", series->metric},
                                      {"direction", name_of(series->direction)},
                                      {"values", values},
                                      {"changes", turns}});
        }
        experiments.push_back(std::move(json));
    }
    return ordered_json{{"schema_version", 1}, {"experiments", experiments}}.dump(
               2, ' ', false, ordered_json::error_handler_t::replace) +
           "\n";
}

std::string history_csv(const std::vector<ExperimentHistory>& history, bool all) {
    std::string csv = "experiment,point,metric,direction,directory,git_commit,started,value,change\n";
    for (const ExperimentHistory& experiment : history) {
        for (const Series* series : shown(experiment, all)) {
            for (std::size_t run = 0; run < series->values.size(); ++run) {
                const auto turn = std::find_if(series->turns.begin(), series->turns.end(),
                                               [run](const Turn& each) { return each.run == run; });
                csv += csv_field(experiment.name) + ',' + csv_field(series->point) + ',' + csv_field(series->metric) +
                       ',' + name_of(series->direction) + ',' + csv_field(experiment.runs[run].directory) + ',' +
                       csv_field(experiment.runs[run].git_commit) + ',' + csv_field(experiment.runs[run].started) +
                       ',' + (series->values[run] ? number_text(*series->values[run]) : "") + ',' +
                       (turn == series->turns.end() ? "" : name_of(turn->change)) + '\n';
            }
        }
    }
    return csv;
}

}  // namespace

std::string sparkline(const std::vector<std::optional<double>>& values) {
    static const char* const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    std::optional<double> low;
    std::optional<double> high;
    for (const auto& value : values) {
        if (!value) continue;
        low = low ? std::min(*low, *value) : *value;
        high = high ? std::max(*high, *value) : *value;
    }
    std::string line;
    for (const auto& value : values) {
        if (!value) {
            line += "·";
        } else if (*high == *low) {
            line += bars[3];
        } else {
            const double share = *value / 2.0 - *low / 2.0;  // halves: the range of two doubles may overflow
            line += bars[static_cast<std::size_t>(std::lround(share / (*high / 2.0 - *low / 2.0) * 7.0))];
        }
    }
    return line;
}

std::vector<ExperimentHistory> make_history(std::vector<StoredResults> results, const std::string& only) {
    std::map<std::string, std::vector<StoredResults>> by_name;
    for (StoredResults& each : results) {
        std::string name = each.name;
        by_name[std::move(name)].push_back(std::move(each));
    }
    std::vector<ExperimentHistory> history;
    for (auto& [name, runs] : by_name) history.push_back(history_of(name, std::move(runs), only));
    return history;
}

std::string history_output(const std::vector<ExperimentHistory>& history, const std::string& format, bool all) {
    if (format == "text" || format == "md") return history_tables(history, all, format == "md");
    if (format == "json") return history_json(history, all);
    if (format == "csv") return history_csv(history, all);
    throw std::invalid_argument("there is no format '" + format + "'; there are text, json, csv and md");
}

}  // namespace bcbench
