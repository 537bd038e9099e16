// Method `command`: a program of the user's, in any language (experiments/external, README "Your own method").
#include "experiments/external/command.hpp"
#include "experiments/bindings/method.hpp"

namespace bcbench::methods {

namespace {

external::Request request_of(const MethodSettings& settings) {
    return {settings.params, settings.config_directory, settings.seed, settings.max_memory_bytes};
}

// The command as a function of the cells: every evaluation is a process.
Differentiable differentiable_command(const external::Request& request, const Dataset<double>& data) {
    return {{{"cells", data.cells}},
            {{"corrected", [request, data](const std::vector<arma::mat>& inputs) {
                  const Dataset<double> moved{inputs.front(), data.batch, data.type, data.about};
                  return Linearization{external::correct(request, moved).answer.corrected, 0,
                                       [request, moved](const arma::mat& corrected_bar) {
                                           return std::vector<arma::mat>{
                                               external::vector_jacobian_product(request, moved, corrected_bar)};
                                       }};
              }}}};
}

template <class Real>
Fit<Real> fit(const MethodSettings& settings, const SharedData<Real>& data) {
    if (!settings.allow_commands) throw std::invalid_argument("programs of a config have to be allowed");
    const external::Request request = request_of(settings);
    auto [answer, facts] = external::correct(request, *data);
    Fit<Real> fit;
    fit.corrected = std::move(answer.corrected);
    fit.losses = std::move(answer.losses);
    fit.traces = std::move(answer.traces);
    fit.facts = std::move(facts);
    fit.reported_seconds = answer.fit_seconds;
    if (!answer.latent.empty()) {
        const arma::uword n_dimensions = answer.latent.n_rows;
        fit.arrays.push_back(
            {"latent", n_dimensions, [latent = std::move(answer.latent)](const Matrix<Real>&) { return latent; }});
    }
    const bool has_gradient = external::read_declaration(settings.params, settings.config_directory).vjp &&
                              fit.corrected.n_rows == data->cells.n_rows;
    if (!has_gradient) return fit;
    fit.backward = [request, data](const Matrix<Real>& corrected_bar) {
        return arma::conv_to<Matrix<Real>>::from(
            external::vector_jacobian_product(request, in_double(*data), in_double(corrected_bar)));
    };
    fit.differentiable = [request, data] { return differentiable_command(request, in_double(*data)); };
    return fit;
}

DeclaredParameters declared(const nlohmann::json& params, const std::filesystem::path& config_directory) {
    external::Declaration made = external::read_declaration(params, config_directory);
    return {std::move(made.parameters), std::move(made.faults)};
}

external::Declaration declaration_of(const MethodSettings& settings) {
    return external::read_declaration(settings.params, settings.config_directory);
}

}  // namespace

MethodDefinition command() {
    MethodDefinition method{
        "command", "a program of yours in any language: folder in, folder out",
        "It is started once per point, in an empty folder, without a shell, and finds in {input}: cells.npy (cells x "
        "features, float32), obs.csv (cell, batch, covariates; type only if needs.types), features.csv, params.json "
        "(params, seed, threads). It leaves in {output}: corrected.npy (as many rows; another number of columns is an "
        "embedding) and cells.csv (column cell: the cells in the order of its rows); and, if it likes, latent.npy, "
        "losses.json, traces.json and timings.json ({\"fit\": seconds without start-up}).\n"
        "Exit code 99 means that it does not apply, its last line says why; any other than 0 is a failure. limits of "
        "the config hold for all of its processes, and none survives it. Its own parameters, sweeps and seeds are "
        "those of any method once they are declared, under `parameters` or in mine.json beside mine.py. A finished "
        "point stands "
        "as long as command, parameters, files and the output of version_command are the same.\n"
        "Runs only with --allow-commands or BCBENCH_ALLOW_COMMANDS=1: a config with commands can do what you can. "
        "`bcbench new-method NAME` writes one to start from, `bcbench check-method CONFIG` tells whether it keeps the "
        "contract, `bcbench describe mine.json` shows what it declares.\n"
        "With vjp the program also takes --vjp as its last argument: it then finds corrected_bar.npy in {input} and "
        "leaves cells_bar.npy (both cells x features, float64, as cells.npy then is), and the check `gradient` "
        "compares it with differences, one process each."};
    method.parameters = [] { return external::command_parameters(); };
    method.differentiable = false;
    method.has_reference = false;
    method.is_external = true;
    method.runs_commands = true;
    method.declare = declared;
    method.identity = [](const MethodSettings& settings) {
        return external::identity(declaration_of(settings), settings.allow_commands);
    };
    method.preview = [](const MethodSettings& settings) { return external::preview(declaration_of(settings)); };
    method.fit_float = fit<float>;
    method.fit_double = fit<double>;
    return method;
}

}  // namespace bcbench::methods
