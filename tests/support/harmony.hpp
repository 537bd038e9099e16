// Harmony in tests: the golden cases, and the reference called with the engine's options.
#pragma once

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/core/random.hpp"
#include "engine/methods/harmony/method.hpp"
#include "engine/reference/harmony.hpp"

namespace bcbench::testing {

/// tests/golden/harmony.json: intermediate values of an independent program with all random choices given.
inline const nlohmann::json& golden_harmony() {
    static const nlohmann::json values = [] {
        std::ifstream stream(BCBENCH_SOURCE_DIR "/tests/golden/harmony.json");
        if (!stream) throw std::runtime_error("tests/golden/harmony.json is missing");
        return nlohmann::json::parse(stream);
    }();
    return values;
}

/// Rows of a nested list as columns. [row length x rows]
inline arma::mat columns_of(const nlohmann::json& rows) {
    arma::mat columns(rows.at(0).size(), rows.size());
    for (arma::uword i = 0; i < columns.n_cols; ++i) {
        for (arma::uword f = 0; f < columns.n_rows; ++f) columns(f, i) = rows[i][f].get<double>();
    }
    return columns;
}

/// Labels with their names in sorted order.
inline Labels sorted_labels(const std::vector<std::string>& label) {
    const std::set<std::string> distinct(label.begin(), label.end());
    Labels labels;
    labels.names.assign(distinct.begin(), distinct.end());
    for (const std::string& name : label) {
        labels.code.push_back(static_cast<std::uint32_t>(std::distance(distinct.begin(), distinct.find(name))));
    }
    return labels;
}

struct HarmonyCase {
    std::string name;
    arma::mat cells;  // [F x n]
    std::vector<Labels> covariates;
    harmony::Options options;
    harmony::Choices choices;
    const nlohmann::json* expect = nullptr;
};

inline HarmonyCase golden_case(const nlohmann::json& json) {
    HarmonyCase golden;
    golden.name = json.at("name");
    golden.cells = columns_of(json.at("cells"));
    for (const auto& batch : json.at("batches")) {
        golden.covariates.push_back(sorted_labels(batch.get<std::vector<std::string>>()));
    }
    harmony::Options& options = golden.options;
    options.n_clusters = json.at("n_clusters").get<std::int64_t>();
    for (const auto& [key, value] : json.at("options").items()) {
        if (key == "max_iter") {
            options.max_iter = value;
        } else if (key == "max_iter_cluster") {
            options.max_iter_cluster = value.get<std::int64_t>();
        } else if (key == "epsilon_harmony") {
            if (value.get<double>() < -1e8)
                options.epsilon_harmony = std::nullopt;
            else
                options.epsilon_harmony = value.get<double>();
        } else if (key == "epsilon_cluster") {
            options.epsilon_cluster = value.get<double>();
        } else if (key == "covariate_penalty") {
            options.covariate_penalty =
                value == "sum" ? harmony::CovariatePenalty::sum : harmony::CovariatePenalty::product;
        } else if (key == "theta") {
            options.theta = value.get<std::vector<double>>();
        } else if (key == "lam") {
            options.lambda =
                value.is_number() ? std::vector<double>{value.get<double>()} : value.get<std::vector<double>>();
        } else if (key == "sigma") {
            options.sigma = {value.get<double>()};
        } else if (key == "block_size") {
            options.block_size = value;
        } else if (key == "batch_prop_cutoff") {
            options.batch_prop_cutoff = value;
        } else if (key == "tau") {
            options.tau = value;
        } else if (key == "reference") {
            options.reference = value.get<std::vector<std::string>>();
        } else if (key == "variant") {
            options.variant = value == "harmony1" ? harmony::Variant::harmony1 : harmony::Variant::harmony2;
        } else {
            throw std::runtime_error("tests/golden/harmony.json: unknown option " + key);
        }
    }
    golden.choices.seeds = json.at("seeds").get<std::vector<std::uint32_t>>();
    golden.choices.orders = json.at("orders").get<std::vector<std::vector<std::uint32_t>>>();
    golden.expect = &json.at("expect");
    return golden;
}

/// `values`, one for all, per covariate or per level, as one per level.
inline std::vector<double> repeated(const std::vector<double>& values, const std::vector<Labels>& covariates) {
    std::vector<double> all;
    for (std::size_t c = 0; c < covariates.size(); ++c) {
        for (std::size_t b = 0; b < covariates[c].count(); ++b) {
            all.push_back(values[values.size() == 1 ? 0 : values.size() == covariates.size() ? c : all.size()]);
        }
    }
    return all;
}

/// The engine's options as the reference takes them, for covariates whose names all have cells.
inline reference::RealHarmonyOptions reference_options(const harmony::Options& options, std::size_t n_cells,
                                                       const std::vector<Labels>& covariates,
                                                       const harmony::Choices& choices) {
    reference::RealHarmonyOptions concrete;
    const auto n = static_cast<double>(n_cells);
    concrete.first_version = options.variant == harmony::Variant::harmony1;
    const double clusters = std::min(std::max(std::nearbyint(n / 30.0), 1.0), 100.0);
    concrete.n_clusters = static_cast<std::size_t>(options.n_clusters.value_or(static_cast<std::int64_t>(clusters)));
    concrete.theta = repeated(options.theta, covariates);
    concrete.sigma =
        options.sigma.size() == 1 ? std::vector<double>(concrete.n_clusters, options.sigma[0]) : options.sigma;
    if (options.lambda) concrete.lambda = repeated(*options.lambda, covariates);
    concrete.alpha = options.alpha;
    concrete.tau = options.tau;
    concrete.max_iter = static_cast<int>(options.max_iter);
    concrete.max_rounds = static_cast<int>(options.max_iter_cluster.value_or(concrete.first_version ? 20 : 4));
    concrete.epsilon_cluster = options.epsilon_cluster;
    concrete.epsilon_harmony = options.epsilon_harmony;
    concrete.block_size = n_cells < 40 ? std::max(options.block_size, 0.2) : options.block_size;
    concrete.batch_prop_cutoff = options.batch_prop_cutoff;
    concrete.sum_of_penalties = options.covariate_penalty == harmony::CovariatePenalty::sum;
    concrete.stop_on_increase = options.stop_on_increase;
    std::size_t level = 0;
    for (const Labels& covariate : covariates) {
        for (const std::string& name : covariate.names) {
            const auto& names = options.reference;
            if (std::find(names.begin(), names.end(), name) != names.end()) concrete.reference.push_back(level);
            ++level;
        }
    }
    concrete.lloyd_steps = static_cast<int>(options.lloyd_steps);
    concrete.seed = static_cast<std::uint64_t>(options.seed);
    concrete.seeds = choices.seeds;
    concrete.orders = choices.orders;
    return concrete;
}

/// What both programs return, in one form.
struct HarmonyValues {
    arma::mat corrected, assignments, centroids, expected, observed, objective_rounds, cluster_sum;
    arma::vec cluster_weight;
    arma::cube coefficients;
    std::vector<std::vector<std::uint32_t>> kept;
    std::vector<double> objective;
    std::vector<std::int64_t> rounds;
    std::vector<std::uint32_t> seeds;
    std::int64_t iterations = 0;
    std::string status;
};

template <class Real>
HarmonyValues engine_values(const arma::mat& cells, const std::vector<Labels>& covariates, harmony::Options options,
                            const harmony::Choices& choices) {
    options.keep_assignments = true;
    const auto result = harmony::forward<Real>(arma::conv_to<Matrix<Real>>::from(cells), covariates, options, choices);
    HarmonyValues values{arma::conv_to<arma::mat>::from(result.corrected),
                         arma::conv_to<arma::mat>::from(result.assignments),
                         result.centroids,
                         result.expected,
                         result.observed,
                         arma::mat(3, result.objective_rounds.size()),
                         result.cluster_sum,
                         result.cluster_weight,
                         result.coefficients,
                         result.kept,
                         result.objective,
                         result.rounds,
                         result.seeds,
                         result.iterations,
                         {}};
    for (arma::uword t = 0; t < result.objective_rounds.size(); ++t) {
        const harmony::Objective& parts = result.objective_rounds[t];
        values.objective_rounds.col(t) = arma::vec{parts.distance, parts.entropy, parts.diversity};
    }
    const char* names[] = {"converged", "objective_rose", "max_iterations", "nothing_to_correct"};
    values.status = names[static_cast<int>(result.status)];
    return values;
}

inline HarmonyValues reference_values(const arma::mat& cells, const std::vector<Labels>& covariates,
                                      const harmony::Options& options, const harmony::Choices& choices) {
    const auto result =
        reference::harmony(cells, covariates, reference_options(options, cells.n_cols, covariates, choices));
    return {result.corrected,   result.assignments,    result.centroids,
            result.expected,    result.observed,       result.objective_rounds,
            result.cluster_sum, result.cluster_weight, result.coefficients,
            result.kept,        result.objective,      {result.rounds.begin(), result.rounds.end()},
            result.seeds,       result.iterations,     result.status};
}

/// The largest |a - b| / max(|a|, |b|, floor).
inline double apart(const arma::mat& a, const arma::mat& b, double floor) {
    if (arma::size(a) != arma::size(b) || a.has_nan() || b.has_nan()) return arma::datum::inf;
    double largest = 0.0;
    for (arma::uword i = 0; i < a.n_elem; ++i) {
        const double size = std::max({std::abs(a[i]), std::abs(b[i]), floor});
        largest = std::max(largest, std::abs(a[i] - b[i]) / size);
    }
    return largest;
}

/// Cells of `n_types` types in 3 batches with shifts; type and batch irregular.
inline arma::mat harmony_cells(arma::uword n_features, arma::uword n, std::uint64_t key) {
    arma::mat cells = arma::conv_to<arma::mat>::from(normal(make_key(key), n_features, n));
    const arma::mat centres = 3.0 * arma::conv_to<arma::mat>::from(normal(make_key(key + 1), n_features, 4));
    const arma::mat shifts = arma::conv_to<arma::mat>::from(normal(make_key(key + 2), n_features, 3));
    for (arma::uword i = 0; i < n; ++i) {
        cells.col(i) += centres.col(i * 7 % 11 % 4) + shifts.col(i * i % 7 % 3);
    }
    return cells;
}

/// The batches of harmony_cells.
inline Labels harmony_batches(arma::uword n) {
    Labels labels;
    labels.names = {"a", "b", "c"};
    for (arma::uword i = 0; i < n; ++i) labels.code.push_back(static_cast<std::uint32_t>(i * i % 7 % 3));
    return labels;
}

}  // namespace bcbench::testing
