#include "experiments/bindings/training_fields.hpp"

#include <utility>

#include "engine/core/check.hpp"
#include "engine/training/model_file.hpp"
#include "experiments/bindings/datasets.hpp"
#include "experiments/bindings/fields.hpp"

namespace bcbench {

namespace {

using nlohmann::json;
namespace harmony = differentiable_harmony;

constexpr Field<training::Options> common_fields[] = {
    field<&training::Options::optimizer>("optimizer", any_value(), "rule of an update"),
    field<&training::Options::learning_rate>("learning_rate", above(0),
                                             "size of an update; larger is faster until it diverges"),
    field<&training::Options::beta1>("beta1", from_to_below(0, 1), "memory of the gradient (adam), momentum (sgd)"),
    field<&training::Options::beta2>("beta2", from_to_below(0, 1), "memory of the squared gradient (adam, rmsprop)"),
    field<&training::Options::weight_decay>(
        "weight_decay", at_least(0),
        "share of a parameter lost per update and unit of rate; larger keeps parameters smaller"),
    field<&training::Options::schedule>("schedule", any_value(), "how the learning rate falls, to 0 unless constant"),
    field<&training::Options::warmup_steps>("warmup_steps", at_least(0),
                                            "updates over which the learning rate rises linearly to its full size"),
    field<&training::Options::steps>("steps", at_least(1), "updates in all"),
    field<&training::Options::batch_size>("batch_size", at_least(2),
                                          "cells of one update, each batch in proportion; null: all of them"),
    field<&training::Options::holdout_fraction>(
        "holdout_fraction", from_to_below(0, 1),
        "share of each batch's cells that is never trained on; every metric then has a holdout_ row for them alone"),
    field<&training::Options::early_stopping>(
        "early_stopping", any_value(),
        "cells whose loss ends the training when it stops falling; holdout lets them choose the step"),
    field<&training::Options::patience>("patience", at_least(1),
                                        "evaluations without a lower loss before stopping early"),
    field<&training::Options::trace_every>("trace_every", at_least(1),
                                           "updates between two evaluations; smaller traces finer"),
    field<&training::Options::seed>(
        "seed", at_least(0),
        "of mini-batches and held-out cells; the initial weights and centroids come from the seed of the method"),
};

constexpr Field<training::Kernel> kernel_fields[] = {
    field<&training::Kernel::bandwidths>(
        "bandwidths", above(0),
        "bandwidths of the kernel, which is the mean over them; larger compare coarser structure"),
    field<&training::Kernel::unit>("bandwidth_unit", any_value(),
                                   "unit of bandwidths: 1, or the current median distance"),
    field<&training::Kernel::start>("bandwidth_start", above(0),
                                    "factor on all bandwidths at first, falling to 1 over the first 70 % of the steps"),
    field<&training::Kernel::estimator>("estimator", any_value(),
                                        "masked: zero rows as in mmd_loss; biased, unbiased: the ordinary estimators"),
    field<&training::Kernel::pairs>("pairs", any_value(),
                                    "what is compared: batch 0 with the rest, or each batch with all cells"),
};

constexpr Field<harmony::TrainOptions> harmony_fields[] = {
    field<&harmony::TrainOptions::mmd_weight>(
        "mmd_weight", at_least(0), "weight of the MMD between batches of corrected cells; larger mixes more"),
    field<&harmony::TrainOptions::mean_weight>(
        "mean_weight", at_least(0), "weight of the squared distance between batch means; larger aligns them more"),
    field<&harmony::TrainOptions::preservation_weight>(
        "preservation_weight", at_least(0),
        "weight of changed distances inside batches; larger keeps more of the input's structure"),
    field<&harmony::TrainOptions::start>("start", any_value(),
                                         "centroids at first: random cells, or 0.1 * normal as untrained"),
};

constexpr Field<mmd_autoencoder::TrainOptions> mmd_fields[] = {
    field<&mmd_autoencoder::TrainOptions::mmd_weight>(
        "mmd_weight", at_least(0),
        "weight of the MMD beside the reconstruction loss; larger mixes more and keeps less"),
    field<&mmd_autoencoder::TrainOptions::conditional_decoder>(
        "conditional_decoder", any_value(),
        "the decoder also sees the batch; corrected cells are decoded as one batch"),
    field<&mmd_autoencoder::TrainOptions::reference_batch>(
        "reference_batch", at_least(0), "batch that corrected cells are decoded as, by its place in the dataset"),
};

constexpr Field<wgan_autoencoder::TrainOptions> wgan_fields[] = {
    field<&wgan_autoencoder::TrainOptions::updates>(
        "updates", any_value(),
        "alternating: critic and autoencoder in turn; joint: both losses at once, which diverges"),
    field<&wgan_autoencoder::TrainOptions::critic_weight>(
        "critic_weight", at_least(0),
        "weight of the critic's distance beside the reconstruction loss; larger mixes more and keeps less; with joint "
        "updates it is 1"),
    field<&wgan_autoencoder::TrainOptions::n_critic>(
        "n_critic", at_least(1), "critic updates before each update of the autoencoder; more follow it more closely"),
    field<&wgan_autoencoder::TrainOptions::critic_optimizer>("critic_optimizer", any_value(),
                                                             "rule of a critic update"),
    field<&wgan_autoencoder::TrainOptions::critic_learning_rate>("critic_learning_rate", above(0),
                                                                 "size of a critic update; follows the same schedule"),
    field<&wgan_autoencoder::TrainOptions::critic_beta1>("critic_beta1", from_to_below(0, 1),
                                                         "memory of the critic's gradient (adam), momentum (sgd)"),
    field<&wgan_autoencoder::TrainOptions::critic_beta2>("critic_beta2", from_to_below(0, 1),
                                                         "memory of the critic's squared gradient (adam, rmsprop)"),
    field<&wgan_autoencoder::TrainOptions::gradient_penalty>(
        "gradient_penalty", above(0),
        "weight of the penalty on slopes of the critic other than 1; null: clip its parameters instead"),
    field<&wgan_autoencoder::TrainOptions::clip>(
        "clip", above(0),
        "bound of every critic parameter without gradient_penalty; larger tells finer differences, less stably"),
    field<&wgan_autoencoder::TrainOptions::conditional_decoder>(
        "conditional_decoder", any_value(),
        "the decoder also sees the batch; corrected cells are decoded as one batch"),
    field<&wgan_autoencoder::TrainOptions::reference_batch>(
        "reference_batch", at_least(0), "batch that corrected cells are decoded as, by its place in the dataset"),
};

struct ModelFiles {
    bool save_model = false;
    std::optional<std::string> load_model;
};

constexpr Field<ModelFiles> file_fields[] = {
    field<&ModelFiles::save_model>("save_model", any_value(),
                                   "write the trained model to models/<point>.npz in the results"),
    field<&ModelFiles::load_model>(
        "load_model", any_value(),
        "apply the model of this .npz file, found beside the config or in $BCBENCH_DATA, without training: its own "
        "decoder and reference batch count, the other keys do not"),
};

training::Options common_of_harmony() {
    training::Options options;
    options.learning_rate = 0.03;
    options.steps = 500;
    return options;
}

std::vector<Parameter> joined(const std::vector<std::vector<Parameter>>& parts) {
    std::vector<Parameter> all;
    for (const std::vector<Parameter>& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

// The untrained model, the model in the file, or what `train` makes of the untrained one.
template <class Model, class Train>
training::Trained<Model> prepared(const char* method, const MethodSettings& settings, Model initial,
                                  const Train& train) {
    if (settings.train.is_null()) return {std::move(initial), 0, {}, {}};
    const std::optional<std::string> file = loaded_model(settings.train);
    if (!file) return train(std::move(initial));
    const auto found = find_data_file(*file, settings.config_directory);
    if (!found)
        throw DataError("the model " + *file + " is neither beside the config nor in the directory $BCBENCH_DATA");
    return {model_file::from_arrays(method, npy::read_npz(found->string()), std::move(initial), found->string()),
            0,
            {},
            {}};
}

}  // namespace

std::vector<Parameter> harmony_training() {
    return joined({parameters_of(common_fields, common_of_harmony()), parameters_of(harmony_fields),
                   parameters_of(kernel_fields), parameters_of(file_fields)});
}

std::vector<Parameter> mmd_training() {
    return joined({parameters_of(common_fields), parameters_of(mmd_fields), parameters_of(kernel_fields),
                   parameters_of(file_fields)});
}

std::vector<Parameter> wgan_training() {
    return joined({parameters_of(common_fields), parameters_of(wgan_fields), parameters_of(file_fields)});
}

template <class Real>
training::Trained<harmony::Parameters<Real>> prepared_harmony(const MethodSettings& settings,
                                                              harmony::Parameters<Real> initial,
                                                              const harmony::Options& method,
                                                              const Dataset<Real>& data) {
    return prepared("differentiable_harmony", settings, std::move(initial), [&](harmony::Parameters<Real> model) {
        harmony::TrainOptions options = options_from(harmony_fields, settings.train);
        options.kernel = options_from(kernel_fields, settings.train);
        Stream stream(settings.seed);
        stream.next();  // the key of the untrained centroids
        return harmony::train(data, std::move(model), method, options,
                              options_from(common_fields, settings.train, common_of_harmony()), stream.next());
    });
}

template <class Real>
training::Trained<Autoencoder<Real>> prepared_mmd(const MethodSettings& settings, Autoencoder<Real> initial,
                                                  const Dataset<Real>& data) {
    return prepared("mmd_autoencoder", settings, std::move(initial), [&](Autoencoder<Real> model) {
        mmd_autoencoder::TrainOptions options = options_from(mmd_fields, settings.train);
        options.kernel = options_from(kernel_fields, settings.train);
        return mmd_autoencoder::train(data, std::move(model), options, options_from(common_fields, settings.train),
                                      settings.precision);
    });
}

template <class Real>
training::Trained<wgan_autoencoder::Parameters<Real>> prepared_wgan(const MethodSettings& settings,
                                                                    wgan_autoencoder::Parameters<Real> initial,
                                                                    const Dataset<Real>& data) {
    return prepared("wgan_autoencoder", settings, std::move(initial), [&](wgan_autoencoder::Parameters<Real> model) {
        return wgan_autoencoder::train(data, std::move(model), options_from(wgan_fields, settings.train),
                                       options_from(common_fields, settings.train), settings.precision);
    });
}

bool saves_model(const json& train) { return train.is_object() && train.value("save_model", false); }

double holdout_fraction(const json& train) {
    if (!train.is_object() || loaded_model(train)) return 0.0;
    return train.value("holdout_fraction", 0.0);
}

std::optional<std::string> loaded_model(const json& train) {
    if (!train.is_object()) return std::nullopt;
    const auto file = train.find("load_model");
    if (file == train.end() || !file->is_string()) return std::nullopt;
    return file->get<std::string>();
}

#define BCBENCH_INSTANTIATE(Real)                                                                         \
    template training::Trained<harmony::Parameters<Real>> prepared_harmony(                               \
        const MethodSettings&, harmony::Parameters<Real>, const harmony::Options&, const Dataset<Real>&); \
    template training::Trained<Autoencoder<Real>> prepared_mmd(const MethodSettings&, Autoencoder<Real>,  \
                                                               const Dataset<Real>&);                     \
    template training::Trained<wgan_autoencoder::Parameters<Real>> prepared_wgan(                         \
        const MethodSettings&, wgan_autoencoder::Parameters<Real>, const Dataset<Real>&)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench
