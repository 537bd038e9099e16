#include "engine/methods/harmony/problem.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <sstream>

#include "engine/core/check.hpp"
#include "engine/core/unlabelled.hpp"

namespace bcbench::harmony {

namespace {

std::string text_of(double value) {
    std::ostringstream text;
    text << value;
    return text.str();
}

std::string covariate_name(std::size_t covariate) { return "covariate " + std::to_string(covariate + 1); }

bool is_missing(const std::string& name) {
    for (const char* word : {"", "NA", "nan", "NaN", "<NA>", "None", unlabelled_name}) {
        if (name == word) return true;
    }
    return false;
}

/// A finite number, all of `text`.
std::optional<double> number_in(const std::string& text) {
    double value = 0.0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
    return value;
}

void require_present(const Labels& labels, std::size_t covariate) {
    for (std::size_t i = 0; i < labels.code.size(); ++i) {
        if (labels.code[i] < labels.count() && !is_missing(labels.names[labels.code[i]])) continue;
        const std::string found = labels.code[i] < labels.count() ? "'" + labels.names[labels.code[i]] + "'"
                                                                  : "code " + std::to_string(labels.code[i]) + " of " +
                                                                        std::to_string(labels.count()) + " names";
        throw std::invalid_argument(covariate_name(covariate) + ": the label of cell " + std::to_string(i) +
                                    " (counted from 0) is missing (" + found + "); label the cell or leave it out");
    }
}

/// Numbers that are not whole, many of them, are measurements and no labels.
void require_categories(const std::vector<Level>& levels, std::size_t covariate) {
    std::size_t fractions = 0;
    for (const Level& level : levels) {
        if (level.covariate != covariate) continue;
        const auto number = number_in(level.name);
        if (!number) return;
        fractions += *number != std::floor(*number);
    }
    require(fractions <= 20, (covariate_name(covariate) + " is continuous: " + std::to_string(fractions) +
                              " distinct numbers that are not whole (at most 20 are taken for labels); harmony "
                              "corrects for categories")
                                 .c_str());
}

/// Level of each label of a covariate, appended to `levels` for those that have cells. [names]
std::vector<std::uint32_t> add_levels(const Labels& labels, std::size_t covariate, std::vector<Level>& levels) {
    const std::vector<std::size_t> sizes = label_sizes(labels);
    std::vector<std::uint32_t> level(labels.count(), 0);
    for (std::size_t name = 0; name < labels.count(); ++name) {
        if (sizes[name] == 0) continue;
        level[name] = static_cast<std::uint32_t>(levels.size());
        levels.push_back({static_cast<std::uint32_t>(covariate), labels.names[name], sizes[name]});
    }
    return level;
}

void cut_tiles(Levels& all) {
    // at most 64 partial sums beside one per combination, whatever the number of threads
    const std::size_t cells_of_segment = std::max(tile_width, (all.n_cells() / 64 / tile_width + 1) * tile_width);
    for (std::size_t g = 0; g < all.n_combinations(); ++g) {
        const std::uint32_t end = all.first_position[g + 1];
        std::uint32_t covered = 0;
        for (std::uint32_t first = all.first_position[g]; first < end; first += tile_width) {
            const std::uint32_t count = std::min<std::uint32_t>(tile_width, end - first);
            if (first == all.first_position[g] || covered >= cells_of_segment) {
                all.segments.push_back(
                    {static_cast<std::uint32_t>(g), static_cast<std::uint32_t>(all.tiles.size()), 0});
                covered = 0;
            }
            all.tiles.push_back({static_cast<std::uint32_t>(g), first, count});
            ++all.segments.back().n_tiles;
            covered += count;
        }
    }
}

void add_notes(const Levels& levels, Problem& problem) {
    const std::size_t n = levels.n_cells();
    if (levels.levels.size() > n / 2 && n > 1) {
        problem.notes.push_back(std::to_string(levels.levels.size()) + " levels for " + std::to_string(n) +
                                " cells: a covariate that tells single cells apart cannot be corrected for");
    }
    for (std::size_t c = 0; c < levels.n_covariates(); ++c) {
        std::size_t singletons = 0;
        for (std::uint32_t b = levels.first_level[c]; b < levels.first_level[c + 1]; ++b) {
            singletons += levels.levels[b].n_cells == 1;
        }
        if (singletons * 10 > n) {
            problem.notes.push_back(covariate_name(c) + ": " + std::to_string(singletons) + " of " + std::to_string(n) +
                                    " cells are alone in their level");
        }
        if (levels.first_level[c + 1] - levels.first_level[c] > 1) continue;
        problem.notes.push_back(covariate_name(c) + " has the single level '" +
                                levels.levels[levels.first_level[c]].name + "': there is nothing to correct for");
    }
}

std::vector<char> reference_levels(const std::vector<std::string>& names, const std::vector<Level>& levels) {
    std::vector<char> is_reference(levels.size(), 0);
    for (const std::string& name : names) {
        bool found = false;
        for (std::size_t b = 0; b < levels.size(); ++b) {
            if (levels[b].name != name) continue;
            is_reference[b] = 1;
            found = true;
        }
        require(found, ("reference: no level is called '" + name + "'").c_str());
    }
    return is_reference;
}

}  // namespace

Levels make_levels(std::size_t n_cells, std::span<const Labels> covariates) {
    require(n_cells >= 1, "harmony needs at least 1 cell, got 0");
    require(n_cells < (std::size_t{1} << 32), "harmony takes fewer than 2^32 cells");
    require(!covariates.empty(), "harmony needs at least one covariate to correct for, got none");
    Levels all;
    std::vector<std::vector<std::uint32_t>> level_of(covariates.size());
    for (std::size_t c = 0; c < covariates.size(); ++c) {
        const Labels& labels = covariates[c];
        require(labels.code.size() == n_cells, (covariate_name(c) + " has " + std::to_string(labels.code.size()) +
                                                " labels for " + std::to_string(n_cells) + " cells")
                                                   .c_str());
        require_present(labels, c);
        all.first_level.push_back(static_cast<std::uint32_t>(all.levels.size()));
        level_of[c] = add_levels(labels, c, all.levels);
        require_categories(all.levels, c);
    }
    all.first_level.push_back(static_cast<std::uint32_t>(all.levels.size()));

    // a stable sort by the last covariate, then the one before, ...: cells of a combination ascend
    std::vector<std::uint32_t> order(n_cells);
    std::iota(order.begin(), order.end(), 0U);
    std::vector<std::uint32_t> sorted(n_cells);
    for (std::size_t c = covariates.size(); c-- > 0;) {
        const Labels& labels = covariates[c];
        std::vector<std::uint32_t> place(labels.count() + 1, 0);
        for (const std::uint32_t code : labels.code) ++place[code + 1];
        std::partial_sum(place.begin(), place.end(), place.begin());
        for (const std::uint32_t cell : order) sorted[place[labels.code[cell]]++] = cell;
        std::swap(order, sorted);
    }
    all.order = std::move(order);
    all.combination_of.resize(n_cells);
    for (std::uint32_t p = 0; p < n_cells; ++p) {
        bool same = p > 0;
        for (std::size_t c = 0; same && c < covariates.size(); ++c) {
            same = covariates[c].code[all.order[p]] == covariates[c].code[all.order[p - 1]];
        }
        if (!same) {
            all.first_position.push_back(p);
            for (std::size_t c = 0; c < covariates.size(); ++c) {
                all.combinations.push_back(level_of[c][covariates[c].code[all.order[p]]]);
            }
        }
        all.combination_of[p] = static_cast<std::uint32_t>(all.first_position.size() - 1);
    }
    all.first_position.push_back(static_cast<std::uint32_t>(n_cells));
    cut_tiles(all);
    return all;
}

std::vector<double> per_level(const std::vector<double>& values, const Levels& levels, const char* what) {
    const std::size_t n_levels = levels.levels.size();
    if (values.size() == n_levels) return values;
    std::vector<double> expanded;
    for (const Level& level : levels.levels) {
        if (values.size() == 1) {
            expanded.push_back(values[0]);
        } else if (values.size() == levels.n_covariates()) {
            expanded.push_back(values[level.covariate]);
        }
    }
    require(expanded.size() == n_levels,
            (std::string(what) + " has " + std::to_string(values.size()) + " values; it takes 1, one per covariate (" +
             std::to_string(levels.n_covariates()) + ") or one per level (" + std::to_string(n_levels) + ")")
                .c_str());
    return expanded;
}

Problem make_problem(const Options& options, std::size_t n_features, Levels levels) {
    Problem problem;
    const std::size_t n = levels.n_cells();
    problem.n_features = n_features;
    const bool first_version = options.variant == Variant::harmony1;
    const auto default_clusters =
        std::clamp<std::int64_t>(std::llrint(static_cast<double>(n) / 30.0), 1, 100);  // half to even
    const std::int64_t clusters = options.n_clusters.value_or(default_clusters);
    require(clusters >= 1 && static_cast<std::uint64_t>(clusters) <= n,
            ("n_clusters is " + std::to_string(clusters) + "; it must be at least 1 and at most the number of cells, " +
             std::to_string(n))
                .c_str());
    problem.n_clusters = static_cast<std::size_t>(clusters);
    problem.max_rounds = options.max_iter_cluster.value_or(first_version ? 20 : 4);

    for (const Level& level : levels.levels) {
        problem.share.push_back(static_cast<double>(level.n_cells) / static_cast<double>(n));
    }
    problem.theta = per_level(options.theta, levels, "theta");
    if (options.tau > 0.0) {
        for (std::size_t b = 0; b < problem.theta.size(); ++b) {
            const double cells_per_cluster =
                static_cast<double>(levels.levels[b].n_cells) / (static_cast<double>(clusters) * options.tau);
            problem.theta[b] *= 1.0 - std::exp(-cells_per_cluster * cells_per_cluster);
        }
    }
    if (options.lambda) {
        problem.lambda = per_level(*options.lambda, levels, "lambda");
    } else if (first_version) {
        problem.lambda.assign(levels.levels.size(), 1.0);
    }
    problem.sigma = options.sigma;
    if (problem.sigma.size() == 1) problem.sigma.assign(problem.n_clusters, options.sigma[0]);
    require(problem.sigma.size() == problem.n_clusters,
            ("sigma has " + std::to_string(problem.sigma.size()) + " values; it takes 1 or one per cluster (" +
             std::to_string(problem.n_clusters) + ")")
                .c_str());
    problem.is_reference = reference_levels(options.reference, levels.levels);
    problem.block_size = options.block_size;
    if (n < 40 && options.block_size < 0.2) {
        problem.block_size = 0.2;
        problem.notes.push_back("fewer than 40 cells (" + std::to_string(n) + "): block_size is 0.2 instead of " +
                                text_of(options.block_size));
    }
    add_notes(levels, problem);
    problem.levels = std::move(levels);
    return problem;
}

}  // namespace bcbench::harmony
