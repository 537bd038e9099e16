#include "engine/methods/controls/one_hot_types.hpp"

#include <cmath>

#include "engine/core/check.hpp"
#include "engine/core/parallel.hpp"

namespace bcbench::one_hot_types {

void validate(const Options& options) {
    require(options.jitter >= 0.0 && std::isfinite(options.jitter), "jitter must be at least 0");
}

template <class Real>
Matrix<Real> forward(const Labels& type, const Options& options, Key key) {
    validate(options);
    require(!type.empty(), "one_hot_types needs type labels, and the dataset has none");
    require_labels(type, type.code.size(), "one_hot_types, type");
    const std::size_t n_types = type.count();
    Matrix<Real> embedding(n_types, type.code.size(), arma::fill::none);
    const Tiles tiles{type.code.size(), tile_cells};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        for (std::size_t i = tiles.first(tile); i < tiles.first(tile) + tiles.size(tile); ++i) {
            for (std::size_t t = 0; t < n_types; ++t) {
                const float noise = uniform_from_word(random_word(key, i * n_types + t), -1.0F, 1.0F);
                const double value = (type.code[i] == t ? 1.0 : 0.0) + options.jitter * static_cast<double>(noise);
                embedding(t, i) = static_cast<Real>(value);
            }
        }
    });
    return embedding;
}

template Matrix<float> forward<float>(const Labels&, const Options&, Key);
template Matrix<double> forward<double>(const Labels&, const Options&, Key);

}  // namespace bcbench::one_hot_types
