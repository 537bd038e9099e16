#include "engine/preprocess/normalize.hpp"

#include <cmath>

#include "engine/core/check.hpp"

namespace bcbench::preprocess {

namespace {

constexpr double most_of_logarithm = 30.0;  // log2 of 1e9: no log-normalised value is larger
constexpr double most_fractions = 0.01;     // of the entries that are not zero

std::string percent_text(double share) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f %%", 100.0 * share);
    return text;
}

double median(std::vector<double> values) {
    const std::size_t half = values.size() / 2;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(half);
    std::nth_element(values.begin(), middle, values.end());
    if (values.size() % 2 == 1) return *middle;
    return (*middle + *std::max_element(values.begin(), middle)) / 2.0;
}

void require_not_negative(double value) {
    if (value < 0.0) {
        throw DataError("the cells hold negative values (" + std::to_string(value) +
                        "): they are scaled or centred, not counts; choose the counts, or leave this step out");
    }
}

}  // namespace

void require_counts(const Cells& cells) {
    std::size_t n_entries = 0, n_fractions = 0;
    double largest = 0.0;
    for (std::size_t i = 0; i < cells.n_cells(); ++i) {
        for_each_entry(cells, i, [&](std::size_t, double x) {
            require_not_negative(x);
            if (x == 0.0) return;
            ++n_entries;
            n_fractions += x != std::floor(x) ? 1U : 0U;
            largest = std::max(largest, x);
        });
    }
    const double share = n_entries == 0 ? 0.0 : static_cast<double>(n_fractions) / static_cast<double>(n_entries);
    if (share <= most_fractions || largest > most_of_logarithm) return;
    throw DataError("the cells look log-normalised already: " + percent_text(share) +
                    " of the values that are not zero have a fraction, and the largest is " + std::to_string(largest) +
                    "; choose the counts (inspect says where they are), or leave normalize_total and log1p out");
}

double normalize_total(Cells& cells, const NormalizeTotalOptions& options) {
    if (options.target_sum) {
        require_option(std::isfinite(*options.target_sum) && *options.target_sum > 0.0, "target_sum",
                       *options.target_sum, "a finite number > 0");
    }
    std::vector<double> sums(cells.n_cells());
    for_each_cell(cells.n_cells(), [&](std::size_t i) {
        for_each_entry(cells, i, [&](std::size_t, double x) {
            require_not_negative(x);
            sums[i] += x;
        });
    });
    std::vector<double> positive;
    std::copy_if(sums.begin(), sums.end(), std::back_inserter(positive), [](double sum) { return sum > 0.0; });
    if (positive.empty()) throw DataError("no cell has a count: there is nothing to normalise");
    const double target = options.target_sum ? *options.target_sum : median(std::move(positive));
    for_each_cell(cells.n_cells(), [&](std::size_t i) {
        if (sums[i] == 0.0) return;
        const double divisor = sums[i] / target;
        for_each_entry(cells, i, [&](std::size_t, double& x) { x /= divisor; });
    });
    return target;
}

void log1p(Cells& cells) {
    for_each_cell(cells.n_cells(), [&](std::size_t i) {
        for_each_entry(cells, i, [](std::size_t, double& x) {
            require_not_negative(x);
            x = std::log1p(x);
        });
    });
}

}  // namespace bcbench::preprocess
