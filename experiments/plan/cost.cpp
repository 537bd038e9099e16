#include "experiments/plan/cost.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "experiments/bindings/datasets.hpp"
#include "experiments/bindings/metric.hpp"

namespace bcbench {

namespace {

// Seconds per elementary operation of one processor, from the project's benchmarks (README, "Speed").
constexpr double per_point = 3e-3;             // record, files
constexpr double per_soft_assignment = 6e-11;  // of one cell's feature to one cluster in one iteration
constexpr double per_product = 2e-10;          // forward and back through a dense layer
constexpr double per_pair = 1.2e-11;           // of cells, and feature: neighbours and distances
constexpr double per_entry = 1e-8;             // a method that only passes over the data
constexpr double per_cell_of_metric = 3e-6;    // weights of its neighbours, sums
constexpr double per_cell_of_graph = 1e-4;     // eigenvectors or clusters of a graph of cells

// Where nothing is known of the data yet.
constexpr double usual_cells = 5000.0;
constexpr double usual_features = 50.0;

constexpr double gradient_check_fits = 50.0;   // a check evaluates the fit as often
constexpr double reference_check_fits = 20.0;  // a slow reference takes as long as so many fits

constexpr double program_mb = 150.0;
constexpr double much_memory_mb = 4000.0;  // of such points few fit beside each other: each may use several threads
constexpr unsigned threads_of_large_points = 4;

// The first of `names` that is a number in `values`.
double number_in(const nlohmann::json& values, std::initializer_list<const char*> names, double otherwise) {
    if (!values.is_object()) return otherwise;
    for (const char* name : names) {
        const auto found = values.find(name);
        if (found != values.end() && found->is_number()) return found->get<double>();
    }
    return otherwise;
}

double seconds_of_fit(const Point& point, double n, double f) {
    const nlohmann::json& params = point.method_params;
    double seconds = per_entry * n * f;
    const double iterations = number_in(params, {"n_iterations", "max_iter"}, 1.0);
    const double clusters = params.contains("n_clusters")
                                ? number_in(params, {"n_clusters"}, std::clamp(std::round(n / 30.0), 1.0, 100.0))
                                : 0.0;
    const double hidden = number_in(params, {"hidden_dim"}, 0.0);
    const double per_cell = per_soft_assignment * f * clusters * iterations + per_product * (f + hidden) * hidden;
    seconds += n * per_cell;
    if (params.contains("n_neighbors")) seconds += per_pair * n * n * f;
    if (!point.train.is_null()) {
        const double batch = std::min(n, number_in(point.train, {"batch_size"}, 256.0));
        const double critic = 1.0 + 0.3 * number_in(point.train, {"n_critic"}, 0.0);
        seconds += number_in(point.train, {"steps"}, 0.0) * batch * per_cell * 3.0 * critic;
    }
    return seconds;
}

bool is_one_of(const std::string& name, std::initializer_list<const char*> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// Numbers in a file of `bytes`, by the way it is written.
double numbers_in(const std::filesystem::path& file, double bytes) {
    const std::string extension = file.extension().string();
    return bytes / (extension == ".gz" || extension == ".h5ad" ? 4.0 : 8.0);
}

}  // namespace

double seconds_of_metrics(const std::vector<MetricEntry>& metrics, double n, double f) {
    bool aggregates = false, neighbors = false, pairs = false, graphs = false;
    for (const MetricEntry& metric : metrics) {
        aggregates |= is_one_of(metric.type, {"total", "openproblems_total"});  // of all that stands below
        neighbors |= neighbors_needed(metric_named(metric.type), metric.params) > 0;
        pairs |=
            is_one_of(metric.type, {"silhouette_label", "silhouette_batch", "isolated_labels", "mmd_unbiased", "sbee"});
        graphs |= is_one_of(metric.type, {"kbet_per_label", "nmi_leiden", "ari_leiden"});
    }
    double seconds = static_cast<double>(metrics.size()) * per_cell_of_metric * n;
    if (aggregates || neighbors) seconds += per_pair * n * n * f;
    if (aggregates || pairs) seconds += per_pair * n * n * f;
    if (aggregates || graphs) seconds += per_cell_of_graph * n;
    return seconds;
}

CostEstimate::CostEstimate(const Plan& plan, MeasuredCosts measured) : plan_(plan), measured_(std::move(measured)) {
    if (measured_.empty()) return;
    std::map<std::string, std::vector<double>> ratios;
    for (std::uint64_t i = 0; i < plan.size(); ++i) {
        const auto found = measured_.find(plan.id_at(i));
        if (found == measured_.end()) continue;
        const Point point = plan.at(i);
        ratios[point.method_label].push_back(found->second.seconds / estimated(point).seconds);
    }
    for (auto& [label, values] : ratios) {
        const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
        std::nth_element(values.begin(), middle, values.end());
        corrections_[label] = *middle;
    }
}

const CostEstimate::DataSize& CostEstimate::size_of_data(const Point& point) const {
    const auto known = sizes_.find(point.dataset_id);
    if (known != sizes_.end()) return known->second;
    const DatasetDefinition& definition = dataset_named(point.dataset_type);
    DataSize size{usual_cells, usual_features};
    if (const std::optional<DataShape> shape = definition.shape(point.dataset_params)) {
        size = {0.0, static_cast<double>(shape->n_features)};
        for (const std::size_t cells : shape->batch_sizes) size.cells += static_cast<double>(cells);
    } else {
        double largest = 0.0;
        for (const std::string& parameter : definition.file_parameters()) {
            const auto name = point.dataset_params.find(parameter);
            if (name == point.dataset_params.end() || !name->is_string()) continue;
            const auto file = find_data_file(name->get<std::string>(), plan_.config().file.parent_path());
            std::error_code error;
            const auto bytes = file ? std::filesystem::file_size(*file, error) : 0;
            if (file && !error) largest = std::max(largest, numbers_in(*file, static_cast<double>(bytes)));
        }
        if (largest > 0.0) size.cells = std::max(1.0, largest / usual_features);
        size.cells = number_in(point.dataset_params, {"n_cells"}, 0.0) > 0.0
                         ? std::min(size.cells, number_in(point.dataset_params, {"n_cells"}, size.cells))
                         : size.cells;
    }
    return sizes_.emplace(point.dataset_id, size).first->second;
}

Cost CostEstimate::estimated(const Point& point) const {
    const DataSize& size = size_of_data(point);
    const Config& config = plan_.config();
    const double n = size.cells;
    const double f = size.features;
    double fits = static_cast<double>(config.timing.warmup + config.timing.repeats);
    for (const std::string& check : config.checks)
        fits += check == "gradient" ? gradient_check_fits : reference_check_fits;
    Cost cost;
    cost.seconds = per_point + fits * seconds_of_fit(point, n, f) + seconds_of_metrics(config.metrics, n, f);
    const double bytes_per_entry = 8.0 + 3.0 * (point.precision == "float32" ? 4.0 : 8.0);
    cost.memory_mb = std::ceil(program_mb + bytes_per_entry * n * f / 1e6);
    if (cost.memory_mb > much_memory_mb) cost.threads = threads_of_large_points;
    return cost;
}

Cost CostEstimate::of(const Point& point) const {
    if (point.excluded_reason) return {0.0, program_mb, 1};
    Cost cost = estimated(point);
    const auto found = measured_.find(point.id);
    if (found != measured_.end()) {
        cost.seconds = found->second.seconds;
        cost.memory_mb = std::max(program_mb, found->second.memory_mb);
    } else if (const auto correction = corrections_.find(point.method_label); correction != corrections_.end()) {
        cost.seconds *= correction->second;
    }
    return cost;
}

}  // namespace bcbench
