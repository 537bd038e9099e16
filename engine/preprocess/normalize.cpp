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

// Of values >= 0: adding 2^52 rounds to a whole number, and what is larger is one.
bool has_fraction(double x) { return x < 0x1p52 && (x + 0x1p52) - 0x1p52 != x; }

// What the entries of some cells are.
struct Entries {
    std::size_t n_not_zero = 0, n_fractions = 0;
    double smallest = 0.0, largest = 0.0;
};

}  // namespace

void require_counts(const Cells& cells) {
    const Tiles tiles{cells.n_cells(), tile_cells};
    std::vector<Entries> of_tile(tiles.count());
    parallel_for(tiles.count(), [&](std::size_t tile) {
        Entries found;
        for (std::size_t i = tiles.first(tile); i < tiles.first(tile) + tiles.size(tile); ++i) {
            for_each_entry(cells, i, [&](std::size_t, double x) {
                found.n_not_zero += x != 0.0;
                found.n_fractions += has_fraction(x);
                found.smallest = std::min(found.smallest, x);
                found.largest = std::max(found.largest, x);
            });
        }
        of_tile[tile] = found;
    });
    std::size_t n_entries = 0, n_fractions = 0;
    double largest = 0.0;
    for (const Entries& found : of_tile) {
        require_not_negative(found.smallest);
        n_entries += found.n_not_zero;
        n_fractions += found.n_fractions;
        largest = std::max(largest, found.largest);
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
        double sum = 0.0, smallest = 0.0;
        for_each_entry(cells, i, [&](std::size_t, double x) {
            sum += x;
            smallest = std::min(smallest, x);
        });
        require_not_negative(smallest);
        sums[i] = sum;
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
    const Remembered logarithm([](double x) {
        require_not_negative(x);
        return std::log1p(x);
    });
    const Tiles tiles{cells.n_cells(), tile_cells};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        auto own = logarithm;
        for (std::size_t i = tiles.first(tile); i < tiles.first(tile) + tiles.size(tile); ++i)
            for_each_entry(cells, i, [&](std::size_t, double& x) { x = own(x); });
    });
}

}  // namespace bcbench::preprocess
