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

constexpr double tolerance = 1e-10;   // of a residual, relative to the largest eigenvalue
constexpr double negligible = 1e-14;  // a direction this small beside the largest image is rounding
constexpr double much_removed = 0.5;  // where less than this is left of a column, rounding has grown: remove again
constexpr uword block_width = 8;
constexpr uword fewest_blocks = 20;  // of a space; small ones restart too often to find one pair among close ones
constexpr std::size_t rows_at_a_time = 512;
constexpr uword basis_bytes = uword{256} << 20;
constexpr int most_restarts = 60;
constexpr int most_degree = 7;          // of the filter, odd
constexpr double margin = 3.0;          // of the filter: the least eigenvalue sought becomes cosh(margin)
constexpr double most_amplified = 1e5;  // by the filter; its rounding is amplified as well

arma::rowvec lengths(const arma::mat& vectors) { return arma::sqrt(arma::sum(arma::square(vectors), 0)); }

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

// What the iteration works on in place of S: an odd Chebyshev polynomial of it, T_d(S / bound). It keeps eigenvalues of
// a size up to `bound` within [-1, 1] and drives larger ones apart, the order of sizes kept: a space of fewer
// dimensions finds them, at the price of d products a step, which are cheap.
class Filter {
  public:
    /// No filter: S itself.
    explicit Filter(const SymmetricRows& product) : product_(&product) {}

    /// All eigenvalues sought are at least `least` in size and none is larger than about `largest`. The least of them
    /// becomes cosh(margin), for those within the bound become up to 1.
    Filter(const SymmetricRows& product, double least, double largest) : product_(&product) {
        degree_ = most_degree + 2;
        do {
            degree_ -= 2;
            bound_ = least / std::cosh(margin / degree_);
        } while (degree_ > 1 && std::cosh(degree_ * std::acosh(std::max(largest / bound_, 1.0))) > most_amplified);
    }

    /// The image of x [n x b].
    arma::mat operator()(const arma::mat& x) const {
        arma::mat before = x.t();
        arma::mat image = (*product_)(before) / bound_;
        for (int k = 1; k < degree_; ++k) {  // T_{k+1}(y) = 2 y T_k(y) - T_{k-1}(y)
            before = (2.0 / bound_) * (*product_)(image)-before;
            image.swap(before);
        }
        return image.t();
    }

    /// The eigenvalue of S that has become `value`; of one within the bound, which can be any there, the bound.
    double eigenvalue(double value) const {
        if (degree_ == 1) return bound_ * value;
        return std::copysign(bound_ * std::cosh(std::acosh(std::max(std::abs(value), 1.0)) / degree_), value);
    }

    /// What a residual of 1 at `value` is at most in terms of S: no eigenvalue, near or far, has moved away less.
    double residual(double value) const {
        if (degree_ == 1) return bound_;
        const double beyond = std::abs(value) - 1.0;
        return beyond > 0.0 ? (std::abs(eigenvalue(value)) + bound_) / beyond : arma::datum::inf;
    }

  private:
    const SymmetricRows* product_;
    double bound_ = 1.0;
    int degree_ = 1;
};

// The Ritz pairs of the space, sorted, in terms of S.
struct Ritz {
    arma::vec values;          // [width] falling in size
    arma::vec projected;       // [width] the same as the iteration has them
    arma::mat vectors;         // [width x width]
    uword wanted = 0;          // the count sought and what equals the last of them
    double worst = 0.0;        // residual of these, relative to the largest
    bool cut_is_sure = false;  // the first one that is not wanted is known well enough to differ
};

Ritz ritz_pairs(const Space& space, const Filter& filter, const arma::mat& next_r, uword count) {
    arma::vec values;
    arma::mat vectors;
    if (!arma::eig_sym(values, vectors, space.projected())) throw NumericalError("the eigenvalues did not converge");
    const arma::uvec order(by_size(values));
    Ritz ritz;
    ritz.projected = values.elem(order);
    ritz.vectors = vectors.cols(order);
    ritz.values = ritz.projected;
    ritz.values.transform([&](double value) { return filter.eigenvalue(value); });
    arma::vec residual(values.n_elem, arma::fill::zeros);  // of the filtered matrix
    if (!next_r.is_empty()) residual = lengths(next_r * ritz.vectors.tail_rows(next_r.n_cols)).t();
    std::vector<uword> sorted(values.n_elem);
    std::iota(sorted.begin(), sorted.end(), uword{0});
    ritz.wanted = with_equals(ritz.values, sorted, count);
    const double largest = std::abs(ritz.values[0]);
    for (uword c = 0; c < ritz.wanted && largest > 0.0; ++c) {
        ritz.worst = std::max(ritz.worst, residual[c] * filter.residual(ritz.projected[c]) / largest);
    }
    if (ritz.wanted < values.n_elem) {
        const double next = std::abs(ritz.projected[ritz.wanted]) + residual[ritz.wanted];
        const double gap = std::abs(ritz.values[ritz.wanted - 1]) - std::abs(filter.eigenvalue(next));
        ritz.cut_is_sure = gap > equal_eigenvalues * largest;
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
        if (size < last_size_) {
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
    double last_size_ = 0.0;  // of the logarithm
};

// The iteration: the space, and the block that it was last extended by.
class Lanczos {
  public:
    /// Starts from the columns of `start` [n x s] and `block_width` random directions.
    Lanczos(const Filter& filter, uword n, uword capacity, const arma::mat& start, Stream& stream)
        : filter_(filter), n_(n), space_(n, capacity), stream_(stream) {
        if (!start.is_empty()) space_.append(start);
        block_ = new_directions(space_, n_, block_width, stream_);
        space_.append(block_);
        block_ = arma::join_rows(start, block_);
    }

    const Space& space() const { return space_; }
    bool full() const { return space_.width() + std::max(next_.q.n_cols, block_width) > space_.capacity(); }
    /// S maps the space into itself; there may be more outside.
    bool closed() const { return next_.q.is_empty(); }
    /// The space had closed, and so it did at once with random directions added: what the matrix maps any random vector
    /// into itself by is a number, that is, all eigenvalues outside are equal, of a size that these directions show.
    bool exhausted() const { return closed() && are_new_; }
    double size_outside() const { return size_of_image_; }
    Ritz ritz(uword count) const { return ritz_pairs(space_, filter_, next_.r, count); }

    /// Makes the image of the last block orthogonal to the space, which learns what the image had of it.
    void take_image() {
        arma::mat image = filter_(block_);
        size_of_image_ = lengths(image).max();
        largest_image_ = std::max(largest_image_, size_of_image_);
        arma::mat coefficients(space_.width(), image.n_cols, arma::fill::zeros);
        // nearly all of it lies along the last two blocks: removed first, it leaves little for the pass over all
        const uword recent = space_.width() - image.n_cols - previous_;
        coefficients.tail_rows(image.n_cols + previous_) += space_.remove(recent, image);
        for (int pass = 0; pass < 3; ++pass) {
            const arma::rowvec before = lengths(image);
            coefficients += space_.remove(0, image);
            if (arma::all(lengths(image) >= much_removed * before)) break;
        }
        space_.set_image_of_last(coefficients);
        const arma::rowvec before = lengths(image);
        next_ = orthonormalised(image, negligible * largest_image_);
        if (closed() || (next_.q.n_cols == image.n_cols && arma::all(next_.r.diag().t() >= much_removed * before))) {
            previous_ = block_.n_cols;
            return;
        }
        space_.remove(0, next_.q);  // what was small has been scaled up, its rounding with it
        const Factored again = orthonormalised(next_.q, much_removed);
        next_ = {again.q, again.r * next_.r};
        previous_ = block_.n_cols;
    }

    void extend() {
        are_new_ = closed();
        block_ = are_new_ ? new_directions(space_, n_, block_width, stream_) : next_.q;
        space_.append(block_);
    }

    /// Keeps the leading Ritz vectors alone.
    void restart(const Ritz& ritz, uword kept) {
        space_.restart(ritz.vectors.head_cols(kept), ritz.projected.head(kept));
        previous_ = 0;
    }

  private:
    const Filter& filter_;
    uword n_;
    Space space_;
    Stream& stream_;
    arma::mat block_;       // [n x b] the last columns of the space
    Factored next_;         // what its image has outside the space
    uword previous_ = 0;    // width of the block before
    bool are_new_ = false;  // random directions, added to a space that had closed
    double size_of_image_ = 0.0;
    double largest_image_ = 0.0;
};

// A number that at least `count` eigenvalues reach in size, and the largest size, from a small space: Ritz values never
// exceed the eigenvalues.
std::pair<double, double> estimated_range(const Filter& filter, uword n, uword count, const arma::mat& start,
                                          Stream& stream) {
    const uword width = 3 * count / 2 + start.n_cols + block_width;
    Lanczos lanczos(filter, n, width + block_width, start, stream);
    lanczos.take_image();
    while (lanczos.space().width() < width) {
        lanczos.extend();
        lanczos.take_image();
    }
    const arma::vec values = lanczos.ritz(count).values;
    return {std::abs(values[count - 1]), std::abs(values[0])};
}

// The filter for the eigenvalues sought. The better the bound the more it does: a first one, without a filter, makes a
// filter that finds a better one.
std::optional<Filter> fitting_filter(const SymmetricRows& product, uword n, uword count, const arma::mat& start,
                                     Stream& stream) {
    Filter filter(product);
    for (int round = 0; round < 2; ++round) {
        const auto [bound, largest] = estimated_range(filter, n, count, start, stream);
        if (!(bound > negligible * largest)) return std::nullopt;
        filter = Filter(product, bound, largest);
    }
    return filter;
}

// The wanted pairs in terms of S itself, if they are what they should be.
std::optional<Eigenpairs> checked_pairs(const SymmetricRows& product, const Space& space, const Ritz& ritz) {
    const arma::mat basis = space.times(ritz.vectors.head_cols(ritz.wanted));
    const arma::mat images = product(basis.t()).t();
    const arma::mat projected = basis.t() * images;
    arma::vec values;
    arma::mat vectors;
    if (!arma::eig_sym(values, vectors, 0.5 * (projected + projected.t()))) return std::nullopt;
    const arma::uvec order(by_size(values));
    values = values.elem(order).eval();
    vectors = vectors.cols(order).eval();
    Eigenpairs pairs{values, basis * vectors};
    const arma::mat residual = images * vectors - pairs.vectors.each_row() % values.t();
    if (lengths(residual).max() > tolerance * std::abs(values[0])) return std::nullopt;
    return pairs;
}

// Whether the least of the wanted pairs is larger than all that have the filtered size `outside`.
bool ends_above(const Ritz& ritz, const Filter& filter, double outside) {
    const double gap = std::abs(ritz.values[ritz.wanted - 1]) - filter.eigenvalue(outside);
    return ritz.cut_is_sure && gap > equal_eigenvalues * std::abs(ritz.values[0]);
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
    Stream stream(0);
    const std::optional<Filter> filter = fitting_filter(product, n, count, start, stream);
    if (!filter) return std::nullopt;
    const uword first_width = start.n_cols + block_width;
    const uword most = std::max(basis_bytes / (sizeof(double) * n), 3 * count) + first_width;
    const uword capacity = std::min({n, most, std::max(10 * count, fewest_blocks * block_width) + first_width});
    Lanczos lanczos(*filter, n, capacity, start, stream);
    Schedule schedule(std::min(3 * count / 2 + first_width, capacity));
    for (int restarts = 0; restarts <= most_restarts; lanczos.extend()) {
        lanczos.take_image();
        const uword width = lanczos.space().width();
        const bool exhausted = lanczos.exhausted();
        if (width < count || !(lanczos.full() || exhausted || (!lanczos.closed() && schedule.due(width)))) continue;
        const Ritz ritz = lanczos.ritz(count);
        if (ritz.wanted > 2 * count) return std::nullopt;
        if (exhausted)
            return ends_above(ritz, *filter, lanczos.size_outside()) ? checked_pairs(product, lanczos.space(), ritz)
                                                                     : std::nullopt;
        if (!lanczos.closed() && ritz.worst <= tolerance && ritz.cut_is_sure) {
            auto pairs = checked_pairs(product, lanczos.space(), ritz);
            if (pairs) return pairs;
        }
        schedule.looked(width, ritz.worst);
        if (!lanczos.full()) continue;
        const uword kept = count + (capacity - count) / 3;
        lanczos.restart(ritz, kept);
        schedule = Schedule(kept + (capacity - kept) / 2);
        ++restarts;
    }
    return std::nullopt;
}

}  // namespace bcbench
