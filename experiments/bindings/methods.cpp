// The table of methods.
#include <stdexcept>

#include "experiments/bindings/method.hpp"

namespace bcbench {

namespace methods {  // one file each, in the folder methods/

MethodDefinition uncorrected();
MethodDefinition differentiable_harmony();
MethodDefinition mmd_autoencoder();
MethodDefinition wgan_autoencoder();
MethodDefinition harmony();
MethodDefinition combat();
MethodDefinition mnn();
MethodDefinition batch_mean_centering();
MethodDefinition batch_scaling();
MethodDefinition shuffle_batches();
MethodDefinition shuffle_within_types();
MethodDefinition one_hot_types();
MethodDefinition command();
MethodDefinition embedding();

}  // namespace methods

std::span<const MethodDefinition> method_table() {
    static const MethodDefinition table[] = {
        methods::uncorrected(),
        methods::differentiable_harmony(),
        methods::mmd_autoencoder(),
        methods::wgan_autoencoder(),
        methods::harmony(),
        methods::combat(),
        methods::mnn(),
        methods::batch_mean_centering(),
        methods::batch_scaling(),
        methods::shuffle_batches(),
        methods::shuffle_within_types(),
        methods::one_hot_types(),
        methods::command(),
        methods::embedding(),
    };
    return table;
}

const MethodDefinition& method_named(const std::string& type) {
    for (const MethodDefinition& entry : method_table()) {
        if (type == entry.name) return entry;
    }
    throw std::invalid_argument("there is no method '" + type + "'");
}

Fit<float> fit_method(const std::string& type, const MethodSettings& settings, const SharedData<float>& data) {
    return method_named(type).fit_float(settings, data);
}

Fit<double> fit_method(const std::string& type, const MethodSettings& settings, const SharedData<double>& data) {
    return method_named(type).fit_double(settings, data);
}

}  // namespace bcbench
