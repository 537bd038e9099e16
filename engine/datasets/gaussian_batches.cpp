#include "engine/datasets/gaussian_batches.hpp"

#include <cmath>
#include <string>

#include "engine/core/check.hpp"
#include "engine/core/random.hpp"
#include "engine/linear/products.hpp"

namespace bcbench::gaussian_batches {

namespace {

using arma::uword;

constexpr double largest_value = 1e30;  // sums of a few, and a noise of several noise_sd, still fit a float32

// Cells of one type in batch `b`.
uword cells_per_type(const Options& options, std::size_t b) {
    const std::vector<std::int64_t>& sizes = options.n_cells_per_batch;
    return static_cast<uword>(sizes[sizes.size() == 1 ? 0 : b] / options.n_types);
}

std::vector<std::string> numbered_names(std::size_t count) {
    std::vector<std::string> names(count);
    for (std::size_t i = 0; i < count; ++i) names[i] = std::to_string(i);
    return names;
}

// Mean expression of type `t` in batch `b`. [F]
Vector<float> expected_cell(const Options& options, std::size_t b, uword t) {
    const auto n_features = static_cast<uword>(options.n_features);
    const auto n_types = static_cast<uword>(options.n_types);
    const uword width = n_features / n_types;
    const uword end = t + 1 == n_types ? n_features : (t + 1) * width;
    const auto shift = static_cast<float>(options.batch_shifts[b]);
    Vector<float> mean(n_features, arma::fill::zeros);
    for (uword f = t * width; f < end; ++f) mean[f] = static_cast<float>(options.type_signal);
    return mean + shift;
}

}  // namespace

void validate(const Options& options) {
    const std::size_t n_batches = options.batch_shifts.size();
    if (n_batches == 0) throw OptionError("batch_shifts", "is empty, must hold one number per batch");
    require_option(options.n_types >= 1, "n_types", options.n_types, "at least 1");
    const std::string types = "n_types (" + std::to_string(options.n_types) + ")";
    require_option(options.n_features >= options.n_types, "n_features", options.n_features,
                   "at least " + types + ": each type needs a feature");
    const std::size_t n_sizes = options.n_cells_per_batch.size();
    if (n_sizes != 1 && n_sizes != n_batches) {
        throw OptionError("n_cells_per_batch", "has " + std::to_string(n_sizes) +
                                                   " numbers, must be one number or one per entry of batch_shifts (" +
                                                   std::to_string(n_batches) + ")");
    }
    for (const std::int64_t size : options.n_cells_per_batch) {
        require_option(size >= options.n_types, "n_cells_per_batch", size,
                       "at least " + types + ": each type needs a cell");
    }
    require_option(options.noise_sd >= 0.0, "noise_sd", options.noise_sd, "at least 0");
    const auto require_small = [](const char* name, double value) {
        require_option(std::abs(value) <= largest_value, name, value,
                       "at most 1e30 in size: the cells are drawn in float32");
    };
    require_small("type_signal", options.type_signal);
    require_small("noise_sd", options.noise_sd);
    for (const double shift : options.batch_shifts) require_small("batch_shifts", shift);
}

std::vector<std::size_t> batch_sizes(const Options& options) {
    std::vector<std::size_t> sizes;
    for (std::size_t b = 0; b < options.batch_shifts.size(); ++b) {
        sizes.push_back(cells_per_type(options, b) * static_cast<std::size_t>(options.n_types));
    }
    return sizes;
}

Dataset<float> generate(const Options& options, std::uint64_t seed) {
    validate(options);
    const std::size_t n_batches = options.batch_shifts.size();
    const auto n_types = static_cast<uword>(options.n_types);
    const Key noise_key = split(make_key(seed), 5)[0];

    uword n_cells = 0;
    for (std::size_t b = 0; b < n_batches; ++b) n_cells += n_types * cells_per_type(options, b);

    Dataset<float> data;
    const auto about = std::make_shared<Annotations>();
    about->batch_column = "batch";
    about->type_column = "type";
    data.about = about;
    data.cells.set_size(static_cast<uword>(options.n_features), n_cells);
    data.batch.names = numbered_names(n_batches);
    data.type.names = numbered_names(n_types);
    uword first = 0;
    for (std::size_t b = 0; b < n_batches; ++b) {
        const uword count = cells_per_type(options, b);
        for (uword t = 0; t < n_types; ++t, first += count) {
            const Key key = fold_in(noise_key, static_cast<std::uint32_t>(b * n_types + t));
            Matrix<float> block = columns(data.cells, first, count);  // [F x count]
            block = static_cast<float>(options.noise_sd) * normal(key, block.n_rows, count);
            block.each_col() += expected_cell(options, b, t);
            data.batch.code.insert(data.batch.code.end(), count, static_cast<std::uint32_t>(b));
            data.type.code.insert(data.type.code.end(), count, static_cast<std::uint32_t>(t));
        }
    }
    return data;
}

}  // namespace bcbench::gaussian_batches
