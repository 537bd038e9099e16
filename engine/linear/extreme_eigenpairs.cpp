#include "engine/linear/extreme_eigenpairs.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/core/operations.hpp"
#include "engine/core/random.hpp"
#include "engine/linear/chebyshev_filter.hpp"
#include "engine/linear/krylov_space.hpp"
#include "engine/linear/spectrum_estimate.hpp"

namespace bcbench {

namespace {

using arma::uword;
using namespace linear;

constexpr double tolerance = 1e-10;   // of a residual, relative to the largest eigenvalue
constexpr double negligible = 1e-14;  // a direction this small beside the largest image is rounding
constexpr double much_removed = 0.5;  // where less than this is left of a column, rounding has grown: remove again
constexpr uword block_width = 8;
constexpr uword fewest_blocks = 20;  // of a space; small ones restart too often to find one pair among close ones
constexpr uword basis_bytes = uword{256} << 20;
constexpr int most_restarts = 60;
constexpr double lowered = 0.7;  // what is left of the bound of a filter that has proved too high

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

// The Ritz pairs of the space, sorted, in terms of S.
struct Ritz {
    arma::vec values;          // [width] falling in size
    arma::vec projected;       // [width] the same as the iteration has them
    arma::mat vectors;         // [width x width]
    uword wanted = 0;          // the count sought and what equals the last of them
    double worst = 0.0;        // residual of these, relative to the largest
    bool cut_is_sure = false;  // the first one that is not wanted is known well enough to differ
};

Ritz ritz_pairs(const KrylovSpace& space, const ChebyshevFilter& filter, const arma::mat& next_r, uword count) {
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

// When to look at the Ritz pairs next: where the residual will be small enough. With each block it falls by what the
// filter drives the least pair sought away from the others by, the rate of Krylov spaces.
uword next_look(const Ritz& ritz, uword width) {
    const double rate = std::acosh(std::max(std::abs(ritz.projected[ritz.wanted - 1]), 1.0));
    const double blocks = std::ceil(std::log(std::max(ritz.worst / tolerance, 1.0)) / rate);
    const auto w = static_cast<double>(width);
    return width + static_cast<uword>(std::clamp(static_cast<double>(block_width) * blocks, 0.04 * w, 0.25 * w));
}

// The iteration: the space, and the block that it was last extended by.
class Lanczos {
  public:
    /// Starts from the columns of `start` [n x s] and `block_width` random directions.
    Lanczos(const ChebyshevFilter& filter, uword n, uword capacity, const arma::mat& start, Stream& stream)
        : filter_(filter), n_(n), space_(n, capacity), stream_(stream) {
        if (!start.is_empty()) space_.append(start);
        block_ = new_directions(space_, n_, block_width, stream_);
        space_.append(block_);
        block_ = arma::join_rows(start, block_);
    }

    const KrylovSpace& space() const { return space_; }
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
    const ChebyshevFilter& filter_;
    uword n_;
    KrylovSpace space_;
    Stream& stream_;
    arma::mat block_;       // [n x b] the last columns of the space
    Factored next_;         // what its image has outside the space
    uword previous_ = 0;    // width of the block before
    bool are_new_ = false;  // random directions, added to a space that had closed
    double size_of_image_ = 0.0;
    double largest_image_ = 0.0;
};

// The wanted pairs in terms of S itself, if they are what they should be.
std::optional<Eigenpairs> checked_pairs(const SymmetricRows& product, const KrylovSpace& space, const Ritz& ritz) {
    Eigenpairs pairs;
    const arma::mat vectors = space.times(ritz.vectors.head_cols(ritz.wanted)).t();
    arma::mat images(arma::size(vectors), arma::fill::zeros);
    product(vectors, 1.0, images);
    pairs.values = arma::sum(vectors % images, 1);
    const arma::mat residual = images - vectors.each_col() % pairs.values;
    const double worst = std::sqrt(arma::sum(arma::square(residual), 1).max());
    if (worst > tolerance * arma::abs(pairs.values).max()) return std::nullopt;
    const arma::uvec order(by_size(pairs.values));
    pairs.values = pairs.values.elem(order).eval();
    pairs.vectors = vectors.rows(order).t();
    return pairs;
}

// Whether the least of the wanted pairs is larger than all that have the filtered size `outside`.
bool ends_above(const Ritz& ritz, const ChebyshevFilter& filter, double outside) {
    const double gap = std::abs(ritz.values[ritz.wanted - 1]) - filter.eigenvalue(outside);
    return ritz.cut_is_sure && gap > equal_eigenvalues * std::abs(ritz.values[0]);
}

struct Outcome {
    std::optional<Eigenpairs> pairs;
    bool is_below_bound = false;  // the least eigenvalue sought, where the filter does not drive it out
};

Outcome iterated(const SymmetricRows& product, const ChebyshevFilter& filter, uword n, uword count,
                 const arma::mat& start, Stream& stream) {
    const uword first_width = start.n_cols + block_width;
    const uword most = std::max(basis_bytes / (sizeof(double) * n), 3 * count) + first_width;
    const uword capacity = std::min({n, most, std::max(10 * count, fewest_blocks * block_width) + first_width});
    Lanczos lanczos(filter, n, capacity, start, stream);
    uword look_at = std::min(2 * count + block_width + first_width, capacity);  // as a rule once is enough
    for (int restarts = 0; restarts <= most_restarts; lanczos.extend()) {
        lanczos.take_image();
        const uword width = lanczos.space().width();
        const bool exhausted = lanczos.exhausted();
        if (width < count || !(lanczos.full() || exhausted || (!lanczos.closed() && width >= look_at))) continue;
        const Ritz ritz = lanczos.ritz(count);
        if (!lanczos.closed() && std::abs(ritz.projected[count - 1]) <= 1.0) return {std::nullopt, true};
        if (ritz.wanted > 2 * count) return {};
        if (exhausted) {
            if (!ends_above(ritz, filter, lanczos.size_outside())) return {};
            return {checked_pairs(product, lanczos.space(), ritz)};
        }
        if (!lanczos.closed() && ritz.worst <= tolerance && ritz.cut_is_sure) {
            auto pairs = checked_pairs(product, lanczos.space(), ritz);
            if (pairs) return {std::move(pairs)};
        }
        look_at = next_look(ritz, width);
        if (!lanczos.full()) continue;
        const uword kept = count + (capacity - count) / 3;
        lanczos.restart(ritz, kept);
        look_at = kept + (capacity - kept) / 2;
        ++restarts;
    }
    return {};
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
    const SpectrumEstimate estimate = estimated_spectrum(product, n, count, stream);
    double least = estimate.reached;
    while (least > negligible * estimate.largest) {
        Outcome outcome = iterated(product, ChebyshevFilter(product, least, estimate.largest), n, count, start, stream);
        if (!outcome.is_below_bound) return std::move(outcome.pairs);
        least *= lowered;
    }
    return std::nullopt;
}

}  // namespace bcbench
