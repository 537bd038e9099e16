// The arithmetic of harmony on a few cells at a time, with the machine's widest vectors. A cell's values over clusters
// or features are a row, padded to whole cache lines, so that every row starts on one.
#pragma once

#include <hwy/aligned_allocator.h>

#include <cstddef>
#include <cstdint>

#include "engine/core/types.hpp"

namespace bcbench::harmony {

/// Cells of one step of a walk over all cells.
inline constexpr std::size_t tile_width = 64;

/// `n` values rounded up to whole cache lines.
template <class Real>
constexpr std::size_t padded(std::size_t n) {
    constexpr std::size_t line = 64 / sizeof(Real);
    return (n + line - 1) / line * line;
}

/// Asks for large pages: rows far apart then need fewer translations of addresses. Only a hint, where there are such.
void ask_for_large_pages(void* memory, std::size_t bytes);

/// Numbers on whole cache lines, not set to 0 first.
template <class Real>
class Buffer {
  public:
    Buffer() = default;
    explicit Buffer(std::size_t size) : size_(size), values_(hwy::AllocateAligned<Real>(size + 64 / sizeof(Real))) {
        ask_for_large_pages(values_.get(), size * sizeof(Real));
    }
    Real* get() { return values_.get(); }
    const Real* get() const { return values_.get(); }
    std::size_t size() const { return size_; }
    void zero() {
        for (std::size_t i = 0; i < size_; ++i) values_[i] = Real(0);
    }

  private:
    std::size_t size_ = 0;
    hwy::AlignedFreeUniquePtr<Real[]> values_;
};

/// out(r, c) = sum_s a(r, s) b(s, c), in rows of `n_columns`, a whole number of cache lines.
template <class Real>
struct Product {
    std::size_t n_rows, n_steps, n_columns;
    const Real* a;  // a(r, s) = a[r * a_row + s * a_step]
    std::size_t a_row, a_step;
    const Real* b;  // b(s, c) = b[s * n_columns + c], on cache lines
    Real* out;      // out(r, c) = out[r * n_columns + c], on cache lines
    bool add;       // to what `out` holds
    /// Unless nullptr: out = scale(c) sum + offset(c). Not with `add`.
    const Real* scale;
    const Real* offset;
};

template <class Real>
void multiply(const Product<Real>& product);

/// Scales rows [count x width] to unit length, width whole cache lines; a row of 0 stays.
template <class Real>
void to_unit(Real* rows, std::size_t count, std::size_t width);

/// sums[c] += max(2 (1 - dots(i, c)), 0), where that is at least 1e-6, over the rows of `dots` [count x width].
template <class Real>
void add_distances(const Real* dots, std::size_t count, std::size_t width, double* sums);

/// The column of the largest entry of each row [count x width]; the first on ties.
template <class Real>
void find_largest(const Real* rows, std::size_t count, std::size_t width, std::uint32_t* column);

/// Penalty factors of the cells of a group.
template <class Real>
struct Factor {
    const Real* row = nullptr;  // [width] log2 of the factor of each cluster; beyond, so low that nothing is assigned
    Real highest = 0;           // of the clusters'
    bool is_wide = false;       // they are so far apart that 2 to the power of their differences may be 0
};

/// Logits of a run of cells that share one factor, and what becomes of their sums.
template <class Real>
struct SoftRun {
    /// Row of position p at logits + p * width: log2 of exp(-dist/sigma), and the row's largest after the clusters'.
    const Real* logits;
    const std::uint32_t* positions;  // [count], and some more that may be read ahead
    std::size_t count, n_clusters, width;
    Factor<Real> factor;
    const Real* sigma;  // [width], 0 beyond the clusters
    bool same_sigma;    // for all clusters
};

/// Sums over a run, with R = 2^(logit + factor) / sum over clusters.
struct SoftParts {
    double logit = 0.0;    // sum sigma_k R_ki logit_ki
    double entropy = 0.0;  // sum sigma_k R_ki log2 R_ki
};

/// share[k] = sum over the run of R. [width]
template <class Real>
SoftParts assign_run(const SoftRun<Real>& run, Real* share);

/// R of `count` neighbouring rows of logits [count x width], each with its own factor; to `assigned` [count x width].
template <class Real>
void assign_tile(const Real* logits, const Factor<Real>* const* factors, std::size_t count, std::size_t n_clusters,
                 std::size_t width, Real* assigned);

/// The largest entry of each row [count x width] to its column n_clusters.
template <class Real>
void store_highest(Real* rows, std::size_t count, std::size_t n_clusters, std::size_t width);

/// Columns first .. first + count - 1 of `cells` as rows of `width`, 0 beyond the features.
template <class Real>
void load_rows(const Matrix<Real>& cells, std::size_t first, std::size_t count, std::size_t width, Real* rows);
/// The given columns.
template <class Real>
void load_rows(const Matrix<Real>& cells, const std::uint32_t* columns, std::size_t count, std::size_t width,
               Real* rows);

/// sums[i] += values[i], and values becomes 0.
template <class Real>
void flush(Real* values, std::size_t n, double* sums);

/// sums[c] += sum over rows [count x width].
template <class Real>
void add_rows(const Real* rows, std::size_t count, std::size_t width, double* sums);

/// sum[i] += a[i].
template <class Real>
void add_to(const Real* a, std::size_t n, double* sum);

}  // namespace bcbench::harmony
