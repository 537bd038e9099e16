// Steps shared by the readers of a config's parts. They report every fault and read on with defaults, so that
// one run shows all that is wrong.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/config/config.hpp"
#include "experiments/config/keys.hpp"
#include "experiments/text/fault.hpp"
#include "experiments/text/json_reader.hpp"
#include "experiments/text/names.hpp"

namespace bcbench {

using Pointer = OrderedJson::json_pointer;
using Faults = std::vector<Fault>;

/// What an absent section reads as.
const OrderedJson& empty_object();

/// Thrown once a config has more faults than anybody reads; the list then holds them up to this one.
struct TooManyFaults {};

/// Adds a fault. Throws TooManyFaults with the hundredth.
void add_fault(Faults& faults, const Pointer& at, const std::string& message);

/// Whether the value is an object (a list); a fault otherwise.
bool check_object(const OrderedJson& value, const Pointer& at, Faults& faults);
bool check_list(const OrderedJson& value, const Pointer& at, Faults& faults);

/// A fault for every key of `object` that is not `known`; `kind` is what the keys are called, "key" or
/// "parameter".
void check_keys(const OrderedJson& object, const std::vector<std::string>& known, const std::string& kind,
                const Pointer& at, Faults& faults);

/// The values of `parameters` found in `object`, defaults filled in. One without default that is missing is a
/// fault unless it is set `elsewhere` (by a sweep).
nlohmann::json read_values(const OrderedJson& object, const std::vector<Parameter>& parameters, const Pointer& at,
                           Faults& faults, const std::set<std::string>& elsewhere = {});

/// check_object, check_keys and read_values of a block; keys of its sections are known but not read.
nlohmann::json read_block(const OrderedJson& value, const Block& block, const Pointer& at, Faults& faults);

/// The value as stored: 2 for a `number` becomes 2.0, 2.0 for an `integer` 2, and [2] becomes 2 where a single value
/// stands for a list, so that equal values compare, print and hash alike.
nlohmann::json normalised(const Parameter& parameter, const nlohmann::json& value);

inline constexpr std::string_view training_prefix = "train.";  // of swept keys of a `train` block

inline bool is_training(const std::string& name) { return name.starts_with(training_prefix); }

/// `values` with the swept parameters of the type put into it, or with the swept keys of its training.
nlohmann::json with_swept(nlohmann::json values, const std::vector<Parameter>& parameters,
                          const std::vector<Assignment>& swept, bool training);

/// values[key] if it is a text, else "".
std::string text_of(const nlohmann::json& values, const std::string& key);

/// What a sweep may set, and what is set beside it.
struct SweepScope {
    std::vector<Parameter> parameters;
    std::vector<Parameter> training;      // swept as "train.<key>"
    const OrderedJson* params = nullptr;  // as given, or none
    const OrderedJson* train = nullptr;
};

Sweep read_sweep(const OrderedJson& value, const SweepScope& scope, const Pointer& at, Faults& faults);

/// The entries of `datasets` or `methods` (`noun`: "dataset", "method") of a config in `directory`.
std::vector<Entry> read_entries(const OrderedJson& value, const std::string& noun, const Block& block,
                                const std::vector<CatalogEntry>& known, const std::filesystem::path& directory,
                                const Pointer& at, Faults& faults);

}  // namespace bcbench
