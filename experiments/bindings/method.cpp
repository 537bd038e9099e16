#include "experiments/bindings/method.hpp"

#include <utility>

#include "engine/core/check.hpp"
#include "engine/methods/differentiable_harmony/method.hpp"
#include "engine/methods/mmd_autoencoder/method.hpp"
#include "engine/methods/wgan_autoencoder/method.hpp"
#include "engine/reference/methods.hpp"
#include "engine/training/model_file.hpp"
#include "experiments/bindings/differentiable.hpp"
#include "experiments/bindings/fields.hpp"
#include "experiments/bindings/training_fields.hpp"

namespace bcbench {

namespace {

using nlohmann::json;

const char* const needs_two_batches = "needs at least two batches, the dataset has one";

Score loss_of(const ScoreRow& row, double value) { return score(row.name, value, row.direction); }

// `value`, or not_applicable if the dataset has a single batch.
Score loss_between_batches(const ScoreRow& row, double value, const Labels& batch) {
    return batch.count() > 1 ? loss_of(row, value) : not_applicable(row.name, row.direction, needs_two_batches);
}

template <class Real>
reference::Network reference_network(const Mlp<Real>& mlp) {
    reference::Network network;
    for (std::size_t l = 0; l < mlp.layers.size(); ++l) {
        network.kernel[l] = arma::conv_to<arma::mat>::from(mlp.layers[l].kernel);
        network.bias[l] = arma::conv_to<arma::vec>::from(mlp.layers[l].bias);
    }
    return network;
}

template <class Real>
reference::Conditional reference_conditional(const Autoencoder<Real>& model) {
    return {static_cast<std::uint32_t>(model.n_batches), model.reference_batch};
}

// What a fit hands back of its training, besides the corrected cells.
template <class Real, class Model>
void keep_training(const char* method, const MethodSettings& settings, const training::Trained<Model>& trained,
                   Fit<Real>& fit) {
    fit.traces = trained.curves;
    if (trained.step > 0) fit.trained_steps = trained.step;
    fit.holdout = trained.holdout;
    if (saves_model(settings.train)) fit.model = model_file::to_arrays(method, trained.model);
}

template <class Real>
FurtherArray<Real> latent_array(Matrix<Real> latent) {
    const arma::uword n_dimensions = latent.n_rows;
    return {"latent", n_dimensions, [latent = std::move(latent)](const Matrix<Real>&) { return latent; }, 0.0};
}

// ---- uncorrected

template <class Real>
Fit<Real> fit_uncorrected(const MethodSettings&, const Dataset<Real>& data) {
    Fit<Real> fit;
    fit.corrected = data.cells;
    fit.backward = [](const Matrix<Real>& corrected_bar) { return corrected_bar; };
    fit.differentiable = [&data] { return differentiable(in_double(data)); };
    fit.reference = [&data] { return ReferenceFit{in_double(data.cells), {}, {}}; };
    return fit;
}

// ---- differentiable_harmony

namespace harmony = differentiable_harmony;

constexpr Field<harmony::Options> harmony_fields[] = {
    field<&harmony::Options::n_clusters>("n_clusters", at_least(1),
                                         "soft clusters; more follow finer structure and cost proportionally more"),
    field<&harmony::Options::n_iterations>(
        "n_iterations", at_least(1),
        "correction steps; each moves a cell by 5 to 20 % of its distance to its soft centroid"),
    field<&harmony::Options::theta>(
        "theta", at_least(0),
        "diversity penalty of the original Harmony; recorded, but does not enter this computation"),
    field<&harmony::Options::sigma>("sigma", above(0),
                                    "width of the soft assignment; larger spreads a cell over more clusters"),
    field<&harmony::Options::temperature>("temperature", above(0),
                                          "multiplies sigma; larger softens assignments and gradients"),
    field<&harmony::Options::recompute>(
        "recompute", any_value(),
        "recompute iterations in the reverse pass instead of storing them all: less memory, same values"),
};

// Of an assignment to the cell's entries. With s = 1 / (sigma temperature), dA_k = A_k sum_j A_j 2 s (c_k - c_j).dy,
// which is at most A_k (1 - A_k) 2 s max ||c_k - c_j||_1 |dy| <= s / 2 * 2 max ||c_k - mean||_1 |dy|.
double assignment_sensitivity(const arma::mat& centroids, const harmony::Options& options) {
    const arma::mat from_mean = centroids.each_col() - arma::vec(arma::mean(centroids, 1));
    return arma::sum(arma::abs(from_mean), 0).max() / (options.sigma * options.temperature);
}

template <class Real>
Fit<Real> fit_harmony(const MethodSettings& settings, const Dataset<Real>& data) {
    const auto options = options_from(harmony_fields, settings.params);
    const auto trained = prepared_harmony(
        settings, harmony::initial_parameters<Real>(options, data.cells.n_rows, Stream(settings.seed)), options, data);
    const harmony::Parameters<Real>& parameters = trained.model;
    Fit<Real> fit;
    keep_training("differentiable_harmony", settings, trained, fit);
    fit.corrected = harmony::forward(data, parameters, options).corrected;
    fit.arrays.push_back({"cluster_assignments", parameters.centroids.n_cols,
                          [parameters, options](const Matrix<Real>& corrected) {
                              return harmony::assignments(corrected, parameters, options);
                          },
                          assignment_sensitivity(in_double(parameters.centroids), options)});
    fit.backward = [&data, parameters, options](const Matrix<Real>& corrected_bar) {
        return harmony::backward(harmony::forward(data, parameters, options, true).tape, corrected_bar,
                                 static_cast<harmony::Parameters<Real>*>(nullptr));
    };
    fit.differentiable = [&data, parameters, options] {
        return differentiable(in_double(data), in_double(parameters), options);
    };
    fit.reference = [&data, parameters, options] {
        reference::HarmonyResult result = reference::differentiable_harmony(
            in_double(data.cells), data.batch, in_double(parameters.centroids),
            {static_cast<int>(options.n_iterations), options.sigma, options.temperature});
        return ReferenceFit{result.corrected, {{"cluster_assignments", result.assignments}}, {}};
    };
    return fit;
}

// ---- mmd_autoencoder

constexpr Field<mmd_autoencoder::Options> mmd_fields[] = {
    field<&mmd_autoencoder::Options::hidden_dim>(
        "hidden_dim", at_least(1), "units of each hidden layer; more fit finer structure and cost quadratically more"),
    field<&mmd_autoencoder::Options::latent_dim>(
        "latent_dim", at_least(1), "dimensions of the latent space; more keep more of the input, the batch included"),
    field<&mmd_autoencoder::Options::kernel_bandwidth>(
        "kernel_bandwidth", above(0),
        "bandwidth of the Gaussian kernel in units of the latent space; larger compares coarser structure"),
};

constexpr ScoreRow mmd_rows[] = {{"reconstruction_loss", Direction::lower}, {"mmd_loss", Direction::lower}};

std::vector<Score> mmd_losses(double reconstruction_loss, double mmd_loss, const Labels& batch) {
    return {loss_of(mmd_rows[0], reconstruction_loss), loss_between_batches(mmd_rows[1], mmd_loss, batch)};
}

template <class Real>
Fit<Real> fit_mmd(const MethodSettings& settings, const Dataset<Real>& data) {
    const auto options = options_from(mmd_fields, settings.params);
    const auto trained = prepared_mmd(
        settings, mmd_autoencoder::initial_parameters<Real>(options, data.cells.n_rows, Stream(settings.seed)), data);
    const Autoencoder<Real>& parameters = trained.model;
    mmd::Options documented;
    documented.bandwidths = {options.kernel_bandwidth};
    auto result = mmd_autoencoder::forward(data, parameters, documented, settings.precision);
    Fit<Real> fit;
    keep_training("mmd_autoencoder", settings, trained, fit);
    fit.corrected = result.pass.corrected();
    fit.arrays.push_back(latent_array(std::move(result.pass.latent)));
    fit.losses = mmd_losses(result.reconstruction_loss, result.mmd_loss, data.batch);
    fit.backward = [&data, parameters, documented, settings](const Matrix<Real>& corrected_bar) {
        const auto taped = mmd_autoencoder::forward(data, parameters, documented, settings.precision, true);
        return mmd_autoencoder::backward(taped, {corrected_bar, 0.0, 0.0}, static_cast<Autoencoder<Real>*>(nullptr));
    };
    fit.differentiable = [&data, parameters, documented] {
        return differentiable(in_double(data), in_double(parameters), documented);
    };
    fit.reference = [&data, parameters, options, settings] {
        const reference::MmdResult slow =
            reference::mmd_autoencoder(in_double(data.cells), data.batch, reference_network(parameters.encoder),
                                       reference_network(parameters.decoder), reference_conditional(parameters),
                                       options.kernel_bandwidth, settings.precision == Precision::tf32);
        return ReferenceFit{
            slow.corrected, {{"latent", slow.latent}}, mmd_losses(slow.reconstruction_loss, slow.mmd_loss, data.batch)};
    };
    return fit;
}

// ---- wgan_autoencoder

constexpr Field<wgan_autoencoder::Options> wgan_fields[] = {
    field<&wgan_autoencoder::Options::hidden_dim>(
        "hidden_dim", at_least(1),
        "units of each hidden layer of encoder and decoder; more fit finer structure and cost quadratically more"),
    field<&wgan_autoencoder::Options::latent_dim>(
        "latent_dim", at_least(1), "dimensions of the latent space; more keep more of the input, the batch included"),
    field<&wgan_autoencoder::Options::discriminator_hidden_dim>(
        "discriminator_hidden_dim", at_least(1),
        "units of each hidden layer of the critic; more tell batches apart more finely"),
};

constexpr ScoreRow wgan_rows[] = {{"reconstruction_loss", Direction::lower},
                                  {"generator_loss", Direction::info},
                                  {"discriminator_loss", Direction::info}};

std::vector<Score> wgan_losses(double reconstruction, double generator, double discriminator, const Labels& batch) {
    return {loss_of(wgan_rows[0], reconstruction), loss_between_batches(wgan_rows[1], generator, batch),
            loss_between_batches(wgan_rows[2], discriminator, batch)};
}

template <class Real>
Fit<Real> fit_wgan(const MethodSettings& settings, const Dataset<Real>& data) {
    const auto options = options_from(wgan_fields, settings.params);
    const auto trained = prepared_wgan(
        settings, wgan_autoencoder::initial_parameters<Real>(options, data.cells.n_rows, Stream(settings.seed)), data);
    const wgan_autoencoder::Parameters<Real>& parameters = trained.model;
    auto result = wgan_autoencoder::forward(data, parameters, settings.precision);
    Fit<Real> fit;
    keep_training("wgan_autoencoder", settings, trained, fit);
    fit.corrected = result.pass.corrected();
    fit.arrays.push_back(latent_array(std::move(result.pass.latent)));
    fit.losses = wgan_losses(result.reconstruction_loss, result.generator_loss, result.discriminator_loss, data.batch);
    fit.backward = [&data, parameters, settings](const Matrix<Real>& corrected_bar) {
        const auto taped = wgan_autoencoder::forward(data, parameters, settings.precision, true);
        return wgan_autoencoder::backward(taped, {corrected_bar, 0.0, 0.0, 0.0},
                                          static_cast<wgan_autoencoder::Parameters<Real>*>(nullptr));
    };
    fit.differentiable = [&data, parameters] { return differentiable(in_double(data), in_double(parameters)); };
    fit.reference = [&data, parameters, settings] {
        const reference::WganResult slow = reference::wgan_autoencoder(
            in_double(data.cells), data.batch, reference_network(parameters.autoencoder.encoder),
            reference_network(parameters.autoencoder.decoder), reference_conditional(parameters.autoencoder),
            reference_network(parameters.critic), settings.precision == Precision::tf32);
        return ReferenceFit{
            slow.corrected,
            {{"latent", slow.latent}},
            wgan_losses(slow.reconstruction_loss, slow.generator_loss, slow.discriminator_loss, data.batch)};
    };
    return fit;
}

std::vector<Parameter> no_parameters() { return {}; }

constexpr MethodDefinition methods[] = {
    {"uncorrected",
     "the cells as they are: the baseline every method is compared with",
     "",
     {},
     no_parameters,
     no_parameters,
     fit_uncorrected<float>,
     fit_uncorrected<double>},
    {"differentiable_harmony",
     "soft clustering around fixed centroids and a batch-dependent step towards them",
     "Harmony (Korsunsky et al. 2019) in the differentiable form of DiffBio. theta is accepted and recorded, but the "
     "documented computation does not use it: changing it changes no value.",
     {},
     [] { return parameters_of(harmony_fields); },
     harmony_training,
     fit_harmony<float>,
     fit_harmony<double>},
    {"mmd_autoencoder", "autoencoder with the maximum mean discrepancy between batches as a loss on its latent space",
     "After DiffBio's batch correction example. Untrained, it is a random projection and corrects nothing; "
     "mmd_loss alone is no evidence of mixing.",
     mmd_rows, [] { return parameters_of(mmd_fields); }, mmd_training, fit_mmd<float>, fit_mmd<double>},
    {"wgan_autoencoder", "autoencoder with a Wasserstein critic on its latent space, seen through gradient reversal",
     "After DiffBio's batch correction example. Untrained, it is a random projection and corrects nothing.", wgan_rows,
     [] { return parameters_of(wgan_fields); }, wgan_training, fit_wgan<float>, fit_wgan<double>},
};

}  // namespace

std::span<const MethodDefinition> method_table() { return methods; }

const MethodDefinition& method_named(const std::string& type) {
    for (const MethodDefinition& entry : methods) {
        if (type == entry.name) return entry;
    }
    throw std::invalid_argument("there is no method '" + type + "'");
}

Fit<float> fit_method(const std::string& type, const MethodSettings& settings, const Dataset<float>& data) {
    return method_named(type).fit_float(settings, data);
}

Fit<double> fit_method(const std::string& type, const MethodSettings& settings, const Dataset<double>& data) {
    return method_named(type).fit_double(settings, data);
}

}  // namespace bcbench
