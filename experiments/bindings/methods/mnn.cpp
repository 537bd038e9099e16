// Method `mnn`, bound to its parameters.
#include "engine/methods/mnn/method.hpp"

#include <algorithm>

#include "engine/reference/baselines.hpp"
#include "experiments/bindings/training_fields.hpp"

namespace bcbench::methods {

namespace {

using nlohmann::json;
namespace method = bcbench::mnn;

constexpr Field<method::Options> fields[] = {
    field<&method::Options::n_neighbors>(
        "n_neighbors", at_least(1),
        "neighbours in the other batch that may pair with a cell; more smooth more and mix types smaller than that"),
    field<&method::Options::bandwidth>(
        "bandwidth", above(0), "width of the smoothing in distances of the middle neighbour; larger is smoother"),
    field<&method::Options::min_batch_effect>("min_batch_effect", between(0, 1),
                                              "a step whose batch effect is smaller is not corrected; 0: all are"),
    field<&method::Options::merge_order>("merge_order", any_value(),
                                         "the largest batch first, or as the dataset lists them"),
};

constexpr ScoreRow rows[] = {{"mnn_cells_in_pairs", Direction::info, Group::detail},
                             {"mnn_variance_removed", Direction::info, Group::detail}};

std::vector<ParameterFault> faults(const json& params, const json&, const DataShape*) {
    std::vector<ParameterFault> found;
    add_faults("params", found, [&] { method::validate(options_from(fields, params)); });
    return found;
}

// Share of the cells of both sides in pairs, over the steps, and the largest share of variance that a batch lost.
template <class Step>
std::vector<Score> scores_of(const std::vector<Step>& steps) {
    if (steps.empty()) return not_applicable(rows, needs_two_batches);
    double in_pairs = 0.0;
    double removed = 0.0;
    for (const Step& step : steps) {
        in_pairs += (step.left_share + step.right_share) / (2.0 * static_cast<double>(steps.size()));
        for (const double share : step.variance_removed) removed = std::max(removed, share);
    }
    return {score(rows[0], in_pairs), score(rows[1], removed)};
}

// The order in which batches with cells join, as the engine chooses it.
std::vector<std::uint32_t> order_of(const std::vector<method::MergeStep>& steps) {
    std::vector<std::uint32_t> order;
    for (const method::MergeStep& step : steps) {
        if (order.empty()) order = step.left;
        order.push_back(step.right);
    }
    return order;
}

// Of every step, in the order of the steps: the batch that joined, by its place in the dataset's list, and what was
// found.
npy::NamedArrays arrays_of(const std::vector<method::MergeStep>& steps) {
    std::vector<std::int64_t> joined, n_pairs, skipped;
    std::vector<double> left_share, right_share, batch_effect, variance_removed;
    for (const method::MergeStep& step : steps) {
        joined.push_back(step.right);
        n_pairs.push_back(static_cast<std::int64_t>(step.n_pairs));
        skipped.push_back(step.skipped ? 1 : 0);
        left_share.push_back(step.left_share);
        right_share.push_back(step.right_share);
        batch_effect.push_back(step.batch_effect);
        variance_removed.insert(variance_removed.end(), step.variance_removed.begin(), step.variance_removed.end());
    }
    const std::size_t n = steps.size();
    return {{"batch_joined", {{n}, joined}},
            {"n_pairs", {{n}, n_pairs}},
            {"skipped", {{n}, skipped}},
            {"left_share", {{n}, left_share}},
            {"right_share", {{n}, right_share}},
            {"batch_effect", {{n}, batch_effect}},
            {"variance_removed", {{n, n > 0 ? variance_removed.size() / n : 0}, variance_removed}}};
}

template <class Real>
Fit<Real> fit(const MethodSettings& settings, const SharedData<Real>& data) {
    const auto options = options_from(fields, settings.params);
    method::Result<Real> result = method::forward(data->cells, data->batch, options);
    Fit<Real> fit;
    fit.corrected = std::move(result.corrected);
    fit.losses = scores_of(result.steps);
    if (settings.keeps_arrays) fit.by_products = arrays_of(result.steps);
    fit.notes = std::move(result.notes);
    const std::vector<std::uint32_t> order = order_of(result.steps);
    if (order.empty()) return fit;
    fit.reference = [data, options, order] {
        const reference::MnnResult slow = reference::mnn(
            in_double(data->cells), data->batch,
            {static_cast<std::size_t>(options.n_neighbors), options.bandwidth, options.min_batch_effect, order});
        return ReferenceFit{slow.corrected, {}, scores_of(slow.steps)};
    };
    return fit;
}

}  // namespace

MethodDefinition mnn() {
    MethodDefinition method{
        "mnn", "mutual nearest neighbours: what lies between pairs of cells of two batches is the batch effect",
        "Haghverdi et al. 2018 in the fast variant of the R package batchelor, batch by batch. It fails where a batch "
        "shares no type with those joined before it, and where a batch effect runs along a difference between types. "
        "mnn_cells_in_pairs is the mean share of cells in pairs, mnn_variance_removed the largest share of a batch's "
        "variance that a step removed."};
    method.rows = rows;
    method.parameters = [] { return parameters_of(fields); };
    method.faults = faults;
    method.differentiable = false;
    method.small = R"({"n_neighbors": 4})";
    method.fit_float = fit<float>;
    method.fit_double = fit<double>;
    return method;
}

}  // namespace bcbench::methods
