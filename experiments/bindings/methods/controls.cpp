// The controls: what best and worst look like.
#include "engine/methods/controls/one_hot_types.hpp"
#include "engine/methods/controls/shuffle.hpp"
#include "engine/reference/baselines.hpp"
#include "experiments/bindings/fields.hpp"
#include "experiments/bindings/method.hpp"

namespace bcbench::methods {

namespace {

Key key_of(const MethodSettings& settings) { return Stream(settings.seed).next(); }

constexpr Field<shuffle_batches::Options> shuffle_fields[] = {
    field<&shuffle_batches::Options::within>("within", any_value(),
                                             "deal the cells out among all, or within each batch"),
};

template <class Real>
Fit<Real> fit_shuffle_batches(const MethodSettings& settings, const SharedData<Real>& data) {
    const auto options = options_from(shuffle_fields, settings.params);
    auto shuffled = shuffle_batches::forward(data->cells, data->batch, options, key_of(settings));
    Fit<Real> fit;
    fit.corrected = std::move(shuffled.corrected);
    fit.notes = std::move(shuffled.notes);
    fit.reference = [data, options, key = key_of(settings)] {
        const Labels group = options.within == shuffle_batches::Within::batch ? data->batch : Labels();
        return ReferenceFit{reference::shuffled(in_double(data->cells), group, key), {}, {}};
    };
    return fit;
}

void require_types(const Labels& type) {
    if (type.empty()) throw std::invalid_argument("needs cell types, the dataset has none");
}

template <class Real>
Fit<Real> fit_shuffle_within_types(const MethodSettings& settings, const SharedData<Real>& data) {
    require_types(data->type);
    auto shuffled = shuffle_within_types::forward(data->cells, data->type, {}, key_of(settings));
    Fit<Real> fit;
    fit.corrected = std::move(shuffled.corrected);
    fit.notes = std::move(shuffled.notes);
    fit.reference = [data, key = key_of(settings)] {
        return ReferenceFit{reference::shuffled(in_double(data->cells), data->type, key), {}, {}};
    };
    return fit;
}

constexpr Field<one_hot_types::Options> one_hot_fields[] = {
    field<&one_hot_types::Options::jitter>("jitter", at_least(0),
                                           "half the width of the noise that tells cells of a type apart"),
};

template <class Real>
Fit<Real> fit_one_hot_types(const MethodSettings& settings, const SharedData<Real>& data) {
    require_types(data->type);
    const auto options = options_from(one_hot_fields, settings.params);
    Fit<Real> fit;
    fit.corrected = one_hot_types::forward<Real>(data->type, options, key_of(settings));
    fit.reference = [data, options, key = key_of(settings)] {
        return ReferenceFit{reference::one_hot_types(data->type, options.jitter, key), {}, {}};
    };
    return fit;
}

MethodDefinition control(const char* name, const char* summary, const char* notes) {
    MethodDefinition method{name, summary, notes};
    method.differentiable = false;
    method.control = true;
    method.draws_per_cell = true;
    return method;
}

}  // namespace

MethodDefinition shuffle_batches() {
    MethodDefinition method =
        control("shuffle_batches", "control: the cells dealt out again at random, among all or within batches",
                "Batches are mixed perfectly and no biology is left; within batches, they stay apart and none is left. "
                "After the controls of Open Problems (random_integration, random_integration_batch).");
    method.parameters = [] { return parameters_of(shuffle_fields); };
    method.fit_float = fit_shuffle_batches<float>;
    method.fit_double = fit_shuffle_batches<double>;
    return method;
}

MethodDefinition shuffle_within_types() {
    MethodDefinition method = control(
        "shuffle_within_types", "control: the cells dealt out again at random within each type",
        "Types stay apart and batches are mixed within them perfectly: what a correction without a fault reaches. "
        "Needs types. After the controls of Open Problems (random_integration_celltype).");
    method.fit_float = fit_shuffle_within_types<float>;
    method.fit_double = fit_shuffle_within_types<double>;
    return method;
}

MethodDefinition one_hot_types() {
    MethodDefinition method =
        control("one_hot_types", "control: every cell becomes its type and nothing else",
                "The best that an embedding can do for biology and for mixing at once; it has one dimension per type. "
                "Needs types. After the controls of Open Problems (embed_cell_types_jittered).");
    method.parameters = [] { return parameters_of(one_hot_fields); };
    method.fit_float = fit_one_hot_types<float>;
    method.fit_double = fit_one_hot_types<double>;
    return method;
}

}  // namespace bcbench::methods
