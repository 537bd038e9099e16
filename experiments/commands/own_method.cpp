#include "experiments/commands/own_method.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "engine/core/parallel.hpp"
#include "experiments/bindings/datasets.hpp"
#include "experiments/catalog/catalog.hpp"
#include "experiments/checks/method_settings.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/system/clock.hpp"
#include "experiments/system/files.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {

namespace {

constexpr const char* script =
    R"TEMPLATE("""NAME: say here what it does. Start with: bcbench check-method NAME.config.json --allow-commands"""
import csv
import json
import sys
import time
from pathlib import Path

import numpy as np

source, target = Path(sys.argv[1]), Path(sys.argv[2])
settings = json.loads((source / "params.json").read_text())  # params, seed, threads, n_cells, n_features
params = settings["params"]
cells = np.load(source / "cells.npy")  # cells x features
with open(source / "obs.csv", newline="", encoding="utf-8") as file:
    obs = list(csv.DictReader(file))  # cell, batch and covariates; type if NAME.json says "needs": {"types": true}
batch = np.array([row["batch"] for row in obs])

if len(set(batch)) < 2:
    print("needs at least two batches")  # the last line says why the method does not apply
    sys.exit(99)

start = time.perf_counter()
corrected = cells.copy()
for name in sorted(set(batch)):  # your method: here the mean of each batch moves to that of all cells
    corrected[batch == name] += params["strength"] * (cells.mean(axis=0) - cells[batch == name].mean(axis=0))
seconds = time.perf_counter() - start

np.save(target / "corrected.npy", corrected)
with open(target / "cells.csv", "w", newline="", encoding="utf-8") as file:  # in the order of the rows of corrected.npy
    csv.writer(file).writerows([["cell"]] + [[row["cell"]] for row in obs])
(target / "timings.json").write_text(json.dumps({"fit": seconds}))
)TEMPLATE";

constexpr const char* declaration = R"TEMPLATE({
  "contract": 1,
  "summary": "say here in one line what NAME does",
  "parameters": {
    "strength": {"type": "number", "default": 1.0, "range": [0, 1], "help": "how far the means move; larger moves further"}
  },
  "needs": {"batches": 1, "types": false},
  "version_command": ["python3", "-c", "import numpy; print('numpy', numpy.__version__)"]
}
)TEMPLATE";

constexpr const char* experiment = R"TEMPLATE({
  "schema_version": 1,
  "name": "NAME",
  "datasets": [
    {"label": "two_batch", "type": "gaussian_batches", "params": {"n_cells_per_batch": 200}}
  ],
  "methods": [
    {"label": "Uncorrected", "type": "uncorrected"},
    {"label": "Harmony", "type": "harmony", "seeds": [0, 1]},
    {"label": "NAME", "type": "command", "params": {"command": ["python3", "NAME.py"]},
     "seeds": [0, 1], "sweep": {"grid": {"strength": [0.5, 1]}}}
  ]
}
)TEMPLATE";

std::string with_name(std::string text, const std::string& name) {
    for (std::size_t at = 0; (at = text.find("NAME", at)) != std::string::npos; at += name.size())
        text.replace(at, 4, name);
    return text;
}

// ---- the check ----

struct Trial {
    const char* name;
    nlohmann::json params;  // of gaussian_batches
};

const std::vector<Trial>& trials() {
    static const std::vector<Trial> made = {
        {"two batches", {{"n_cells_per_batch", 40}, {"batch_shifts", {0, 3}}, {"n_features", 8}}},
        {"three uneven batches", {{"n_cells_per_batch", {6, 33, 17}}, {"batch_shifts", {0, 1, -2}}, {"n_features", 7}}},
        {"a single batch", {{"n_cells_per_batch", 25}, {"batch_shifts", {0}}, {"n_features", 5}}}};
    return made;
}

bool same_bytes(const arma::mat& a, const arma::mat& b) {
    if (arma::size(a) != arma::size(b)) return false;
    return a.is_empty() || std::memcmp(a.memptr(), b.memptr(), a.n_elem * sizeof(double)) == 0;
}

// What one run gives: a line of what is right or wrong, and the cells if there are any.
struct Tried {
    bool keeps_contract = true;
    std::string words;
    arma::mat corrected;
};

Tried try_once(const std::string& type, const MethodSettings& settings, const Dataset<double>& data) {
    const double start = seconds_now();
    try {
        const Fit<double> fit = fit_method(type, settings, data);
        char seconds[64];
        std::snprintf(seconds, sizeof seconds, "%.2f s", seconds_now() - start);
        std::string words = "ok, " + std::to_string(fit.corrected.n_cols) + " x " +
                            std::to_string(fit.corrected.n_rows) + " in " + seconds;
        if (fit.reported_seconds) {
            std::snprintf(seconds, sizeof seconds, "%.2f s", *fit.reported_seconds);
            words += std::string(", ") + seconds + " by its own clock";
        }
        return {true, words, fit.corrected};
    } catch (const NotApplicable& reason) {
        return {true, std::string("not applicable: ") + reason.what(), {}};
    } catch (const std::exception& error) {
        return {false, error.what(), {}};
    }
}

bool check_method(const Point& point, const Config& config) {
    bool all_good = true;
    bool seed_matters = false;
    bool has_values = false;
    std::string last_fault;
    const auto say = [&](const std::string& where, bool good, const std::string& words) {
        all_good = all_good && good;
        std::cout << "  " << (good ? "ok      " : "BROKEN  ") << where << ": "
                  << (!good && words == last_fault ? "the same" : words) << '\n'
                  << std::flush;
        if (!good) last_fault = words;
    };
    for (const Trial& trial : trials()) {
        MethodSettings settings = settings_of(point, config);
        settings.precision = Precision::float64;
        nlohmann::json params;
        for (const Parameter& parameter : dataset_named("gaussian_batches").parameters())
            if (parameter.name != "seed") params[parameter.name] = parameter.default_value;
        params.update(trial.params);
        const Dataset<double> data = load_dataset("gaussian_batches", {params, 1, ""});
        arma::mat first;
        for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{1}}) {
            settings.seed = seed;
            const Tried tried = try_once(point.method_type, settings, data);
            say(std::string(trial.name) + ", seed " + std::to_string(seed), tried.keeps_contract, tried.words);
            has_values = has_values || !tried.corrected.empty();
            if (seed == 0) first = tried.corrected;
            if (seed == 1) seed_matters = seed_matters || !same_bytes(first, tried.corrected);
        }
        if (first.empty() || &trial != &trials().front()) continue;
        settings.seed = 0;
        const Tried again = try_once(point.method_type, settings, data);
        say(std::string(trial.name) + ", seed 0 again", again.keeps_contract && same_bytes(first, again.corrected),
            !again.keeps_contract                ? again.words
            : same_bytes(first, again.corrected) ? "the same bytes"
                                                 : "other values than before: the method draws without the seed, or "
                                                   "depends on what is not in its input");
    }
    if (!has_values) say("all datasets", false, "the method gave no cells at all");
    if (has_values)
        std::cout << "  note    the seed " << (seed_matters ? "changes" : "does not change") << " its values\n";
    return all_good;
}

}  // namespace

void new_method(const std::string& name) {
    const bool is_name = !name.empty() && name.find_first_not_of(
                                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                              "0123456789_") == std::string::npos;
    if (!is_name) throw std::invalid_argument("the name of a method must be letters, digits and _, not '" + name + "'");
    const std::vector<std::pair<std::string, const char*>> files = {
        {name + ".py", script}, {name + ".json", declaration}, {name + ".config.json", experiment}};
    for (const auto& [file, text] : files)
        if (std::filesystem::exists(file)) throw FileError(file + " is there already; nothing was written");
    for (const auto& [file, text] : files) write_atomically(file, with_name(text, name));
    std::cout << "wrote " << name << ".py (the method, in Python with NumPy), " << name << ".json (its parameters), "
              << name << ".config.json (an experiment)\nnext: bcbench check-method " << name
              << ".config.json --allow-commands\nthen: bcbench run " << name << ".config.json --allow-commands\n";
}

bool check_methods(const Config& config) {
    const Plan plan(config, catalog());
    std::string last;
    bool all_good = true;
    std::size_t n_checked = 0;
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(plan.size(), most_points_of_run); ++i) {
        const Point point = plan.at(i);
        if (point.dataset_id != plan.at(0).dataset_id) break;  // every dataset meets the same methods
        if (!method_named(point.method_type).runs_commands || point.method_label == last) continue;
        last = point.method_label;
        if (!config.allow_commands)
            throw ConfigError(config.file.string(), {{"",
                                                      "runs programs; allow it with --allow-commands or "
                                                      "BCBENCH_ALLOW_COMMANDS=1 if you trust the config"}});
        std::cout << point.method_label << ' ' << point.params << '\n';
        all_good = check_method(point, config) && all_good;
        ++n_checked;
    }
    if (n_checked == 0) throw ConfigError(config.file.string(), {{"", "has no method of type command"}});
    return all_good;
}

}  // namespace bcbench
