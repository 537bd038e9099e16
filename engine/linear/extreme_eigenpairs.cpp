#include "engine/linear/extreme_eigenpairs.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/core/operations.hpp"
#include "engine/core/parallel.hpp"
#include "engine/core/random.hpp"
#include "engine/linear/products.hpp"

namespace bcbench {

namespace {

using arma::uword;

constexpr double tolerance = 1e-10;     // of a residual, relative to the largest eigenvalue
constexpr double negligible = 1e-14;    // a direction this small beside the largest eigenvalue is rounding
constexpr double large_removal = 1e-4;  // what one pass of reorthogonalisation may remove and leave little of
constexpr uword block_width = 8;
constexpr std::size_t rows_at_a_time = 512;
constexpr uword basis_bytes = uword{256} << 20;
constexpr int most_restarts = 60;

// The order of values by falling size; equal sizes: the positive one first.
std::vector<uword> by_size(const arma::vec& values) {
    std::vector<uword> order(values.n_elem);
    std::iota(order.begin(), order.end(), uword{0});
    std::sort(order.begin(), order.end(), [&](uword a, uword b) {
        const double size_a = std::abs(values[a]);
        const double size_b = std::abs(values[b]);
        if (size_a != size_b) return size_a > size_b;
        return values[a] != values[b] ? values[a] > values[b] : a < b;
    });
    return order;
}

// How many of the values in `order` are the `count` first and those that equal the last of them.
uword with_equals(const arma::vec& values, const std::vector<uword>& order, uword count) {
    const double least = std::abs(values[order[count - 1]]) - equal_eigenvalues * std::abs(values[order[0]]);
    uword end = count;
    while (end < order.size() && std::abs(values[order[end]]) >= least) ++end;
    return end;
}

// The Krylov space: an orthonormal basis V in tiles of rows, and what the matrix is on it.
class Space {
  public:
    Space(uword n, uword capacity) : rows_{n, rows_at_a_time}, projected_(capacity, capacity, arma::fill::zeros) {
        parts_.resize(rows_.count());
        for (std::size_t t = 0; t < parts_.size(); ++t) parts_[t].set_size(rows_.size(t), capacity);
    }

    uword width() const { return width_; }
    uword capacity() const { return projected_.n_cols; }

    /// V^T S V as far as it is known. [width x width]
    arma::mat projected() const { return projected_.submat(0, 0, arma::size(width_, width_)); }

    void append(const arma::mat& block) {
        parallel_for(parts_.size(), [&](std::size_t t) {
            parts_[t].cols(width_, width_ + block.n_cols - 1) = block.rows(first(t), last(t));
        });
        width_ += block.n_cols;
    }

    /// Makes `block` [n x b] orthogonal to columns from .. width-1 of V; returns what it had of them. [width-from x b]
    arma::mat remove(uword from, arma::mat& block) const {
        const uword count = width_ - from;
        count_operations(rows_.total, 4 * count * block.n_cols);
        std::vector<arma::mat> partial(parts_.size());
        parallel_for(parts_.size(), [&](std::size_t t) {
            partial[t] = columns(parts_[t], from, count).t() * block.rows(first(t), last(t));
        });
        for (std::size_t t = 1; t < partial.size(); ++t) partial[0] += partial[t];
        parallel_for(parts_.size(), [&](std::size_t t) {
            block.rows(first(t), last(t)) -= columns(parts_[t], from, count) * partial[0];
        });
        return partial[0];
    }

    /// Takes `coefficients` [width x b] as V^T S V of the last b columns, and of the last b rows.
    void set_image_of_last(const arma::mat& coefficients) {
        const uword from = width_ - coefficients.n_cols;
        projected_.submat(0, from, arma::size(coefficients)) = coefficients;
        projected_.submat(from, 0, width_ - 1, width_ - 1) = coefficients.t();
        const arma::mat corner = projected_.submat(from, from, arma::size(coefficients.n_cols, coefficients.n_cols));
        projected_.submat(from, from, arma::size(corner)) = 0.5 * (corner + corner.t());
    }

    /// V y for y [width x c]. [n x c]
    arma::mat times(const arma::mat& y) const {
        count_operations(rows_.total, 2 * y.n_elem);
        arma::mat result(rows_.total, y.n_cols);
        parallel_for(parts_.size(),
                     [&](std::size_t t) { result.rows(first(t), last(t)) = columns(parts_[t], 0, width_) * y; });
        return result;
    }

    /// Restarts from V y, on which the matrix is diagonal with `values`.
    void restart(const arma::mat& y, const arma::vec& values) {
        const arma::mat kept = times(y);
        width_ = 0;
        append(kept);
        projected_.zeros();
        projected_.submat(0, 0, arma::size(width_, width_)) = arma::diagmat(values);
    }

  private:
    uword first(std::size_t t) const { return rows_.first(t); }
    uword last(std::size_t t) const { return rows_.first(t) + rows_.size(t) - 1; }

    Tiles rows_;
    std::vector<arma::mat> parts_;  // [rows of the tile x capacity]
    arma::mat projected_;           // [capacity x capacity]
    uword width_ = 0;
};

// block = Q R with orthonormal Q [n x r]; columns that are within `smallest` of the others' span are left out of Q.
struct Factored {
    arma::mat q;  // [n x r]
    arma::mat r;  // [r x b]
};

Factored orthonormalised(const arma::mat& block, double smallest) {
    Factored factored{arma::mat(block.n_rows, 0), arma::mat(block.n_cols, block.n_cols, arma::fill::zeros)};
    arma::mat q(arma::size(block));
    uword rank = 0;
    for (uword c = 0; c < block.n_cols; ++c) {
        arma::vec column = block.col(c);
        for (int pass = 0; pass < 2; ++pass) {  // once is not orthogonal to rounding
            for (uword j = 0; j < rank; ++j) {
                const double part = arma::dot(q.unsafe_col(j), column);
                column -= part * q.unsafe_col(j);
                factored.r(j, c) += part;
            }
        }
        const double length = arma::norm(column);
        if (length <= smallest) continue;
        factored.r(rank, c) = length;
        q.col(rank++) = column / length;
    }
    factored.q = q.head_cols(rank);
    factored.r = factored.r.head_rows(rank);
    return factored;
}

// Random directions outside V, for a start or where the space has closed on itself. [n x up to b]
arma::mat new_directions(const Space& space, uword n, uword width, Stream& stream) {
    arma::mat block = arma::conv_to<arma::mat>::from(normal(stream.next(), n, width));
    for (int pass = 0; pass < 2 && space.width() > 0; ++pass) space.remove(0, block);
    arma::mat fresh = orthonormalised(block, 1e-6).q;  // the draws are of length sqrt(n)
    if (space.width() > 0) space.remove(0, fresh);
    return orthonormalised(fresh, 0.5).q;
}

// The Ritz pairs of the space, sorted, and their residuals.
struct Ritz {
    arma::vec values;          // [width] falling in size
    arma::mat vectors;         // [width x width]
    arma::vec residual;        // [width]
    uword wanted = 0;          // the count sought and what equals the last of them
    double worst = 0.0;        // residual of these, relative to the largest eigenvalue
    bool cut_is_sure = false;  // the first one that is not wanted is known well enough to differ
};

Ritz ritz_pairs(const Space& space, const arma::mat& next_r, uword count) {
    arma::vec values;
    arma::mat vectors;
    if (!arma::eig_sym(values, vectors, space.projected())) throw NumericalError("the eigenvalues did not converge");
    const std::vector<uword> order = by_size(values);
    const arma::uvec columns_by_size(order);
    Ritz ritz;
    ritz.values = values.elem(columns_by_size);
    ritz.vectors = vectors.cols(columns_by_size);
    ritz.residual.zeros(values.n_elem);
    if (!next_r.is_empty()) {
        const arma::mat last = next_r * ritz.vectors.tail_rows(next_r.n_cols);
        ritz.residual = arma::sqrt(arma::sum(arma::square(last), 0)).t();
    }
    ritz.wanted = with_equals(values, order, count);
    const double largest = std::abs(ritz.values[0]);
    ritz.worst = largest > 0.0 ? ritz.residual.head(ritz.wanted).max() / largest : 0.0;
    if (ritz.wanted < values.n_elem) {
        const double gap = std::abs(ritz.values[ritz.wanted - 1]) - std::abs(ritz.values[ritz.wanted]);
        ritz.cut_is_sure = gap > ritz.residual[ritz.wanted] + equal_eigenvalues * largest;
    }
    return ritz;
}

// When to look at the Ritz pairs next: where the residual will be small enough if it falls on as it did.
class Schedule {
  public:
    explicit Schedule(uword first) : next_(first) {}

    bool due(uword width) const { return width >= next_; }

    void looked(uword width, double residual) {
        const double size = std::log10(std::max(residual, 1e-16));
        double step = 0.25 * static_cast<double>(width);
        if (width > last_width_ && size < last_size_) {
            const double rate = (last_size_ - size) / static_cast<double>(width - last_width_);
            step = (size - std::log10(tolerance)) / rate;
        }
        const auto w = static_cast<double>(width);
        next_ = width + static_cast<uword>(std::clamp(step, 0.04 * w, 0.25 * w));
        last_width_ = width;
        last_size_ = size;
    }

  private:
    uword next_;
    uword last_width_ = 0;
    double last_size_ = 0.0;
};

// Makes the image S X of V's last block X orthogonal to V, which learns what the image had of it. `previous` is the
// width of the block before X.
void take_image(Space& space, arma::mat& image, uword previous) {
    arma::mat coefficients(space.width(), image.n_cols, arma::fill::zeros);
    // nearly all of it lies along the last two blocks: removed first, it leaves little for the pass over all
    const uword recent = space.width() - image.n_cols - previous;
    coefficients.tail_rows(image.n_cols + previous) += space.remove(recent, image);
    for (int pass = 0; pass < 3; ++pass) {
        const arma::mat removed = space.remove(0, image);
        coefficients += removed;
        if (arma::abs(removed).max() <= large_removal * arma::abs(coefficients).max()) break;
    }
    space.set_image_of_last(coefficients);
}

Eigenpairs wanted_pairs(const Space& space, const Ritz& ritz) {
    return {ritz.values.head(ritz.wanted), space.times(ritz.vectors.head_cols(ritz.wanted))};
}

}  // namespace

Eigenpairs largest_eigenpairs(const arma::mat& matrix, uword count) {
    require(matrix.is_square(), "only square matrices have eigenvalues");
    require(count >= 1 && count <= matrix.n_rows, "the eigenpairs sought must be at least 1 and at most the rows");
    count_operations(matrix.n_rows, 9 * matrix.n_elem);
    arma::vec values;
    arma::mat vectors;
    if (!arma::eig_sym(values, vectors, matrix)) throw NumericalError("the eigenvalues did not converge");
    std::vector<uword> order = by_size(values);
    order.resize(with_equals(values, order, count));
    const arma::uvec kept(order);
    return {values.elem(kept), vectors.cols(kept)};
}

std::optional<Eigenpairs> largest_eigenpairs(const SymmetricRows& product, uword n, uword count,
                                             const arma::mat& start) {
    require(count >= 1 && 3 * count + 4 * block_width + start.n_cols <= n, "too many eigenpairs for the iteration");
    const uword first_width = start.n_cols + block_width;
    const uword most = std::max(basis_bytes / (sizeof(double) * n), 3 * count) + first_width;
    const uword capacity = std::min({n, most, 10 * count + first_width});
    Stream stream(0);
    Space space(n, capacity);
    if (!start.is_empty()) space.append(start);
    arma::mat block = new_directions(space, n, block_width, stream);
    space.append(block);
    block = arma::join_rows(start, block);
    Schedule schedule(std::min(2 * count, capacity));
    double scale = 0.0;  // at most the largest eigenvalue
    uword previous = 0;
    for (int restarts = 0; restarts <= most_restarts;) {
        arma::mat image = product(block.t()).t();
        scale = std::max(scale, std::sqrt(arma::sum(arma::square(image), 0).max()));
        take_image(space, image, previous);
        const Factored next = orthonormalised(image, negligible * scale);
        const bool closed = next.q.is_empty();  // S maps V into itself, but there may be more outside
        const bool full = space.width() + std::max(next.q.n_cols, block_width) > capacity;
        previous = block.n_cols;
        if (space.width() >= count && (full || (!closed && schedule.due(space.width())))) {
            const Ritz ritz = ritz_pairs(space, next.r, count);
            if (ritz.wanted > 2 * count) return std::nullopt;
            if (!closed && ritz.worst <= tolerance && ritz.cut_is_sure) return wanted_pairs(space, ritz);
            schedule.looked(space.width(), ritz.worst);
            if (full) {
                const uword kept = count + (capacity - count) / 3;
                space.restart(ritz.vectors.head_cols(kept), ritz.values.head(kept));
                schedule = Schedule(kept + (capacity - kept) / 2);
                previous = 0;
                ++restarts;
            }
        }
        block = closed ? new_directions(space, n, block_width, stream) : next.q;
        space.append(block);
    }
    return std::nullopt;
}

}  // namespace bcbench
