// Method `wgan_autoencoder` and its training, bound to their parameters.
#include "engine/methods/wgan_autoencoder/differentiable.hpp"
#include "engine/methods/wgan_autoencoder/train.hpp"
#include "experiments/bindings/methods/losses.hpp"
#include "experiments/bindings/training_fields.hpp"

namespace bcbench::methods {

namespace {

using nlohmann::json;
namespace wgan = bcbench::wgan_autoencoder;

constexpr Field<wgan::Options> fields[] = {
    field<&wgan::Options::hidden_dim>(
        "hidden_dim", at_least(1),
        "units of each hidden layer of encoder and decoder; more fit finer structure and cost quadratically more"),
    field<&wgan::Options::latent_dim>(
        "latent_dim", at_least(1), "dimensions of the latent space; more keep more of the input, the batch included"),
    field<&wgan::Options::discriminator_hidden_dim>(
        "discriminator_hidden_dim", at_least(1),
        "units of each hidden layer of the critic; more tell batches apart more finely"),
};

constexpr ScoreRow rows[] = {{"reconstruction_loss", Direction::lower, Group::loss},
                             {"generator_loss", Direction::info, Group::loss},
                             {"discriminator_loss", Direction::info, Group::loss}};

std::vector<Score> losses_of(double reconstruction, double generator, double discriminator, const Labels& batch) {
    return {loss_of(rows[0], reconstruction), loss_between_batches(rows[1], generator, batch),
            loss_between_batches(rows[2], discriminator, batch)};
}

constexpr Field<wgan::TrainOptions> train_fields[] = {
    field<&wgan::TrainOptions::updates>(
        "updates", any_value(),
        "alternating: critic and autoencoder in turn; joint: both losses at once, which diverges"),
    field<&wgan::TrainOptions::critic_weight>(
        "critic_weight", at_least(0),
        "weight of the critic's distance beside the reconstruction loss; larger mixes more and keeps less; with joint "
        "updates it is 1"),
    field<&wgan::TrainOptions::n_critic>(
        "n_critic", at_least(1), "critic updates before each update of the autoencoder; more follow it more closely"),
    field<&wgan::TrainOptions::critic_optimizer>("critic_optimizer", any_value(), "rule of a critic update"),
    field<&wgan::TrainOptions::critic_learning_rate>("critic_learning_rate", above(0),
                                                     "size of a critic update; follows the same schedule"),
    field<&wgan::TrainOptions::critic_beta1>("critic_beta1", from_to_below(0, 1),
                                             "memory of the critic's gradient (adam), momentum (sgd)"),
    field<&wgan::TrainOptions::critic_beta2>("critic_beta2", from_to_below(0, 1),
                                             "memory of the critic's squared gradient (adam, rmsprop)"),
    field<&wgan::TrainOptions::gradient_penalty>(
        "gradient_penalty", above(0),
        "weight of the penalty on slopes of the critic other than 1; null: clip its parameters instead"),
    field<&wgan::TrainOptions::clip>(
        "clip", above(0),
        "bound of every critic parameter without gradient_penalty; larger tells finer differences, less stably"),
    field<&wgan::TrainOptions::conditional_decoder>(
        "conditional_decoder", any_value(),
        "the decoder also sees the batch; corrected cells are decoded as one batch"),
    field<&wgan::TrainOptions::reference_batch>(
        "reference_batch", at_least(0), "batch that corrected cells are decoded as, by its place in the dataset"),
};

std::vector<ParameterFault> faults(const json& params, const json& train, const DataShape* data) {
    std::vector<ParameterFault> found;
    add_faults("params", found, [&] { wgan::validate(options_from(fields, params)); });
    if (train.is_null() || loaded_model(train)) return found;
    const training::Options common = common_options(train);
    const wgan::TrainOptions options = options_from(train_fields, train);
    add_faults("train", found, [&] { training::validate(common); });
    add_faults("train", found, [&] { wgan::validate(options); });
    if (data == nullptr) return found;
    add_data_faults(common, 2, *data, found);
    if (options.conditional_decoder) add_reference_batch_fault(options.reference_batch, *data, found);
    return found;
}

template <class Real>
Fit<Real> fit(const MethodSettings& settings, const SharedData<Real>& data) {
    auto options = options_from(fields, settings.params);
    options.precision = settings.precision;
    Fit<Real> fit;
    const auto train = [&](wgan::Parameters<Real> initial, const training::Observe<Real>& observe) {
        return wgan::train(*data, std::move(initial), options_from(train_fields, settings.train),
                           common_options(settings.train), settings.precision, observe);
    };
    const wgan::Parameters<Real> parameters = prepared_model(
        "wgan_autoencoder", settings,
        [&] { return wgan::initial_parameters<Real>(options, data->cells.n_rows, Stream(settings.seed)); }, fit, train);
    auto result = wgan::forward(*data, parameters, options);
    fit.corrected = result.pass.take_corrected();
    fit.arrays.push_back(latent_array(std::move(result.pass.latent)));
    fit.losses = losses_of(result.reconstruction_loss, result.generator_loss, result.discriminator_loss, data->batch);
    if (settings.keeps_arrays) fit.by_products["critic_scores"] = npy::from_list(result.scores.scores);
    fit.backward = [data, parameters, options](const Matrix<Real>& corrected_bar) {  // no loss depends on it
        const auto pass =
            autoencoder_forward(parameters.autoencoder, data->cells, data->batch, options.precision, true);
        return autoencoder_backward<Real>(parameters.autoencoder, data->cells, pass, {}, {}, corrected_bar,
                                          options.precision, nullptr);
    };
    fit.cell_choices = [data, parameters, options] {
        return cell_choices(
            autoencoder_forward(parameters.autoencoder, data->cells, data->batch, options.precision, true));
    };
    fit.differentiable = [data, parameters, exact = options]() mutable {
        exact.precision = Precision::float64;
        return wgan::differentiable(in_double(data->cells), data->batch, in_double(parameters), exact);
    };
    fit.reference = [data, parameters, options] {
        const wgan::Parameters<double> exact = in_double(parameters);
        const reference::WganResult slow = reference::wgan_autoencoder(
            in_double(data->cells), data->batch, reference_network(exact.autoencoder.encoder),
            reference_network(exact.autoencoder.decoder), reference_conditional(exact.autoencoder),
            reference_network(exact.critic), options.precision == Precision::tf32);
        return ReferenceFit{
            slow.corrected,
            {{"latent", slow.latent}},
            losses_of(slow.reconstruction_loss, slow.generator_loss, slow.discriminator_loss, data->batch)};
    };
    return fit;
}

}  // namespace

MethodDefinition wgan_autoencoder() {
    MethodDefinition method{
        "wgan_autoencoder", "autoencoder with a Wasserstein critic on its latent space, seen through gradient reversal",
        "After DiffBio's batch correction example. Untrained, it is a random projection and corrects nothing. "
        "With a single batch there is no loss between batches: generator_loss and discriminator_loss do not apply, "
        "where DiffBio takes 0 for the mean score of the cells that are missing."};
    method.rows = rows;
    method.parameters = [] { return parameters_of(fields); };
    method.training = [] { return joined({common_training(), parameters_of(train_fields), model_file_training()}); };
    method.faults = faults;
    method.small = R"({"hidden_dim": 8, "latent_dim": 4, "discriminator_hidden_dim": 4})";
    method.fit_float = fit<float>;
    method.fit_double = fit<double>;
    return method;
}

}  // namespace bcbench::methods
