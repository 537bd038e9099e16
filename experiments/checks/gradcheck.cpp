#include "experiments/checks/gradcheck.hpp"

#include <cmath>
#include <cstdio>

#include "engine/core/parallel.hpp"
#include "engine/core/random.hpp"
#include "engine/linear/products.hpp"
#include "experiments/bindings/datasets.hpp"
#include "experiments/bindings/named_arrays.hpp"
#include "experiments/checks/method_settings.hpp"
#include "experiments/system/address_space.hpp"
#include "experiments/system/files.hpp"
#include "experiments/text/canonical.hpp"
#include "experiments/text/csv_field.hpp"
#include "experiments/text/table.hpp"

namespace bcbench {

namespace {

using arma::uword;

constexpr std::uint64_t adjoint_seed = 0x6772616401;    // of the random adjoint
constexpr std::uint64_t direction_seed = 0x6772616402;  // of the random direction

arma::mat random_matrix(Key key, const arma::mat& shape) {
    return arma::conv_to<arma::mat>::from(normal(key, shape.n_rows, shape.n_cols));
}

std::vector<arma::mat> values_of(const std::vector<NamedArray<double>>& arrays) {
    std::vector<arma::mat> values;
    for (const NamedArray<double>& array : arrays) values.push_back(array.values);
    return values;
}

// The output as a function of input number `index` alone.
Function along_input(const DifferentiableOutput& output, std::vector<arma::mat> inputs, std::size_t index) {
    return [&output, inputs = std::move(inputs), index](const arma::mat& x) {
        std::vector<arma::mat> moved = inputs;
        moved[index] = x;
        Linearization at = output.at(moved);
        return Evaluation{std::move(at.value), at.choices};
    };
}

// Each moves all features of a few cells, spread over all, by 1 up or down.  [F x n]
std::vector<arma::mat> directions_of_cells(const arma::mat& cells) {
    const std::vector<uword> moved = spread_coordinates(cells.n_cols, directions_checked * cells_per_direction);
    std::vector<arma::mat> directions(directions_checked, arma::mat(arma::size(cells), arma::fill::zeros));
    for (std::size_t m = 0; m < moved.size(); ++m) {
        const Key key = fold_in(make_key(direction_seed), static_cast<std::uint32_t>(m));
        directions[m % directions_checked].col(moved[m]) =
            arma::sign(arma::conv_to<arma::vec>::from(arma::vectorise(normal(key, cells.n_rows, 1))));
    }
    return directions;
}

std::string scientific(double value, const char* format = "%.2e") {
    char text[64];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

// "cell 3 feature 17", "encoder.layer1.kernel[in,out]", "centroids[cluster,feature]" or "encoder.layer1.bias[out]",
// counting from 0, as saved models and --save have them: the transpose of the arrays here.
std::string place(const OutputGradient& gradient) {
    const std::string row = std::to_string(gradient.report.row);
    const std::string column = std::to_string(gradient.report.column);
    if (gradient.input == "cells") return "cell " + column + " feature " + row;
    if (is_bias(gradient.input)) return gradient.input + "[" + row + "]";
    return gradient.input + "[" + column + "," + row + "]";
}

const char* verdict(const GradientReport& report) {
    if (is_right(report, gradient_tolerance)) return "right";
    return report.worst_error <= gradient_tolerance ? "not checked" : "WRONG";
}

TextRow table_row(const std::string& point, const OutputGradient& gradient) {
    const GradientReport& report = gradient.report;
    return {point,
            gradient.output,
            scientific(report.worst_error),
            place(gradient),
            scientific(report.analytic, "%.6e"),
            scientific(report.numeric, "%.6e"),
            scientific(report.step, "%.0e"),
            std::to_string(report.checked),
            std::to_string(report.skipped),
            verdict(report)};
}

// The fit of a point in float64.
Fit<double> fit_in_double(const Point& point, const Config& config, const Dataset<double>& data) {
    MethodSettings settings = settings_of(point, config);
    settings.precision = Precision::float64;
    return fit_method(point.method_type, settings, data);
}

std::string steps_csv(const Point& point, const Differentiable& fit) {
    std::string rows;
    for (const DifferentiableOutput& output : fit.outputs) {
        for (const StepError& error : step_errors(fit, output, sweep_steps())) {
            rows += csv_field(point.id) + ',' + csv_field(point.method_label) + ',' + output.name + ',' +
                    scientific(error.step, "%.3g") + ',' +
                    (std::isfinite(error.error) ? number_text(error.error) : "inf") + ',' +
                    (error.same_choices ? "yes" : "no") + '\n';
        }
    }
    return rows;
}

std::string verdict_on_all(std::size_t right, const GradcheckResult& result) {
    if (result.wrong > 0) return std::to_string(result.wrong) + " gradients are NOT right.\n";
    if (result.failed > 0) return std::to_string(result.failed) + " points failed: their gradients were NOT checked.\n";
    return right > 0 ? "All gradients are right.\n" : "There was no gradient to check.\n";
}

std::string footer(const GradcheckOptions& options, std::size_t n_checked, const GradcheckResult& result) {
    return "\n  float64; each output under a fixed random adjoint (--save DIR writes it), up to " +
           std::to_string(options.coordinates) +
           " coordinates of each input (--coordinates).\n  where: kernel[in,out], bias[out], "
           "centroids[cluster,feature], from 0.\n  skipped: a discrete choice differs on both sides of the "
           "coordinate. right: error <= " +
           number_text(gradient_tolerance) + ", no more skipped than checked.\n  " + verdict_on_all(n_checked, result);
}

}  // namespace

arma::mat adjoint_of_check(const arma::mat& value) { return random_matrix(make_key(adjoint_seed), value); }

CellsGradients cells_gradients_at(const Differentiable& fit, arma::mat cells,
                                  const std::vector<arma::mat>& corrected_bars) {
    std::vector<arma::mat> inputs;
    inputs.push_back(std::move(cells));
    for (std::size_t i = 1; i < fit.inputs.size(); ++i) inputs.push_back(fit.inputs[i].values);
    Linearization at = fit.outputs.front().at(inputs);
    inputs.clear();  // of many cells this and the value are as large as all that follows
    at.value.reset();
    CellsGradients gradients;
    for (const arma::mat& corrected_bar : corrected_bars) {
        gradients.under.push_back({std::move(at.backward(corrected_bar).front()), {}});
    }
    if (at.cell_choices) gradients.cell_choices = at.cell_choices();
    return gradients;
}

CellsGradients check_cells_gradients(const Differentiable& fit, const std::vector<arma::mat>& corrected_bars,
                                     uword n_coordinates) {
    const arma::mat& cells = fit.inputs.front().values;
    CellsGradients gradients = cells_gradients_at(fit, cells, corrected_bars);  // its tape is gone by now
    std::vector<Adjoint> adjoints;
    for (std::size_t a = 0; a < corrected_bars.size(); ++a) {
        adjoints.push_back({corrected_bars[a], std::move(gradients.under[a].gradient)});
    }
    GradientCheckOptions options;
    options.tolerance = gradient_tolerance;
    const Function corrected = along_input(fit.outputs.front(), values_of(fit.inputs), 0);
    std::vector<GradientReport> reports;
    if (cells.n_elem > most_by_coordinates) {
        reports = check_directions(corrected, cells, adjoints, directions_of_cells(cells), options);
    } else {
        options.coordinates = spread_coordinates(cells.n_elem, n_coordinates);
        reports = check_gradients(corrected, cells, adjoints, options);
    }
    for (std::size_t a = 0; a < adjoints.size(); ++a) {
        gradients.under[a] = {std::move(adjoints[a].x_bar), reports[a]};
    }
    return gradients;
}

OutputGradient check_output_gradient(const Differentiable& fit, const DifferentiableOutput& output, uword n_coordinates,
                                     double step) {
    const std::vector<arma::mat> inputs = values_of(fit.inputs);
    const Linearization at = output.at(inputs);
    const arma::mat value_bar = adjoint_of_check(at.value);
    const std::vector<arma::mat> bars = at.backward(value_bar);
    OutputGradient worst{output.name, fit.inputs.front().name, {}};
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        GradientCheckOptions options;
        options.tolerance = gradient_tolerance;
        if (step > 0.0) options.steps = {step};
        options.coordinates = spread_coordinates(inputs[i].n_elem, n_coordinates);
        const GradientReport report =
            check_gradient(along_input(output, inputs, i), inputs[i], value_bar, bars[i], options);
        if (report.worst_error > worst.report.worst_error) worst.input = fit.inputs[i].name;
        worst.report = worse_of(worst.report, report);
    }
    return worst;
}

std::vector<StepError> step_errors(const Differentiable& fit, const DifferentiableOutput& output,
                                   const std::vector<double>& steps) {
    const std::vector<arma::mat> inputs = values_of(fit.inputs);
    const Linearization at = output.at(inputs);
    const arma::mat value_bar = adjoint_of_check(at.value);
    const std::vector<arma::mat> bars = at.backward(value_bar);
    std::vector<arma::mat> direction;
    double squared_length = 0.0;
    double slope = 0.0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        direction.push_back(random_matrix(fold_in(make_key(direction_seed), static_cast<std::uint32_t>(i)), inputs[i]));
        squared_length += arma::accu(arma::square(direction[i]));
        slope += arma::accu(bars[i] % direction[i]);
    }
    const double length = std::sqrt(squared_length);
    const auto along = [&](double t) {
        std::vector<arma::mat> moved = inputs;
        for (std::size_t i = 0; i < inputs.size(); ++i) moved[i] += t / length * direction[i];
        Linearization there = output.at(moved);
        return Evaluation{std::move(there.value), there.choices};
    };
    return step_sweep(along, value_bar, slope / length, steps);
}

GradcheckResult run_gradcheck(const Plan& plan, const GradcheckOptions& options) {
    use_single_threaded_blas();
    reserve_for_threads(options.threads);
    set_thread_count(options.threads);
    GradcheckResult result;
    std::vector<TextRow> rows;
    std::string csv = "point,method,output,step,error,same_choices\n";
    std::string failures;
    const std::filesystem::path config_directory = plan.config().file.parent_path();
    require_selection(plan, options.only);
    std::string loaded_id;
    Dataset<double> data;
    for (std::uint64_t i = 0; i < plan.size(); ++i) {
        const Point point = plan.at(i);
        if (point.excluded_reason || (!options.only.empty() && !selects(options.only, point.id))) continue;
        try {
            if (loaded_id != point.dataset_id) {
                data = load_dataset(point.dataset_type, {point.dataset_params, point.dataset_seed, config_directory});
                loaded_id = point.dataset_id;
            }
            const Fit<double> fit = fit_in_double(point, plan.config(), data);
            if (!fit.differentiable) continue;
            const Differentiable made = fit.differentiable();
            if (options.steps) {
                csv += steps_csv(point, made);
                continue;
            }
            if (!options.save.empty()) {
                const npy::NamedArrays arrays = gradients_of(made, data.batch, adjoint_of_check);
                make_directories(options.save);
                write_atomically(options.save / (point.id + ".npz"), npy::encode_npz(arrays));
            }
            for (const DifferentiableOutput& output : made.outputs) {
                const OutputGradient gradient = check_output_gradient(made, output, options.coordinates, options.step);
                if (!is_right(gradient.report, gradient_tolerance)) ++result.wrong;
                rows.push_back(table_row(point.id, gradient));
            }
        } catch (const std::exception& error) {
            ++result.failed;
            failures += "\n  " + point.id + " failed: " + error.what() + "\n";
        }
    }
    const TextRow header = {"point",   "output", "worst error", "where",   "analytic",
                            "numeric", "step",   "checked",     "skipped", "verdict"};
    result.text = options.steps ? csv : text_table(header, rows) + failures + footer(options, rows.size(), result);
    return result;
}

}  // namespace bcbench
