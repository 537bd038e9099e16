// Method `mmd_autoencoder` and its training, bound to their parameters.
#include <algorithm>

#include "engine/methods/mmd_autoencoder/differentiable.hpp"
#include "engine/methods/mmd_autoencoder/train.hpp"
#include "experiments/bindings/methods/losses.hpp"
#include "experiments/bindings/training_fields.hpp"

namespace bcbench::methods {

namespace {

using nlohmann::json;
namespace mmd_method = bcbench::mmd_autoencoder;

constexpr Field<mmd_method::Options> fields[] = {
    field<&mmd_method::Options::hidden_dim>(
        "hidden_dim", at_least(1), "units of each hidden layer; more fit finer structure and cost quadratically more"),
    field<&mmd_method::Options::latent_dim>(
        "latent_dim", at_least(1), "dimensions of the latent space; more keep more of the input, the batch included"),
    field<&mmd_method::Options::kernel_bandwidth>(
        "kernel_bandwidth", above(0),
        "bandwidth of the Gaussian kernel in units of the latent space; larger compares coarser structure"),
    field<&mmd_method::Options::mmd_estimator>(
        "mmd_estimator", any_value(),
        "means of kernels in mmd_loss: masked: groups with the other cells as zero rows, as documented; "
        "masked_unbiased: without a row's pair with itself, as DiffBio 0.1.0; biased, unbiased: the ordinary "
        "estimators"),
};

constexpr ScoreRow rows[] = {
    {"reconstruction_loss", Direction::lower, Group::loss},
    // of the documented estimator: says nothing on unequal batches, and its unit is the bandwidth
    {"mmd_loss", Direction::info, Group::loss, "kernel_bandwidth"}};

std::vector<Score> losses_of(double reconstruction_loss, double mmd_loss, const Labels& batch,
                             mmd::Estimator estimator) {
    const auto n_first = static_cast<std::size_t>(std::count(batch.code.begin(), batch.code.end(), 0U));
    const std::size_t n_smaller = std::min(n_first, batch.code.size() - n_first);
    Score between = loss_between_batches(rows[1], mmd_loss, batch);
    if (between.value && n_smaller < mmd::fewest_cells(estimator))
        between = not_applicable(rows[1], "the estimator needs more cells in the first batch or in the others");
    return {loss_of(rows[0], reconstruction_loss), std::move(between)};
}

constexpr Field<mmd_method::TrainOptions> train_fields[] = {
    field<&mmd_method::TrainOptions::mmd_weight>(
        "mmd_weight", at_least(0),
        "weight of the MMD beside the reconstruction loss; larger mixes more and keeps less"),
    field<&mmd_method::TrainOptions::conditional_decoder>(
        "conditional_decoder", any_value(),
        "the decoder also sees the batch; corrected cells are decoded as one batch"),
    field<&mmd_method::TrainOptions::reference_batch>(
        "reference_batch", at_least(0), "batch that corrected cells are decoded as, by its place in the dataset"),
};

mmd_method::TrainOptions train_options(const json& train) {
    mmd_method::TrainOptions options = options_from(train_fields, train);
    options.kernel = kernel_options(train);
    return options;
}

std::vector<ParameterFault> faults(const json& params, const json& train, const DataShape* data) {
    std::vector<ParameterFault> found;
    add_faults("params", found, [&] { mmd_method::validate(options_from(fields, params)); });
    if (train.is_null() || loaded_model(train)) return found;
    const training::Options common = common_options(train);
    const mmd_method::TrainOptions options = train_options(train);
    add_faults("train", found, [&] { training::validate(common); });
    add_faults("train", found, [&] { mmd_method::validate(options); });
    if (data == nullptr) return found;
    add_data_faults(common, 1, *data, found);
    if (options.conditional_decoder) add_reference_batch_fault(options.reference_batch, *data, found);
    add_estimator_fault(options.kernel.estimator, *data, found);
    return found;
}

reference::MmdPairs pairs_of(mmd::Estimator estimator) {
    return {mmd::is_masked(estimator), estimator == mmd::Estimator::masked || estimator == mmd::Estimator::biased};
}

template <class Real>
Fit<Real> fit(const MethodSettings& settings, const SharedData<Real>& data) {
    auto options = options_from(fields, settings.params);
    options.precision = settings.precision;
    Fit<Real> fit;
    const auto train = [&](Autoencoder<Real> initial, const training::Observe<Real>& observe) {
        return mmd_method::train(*data, std::move(initial), train_options(settings.train),
                                 common_options(settings.train), settings.precision, observe);
    };
    const Autoencoder<Real> parameters = prepared_model(
        "mmd_autoencoder", settings,
        [&] { return mmd_method::initial_parameters<Real>(options, data->cells.n_rows, Stream(settings.seed)); }, fit,
        train);
    auto result = mmd_method::forward(*data, parameters, options);
    fit.corrected = result.pass.take_corrected();
    fit.arrays.push_back(latent_array(std::move(result.pass.latent)));
    fit.losses = losses_of(result.reconstruction_loss, result.mmd_loss, data->batch, options.mmd_estimator);
    fit.backward = [data, parameters, options](const Matrix<Real>& corrected_bar) {  // no loss depends on it
        const auto pass = autoencoder_forward(parameters, data->cells, data->batch, options.precision, true);
        return autoencoder_backward<Real>(parameters, data->cells, pass, {}, {}, corrected_bar, options.precision,
                                          nullptr);
    };
    fit.cell_choices = [data, parameters, options] {
        return cell_choices(autoencoder_forward(parameters, data->cells, data->batch, options.precision, true));
    };
    fit.differentiable = [data, parameters, exact = options]() mutable {
        exact.precision = Precision::float64;
        return mmd_method::differentiable(in_double(data->cells), data->batch, in_double(parameters), exact);
    };
    fit.reference = [data, parameters, options] {
        const Autoencoder<double> exact = in_double(parameters);
        const reference::MmdResult slow = reference::mmd_autoencoder(
            in_double(data->cells), data->batch, reference_network(exact.encoder), reference_network(exact.decoder),
            reference_conditional(exact), options.kernel_bandwidth, pairs_of(options.mmd_estimator),
            options.precision == Precision::tf32);
        return ReferenceFit{slow.corrected,
                            {{"latent", slow.latent}},
                            losses_of(slow.reconstruction_loss, slow.mmd_loss, data->batch, options.mmd_estimator)};
    };
    return fit;
}

}  // namespace

MethodDefinition mmd_autoencoder() {
    MethodDefinition method{
        "mmd_autoencoder",
        "autoencoder with the maximum mean discrepancy between batches as a loss on its latent space",
        "After DiffBio's batch correction example. Untrained, it is a random projection and corrects nothing; "
        "mmd_loss alone is no evidence of mixing, and values at different bandwidths do not compare: mmd_unbiased "
        "does."};
    method.rows = rows;
    method.parameters = [] { return parameters_of(fields); };
    method.training = [] {
        return joined({common_training(), parameters_of(train_fields), kernel_training(), model_file_training()});
    };
    method.faults = faults;
    method.small = R"({"hidden_dim": 8, "latent_dim": 4})";
    method.fit_float = fit<float>;
    method.fit_double = fit<double>;
    return method;
}

}  // namespace bcbench::methods
