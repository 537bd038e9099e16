#include "experiments/history.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <stdexcept>

#include "experiments/canonical.hpp"
#include "experiments/files.hpp"
#include "experiments/plan.hpp"
#include "experiments/text_table.hpp"

namespace bcbench {

using nlohmann::ordered_json;

namespace {

// Turns of a series: every value against the last one before it; gone and back counts as well.
void find_turns(Series& series, const std::vector<std::string>& precisions,
                const ExperimentHistory& history) {
    std::optional<double> last;
    bool seen = false;
    for (std::size_t run = 0; run < series.values.size(); ++run) {
        const std::optional<double>& value = series.values[run];
        Change change = Change::same;
        if (value && last) {
            const double tolerance = tolerance_of(history.runs[run], series.metric, precisions[run], *last);
            change = judge(*last, *value, series.direction, tolerance);
        } else if (seen && value.has_value() != last.has_value()) {
            change = value ? Change::fixed : Change::missing;
        }
        if (change != Change::same && change != Change::within_tolerance)
            series.turns.push_back({run, change});
        seen = seen || value.has_value();
        last = value;
    }
}

ExperimentHistory history_of(std::string name, std::vector<StoredResults> runs, const std::string& only) {
    std::stable_sort(runs.begin(), runs.end(),
                     [](const StoredResults& a, const StoredResults& b) { return a.started < b.started; });
    ExperimentHistory history{std::move(name), {}, {}};
    std::map<std::pair<std::string, std::string>, std::size_t> places;
    std::vector<std::vector<std::string>> precisions;  // of each series, by run
    for (std::size_t run = 0; run < runs.size(); ++run) {
        for (const StoredPoint& point : runs[run].points) {
            if (!only.empty() && !selects(only, point.id)) continue;
            for (const StoredValue& value : point.values) {
                const auto [place, is_new] =
                    places.try_emplace({point.id, value.metric}, history.series.size());
                if (is_new) {
                    history.series.push_back({point.id,
                                              value.metric,
                                              value.direction,
                                              std::vector<std::optional<double>>(runs.size()),
                                              {}});
                    precisions.emplace_back(runs.size());
                }
                if (value.value && std::isfinite(*value.value))
                    history.series[place->second].values[run] = value.value;
                precisions[place->second][run] = point.precision;
            }
        }
    }
    for (StoredResults& run : runs) {
        run.points.clear();
        run.seconds.clear();
    }
    history.runs = std::move(runs);
    for (std::size_t s = 0; s < history.series.size(); ++s)
        find_turns(history.series[s], precisions[s], history);
    return history;
}

std::string run_name(const StoredResults& run) {
    return run.git_commit.empty() ? run.directory : run.git_commit.substr(0, 10);
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
        text +=
            (text.empty() ? "" : ", ") + run_name(history.runs[turn.run]) + " (" + name_of(turn.change) + ")";
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

std::string history_tables(const std::vector<ExperimentHistory>& history, bool all, bool markdown) {
    std::string text;
    for (const ExperimentHistory& experiment : history) {
        text += (text.empty() ? "" : "\n") + std::string(markdown ? "### " : "") + experiment.name + ", " +
                std::to_string(experiment.runs.size()) + " runs:";
        for (const StoredResults& run : experiment.runs) text += " " + run_name(run);
        text += '\n';
        const std::vector<const Series*> series = shown(experiment, all);
        if (series.empty()) {
            text += "no metric changed\n";
            continue;
        }
        const TextRow header = {"point", "metric", "course", "first", "last", "changed at"};
        std::vector<TextRow> rows;
        for (const Series* each : series) {
            rows.push_back({each->point, each->metric, sparkline(each->values),
                            number_cell(each->values.front()), number_cell(each->values.back()),
                            turns_text(experiment, *each)});
        }
        text += markdown ? markdown_table(header, rows, !all) : text_table(header, rows);
    }
    return text;
}

std::string history_json(const std::vector<ExperimentHistory>& history, bool all) {
    ordered_json experiments = ordered_json::array();
    for (const ExperimentHistory& experiment : history) {
        ordered_json json = {
            {"name", experiment.name}, {"runs", ordered_json::array()}, {"series", ordered_json::array()}};
        for (const StoredResults& run : experiment.runs) {
            json["runs"].push_back(
                {{"directory", run.directory}, {"git_commit", run.git_commit}, {"started", run.started}});
        }
        for (const Series* series : shown(experiment, all)) {
            ordered_json values = ordered_json::array();
            for (const auto& value : series->values)
                values.push_back(value ? ordered_json(*value) : ordered_json());
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
    return ordered_json{{"schema_version", 1}, {"experiments", experiments}}.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string history_csv(const std::vector<ExperimentHistory>& history, bool all) {
    std::string csv = "experiment,point,metric,direction,directory,git_commit,started,value,change\n";
    for (const ExperimentHistory& experiment : history) {
        for (const Series* series : shown(experiment, all)) {
            for (std::size_t run = 0; run < series->values.size(); ++run) {
                const auto turn = std::find_if(series->turns.begin(), series->turns.end(),
                                               [run](const Turn& each) { return each.run == run; });
                csv += csv_field(experiment.name) + ',' + csv_field(series->point) + ',' +
                       csv_field(series->metric) + ',' + name_of(series->direction) + ',' +
                       csv_field(experiment.runs[run].directory) + ',' + experiment.runs[run].git_commit +
                       ',' + experiment.runs[run].started + ',' +
                       (series->values[run] ? number_text(*series->values[run]) : "") + ',' +
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

std::string history_output(const std::vector<ExperimentHistory>& history, const std::string& format,
                           bool all) {
    if (format == "text" || format == "md") return history_tables(history, all, format == "md");
    if (format == "json") return history_json(history, all);
    if (format == "csv") return history_csv(history, all);
    throw std::invalid_argument("there is no format '" + format + "'; there are text, json, csv and md");
}

}  // namespace bcbench
