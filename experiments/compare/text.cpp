#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sstream>

#include "experiments/compare/output.hpp"
#include "experiments/text/canonical.hpp"
#include "experiments/text/table.hpp"

namespace bcbench {

namespace {

constexpr std::size_t most_markdown_notes = 10;
constexpr std::size_t longest_markdown_note = 300;  // bytes

std::string printed(const char* format, double value) {
    char text[64];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

std::string printed(std::optional<double> value, const char* format = "%.6g") {
    return value ? printed(format, *value) : "";
}

std::string percent(const ValueChange& value) {
    const std::optional<double> difference = value.difference();
    if (!difference || *value.base == 0.0 || *difference == 0.0) return "";
    const double share = 100.0 * *difference / std::abs(*value.base);
    return std::abs(share) < 1000.0 ? printed(std::abs(share) < 99.5 ? "%+.2g %%" : "%+.0f %%", share) : "";
}

// A table with one kind of change per row.
struct Listing {
    std::string title;
    TextRow header;
    std::vector<TextRow> rows;
    std::vector<Change> changes;  // of the rows
};

// Values of seeds that decide together stand in the list of seeds; by themselves only if `all` are asked for.
Listing values_listing(const CompareReport& report, bool all) {
    Listing listing{"Values", {"status", "point", "metric", "base", "candidate", "difference", "", "reason"}, {}, {}};
    for (const ValueChange* value : shown_values(report, all)) {
        if (value->over_seeds && !all) continue;
        const std::string reason = value->over_seeds ? "see seeds" : value->reason;
        listing.rows.push_back({name_of(value->change), value->point, value->metric, printed(value->base),
                                printed(value->candidate), printed(value->difference(), "%+.3g"), percent(*value),
                                reason});
        listing.changes.push_back(value->change);
    }
    return listing;
}

Listing seeds_listing(const CompareReport& report, bool all) {
    Listing listing{
        "Means over seeds, paired; 95 % confidence interval, p corrected for the number of tests (Holm)",
        {"status", "points", "metric", "seeds", "base", "candidate", "difference", "interval", "p", "reason"},
        {},
        {}};
    for (const SeedsChange* group : shown_seeds(report, all)) {
        listing.rows.push_back({name_of(group->change), group->group, group->metric, std::to_string(group->n),
                                printed("%.6g", group->base_mean), printed("%.6g", group->candidate_mean),
                                printed("%+.3g", group->difference),
                                "[" + printed("%+.3g", group->low) + ", " + printed("%+.3g", group->high) + "]",
                                printed("%.2g", group->p_holm), group->reason});
        listing.changes.push_back(group->change);
    }
    return listing;
}

std::string interval_text(const TimeChange& time) {
    return std::isfinite(time.high) ? "[" + printed("%.3f", time.low) + ", " + printed("%.3f", time.high) + "]" : "";
}

Listing times_listing(const CompareReport& report, const CompareOptions& options, bool all) {
    Listing listing{"Times, candidate / base; slower or faster: beyond a factor of " +
                        number_text(options.time_factor) + " and significant (Mann-Whitney, Holm)",
                    {"status", "point", "stage", "repeats", "ratio", "interval", "p"},
                    {},
                    {}};
    for (const TimeChange* time : shown_times(report, all)) {
        if (time->change == Change::undecided && !all) continue;
        listing.rows.push_back({time_name_of(time->change), time->point, time->stage,
                                std::to_string(time->n_base) + " + " + std::to_string(time->n_candidate),
                                printed("%.3f", time->ratio), interval_text(*time), printed("%.2g", time->p_holm)});
        listing.changes.push_back(time->change);
    }
    return listing;
}

// Columns that no row fills are left out.
Listing without_empty_columns(Listing listing) {
    for (std::size_t c = listing.header.size(); c-- > 1;) {
        const bool empty =
            std::all_of(listing.rows.begin(), listing.rows.end(), [c](const TextRow& row) { return row[c].empty(); });
        if (!empty) continue;
        for (TextRow& row : listing.rows) row.erase(row.begin() + static_cast<std::ptrdiff_t>(c));
        listing.header.erase(listing.header.begin() + static_cast<std::ptrdiff_t>(c));
    }
    return listing;
}

const char* color_of(Change change) {
    switch (change) {
        case Change::worse:
        case Change::newly_failing:
        case Change::missing:
        case Change::changed:
            return "\033[31m";
        case Change::not_comparable:
        case Change::undecided:
        case Change::still_failing:
            return "\033[33m";
        case Change::better:
        case Change::fixed:
            return "\033[32m";
        default:
            return "";
    }
}

std::string text_of(Listing listing, bool colors) {
    if (listing.rows.empty()) return "";
    listing = without_empty_columns(std::move(listing));
    const std::string table = text_table(listing.header, listing.rows);
    std::string text = "\n" + listing.title + "\n";
    std::istringstream lines(table);
    std::size_t number = 0;
    for (std::string line; std::getline(lines, line); ++number) {
        const char* color = colors && number >= 2 ? color_of(listing.changes[number - 2]) : "";
        text += *color == '\0' ? line + "\n" : color + line + "\033[0m\n";
    }
    return text;
}

std::string markdown_of(Listing listing, bool all) {
    if (listing.rows.empty()) return "";
    listing = without_empty_columns(std::move(listing));
    return "\n**" + listing.title + "**\n\n" + markdown_table(listing.header, listing.rows, !all);
}

std::string markdown_notes(const std::vector<std::string>& notes, bool all) {
    std::string text;
    const std::size_t shown = all ? notes.size() : std::min(notes.size(), most_markdown_notes);
    for (std::size_t i = 0; i < shown; ++i)
        text += "\n> " + markdown_cell(all ? notes[i] : without_middle(notes[i], longest_markdown_note)) + "\n";
    return shown == notes.size() ? text : text + "\n> and " + std::to_string(notes.size() - shown) + " more notes\n";
}

std::string source_of(const StoredResults& results) {
    std::string text = results.directory;
    if (!results.git_commit.empty()) {
        text += " (commit " + results.git_commit.substr(0, 10) + (results.git_dirty ? " with changes" : "") +
                (results.started.empty() ? "" : ", " + results.started) + ")";
    }
    return text;
}

// Why a time gate that was asked for says little.
std::string time_hint(const CompareReport& report, const CompareOptions& options) {
    if (!options.times) return "";
    const auto few = std::find_if(report.times.begin(), report.times.end(), [](const TimeChange& time) {
        return time.stage == "fit" && time.change == Change::undecided;
    });
    return few == report.times.end() ? "" : few->reason + " (timing.repeats in the config, and run --fresh)\n";
}

std::string sentence(const CompareReport& report) {
    return report.identical ? "metrics.csv is the same byte for byte" : "metrics.csv differs";
}

}  // namespace

std::string compare_text(const CompareReport& report, const CompareOptions& options, const CompareFormat& format) {
    std::string text = "base       " + one_line(source_of(report.base)) + "\ncandidate  " +
                       one_line(source_of(report.candidate)) + "\n" + sentence(report) + "\n";
    for (const std::string& note : report.notes) text += "note: " + one_line(note) + "\n";
    text += text_of(values_listing(report, format.all), format.colors);
    text += text_of(seeds_listing(report, format.all), format.colors);
    text += text_of(times_listing(report, options, format.all), format.colors);
    const bool good = report.verdict == Verdict::good;
    const char* color = !format.colors ? "" : good ? "\033[32m" : "\033[31m";
    return text + "\n" + counts_text(report) + "\n" + time_hint(report, options) + color + name_of(report.verdict) +
           (format.colors ? "\033[0m" : "") + "\n";
}

std::string compare_markdown(const CompareReport& report, const CompareOptions& options, const CompareFormat& format) {
    const char* const mark = report.verdict == Verdict::good             ? "✅"
                             : report.verdict == Verdict::not_comparable ? "❓"
                                                                         : "❌";
    std::string text = std::string("### ") + mark + " Comparison: " + name_of(report.verdict) + "\n\n";
    const auto source = [](const StoredResults& results) {
        return markdown_cell(without_middle(source_of(results), longest_markdown_note));
    };
    text += "base " + source(report.base) + "  \ncandidate " + source(report.candidate) + "\n\n" + sentence(report) +
            "; " + counts_text(report) + ".\n" + markdown_notes(report.notes, format.all);
    text += markdown_of(values_listing(report, format.all), format.all);
    text += markdown_of(seeds_listing(report, format.all), format.all);
    text += markdown_of(times_listing(report, options, format.all), format.all);
    const std::string hint = time_hint(report, options);
    return hint.empty() ? text : text + "\n" + hint;
}

}  // namespace bcbench
