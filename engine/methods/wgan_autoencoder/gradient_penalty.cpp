#include "engine/methods/wgan_autoencoder/gradient_penalty.hpp"

#include <cmath>
#include <vector>

#include "engine/core/check.hpp"

namespace bcbench::wgan_autoencoder {

namespace {

using arma::uword;

// `values` where the unit was active, 0 elsewhere. [H x m]
template <class Real>
Matrix<Real> where_active(const Matrix<Real>& hidden, Matrix<Real> values) {
    for (uword i = 0; i < values.n_elem; ++i) {
        if (!(hidden.memptr()[i] > Real(0))) values.memptr()[i] = Real(0);
    }
    return values;
}

}  // namespace

template <class Real>
Matrix<Real> points_between(const Matrix<Real>& latent, const Labels& batch, Key key) {
    std::vector<uword> sides[2];
    for (uword i = 0; i < latent.n_cols; ++i) sides[batch.code[i] == 0 ? 0 : 1].push_back(i);
    require(!sides[0].empty() && !sides[1].empty(), "points between batches need cells of batch 0 and of another");
    Matrix<Real> points(arma::size(latent));
    for (uword i = 0; i < latent.n_cols; ++i) {
        const std::vector<uword>& others = sides[batch.code[i] == 0 ? 1 : 0];
        const std::uint64_t word = random_word(key, 2 * i);
        const uword partner = others[(word * others.size()) >> 32];
        const auto share = static_cast<Real>(uniform_from_word(random_word(key, 2 * i + 1), 0.0F, 1.0F));
        points.col(i) = share * latent.col(i) + (Real(1) - share) * latent.col(partner);
    }
    return points;
}

template <class Real>
double gradient_penalty(const Mlp<Real>& critic, const Matrix<Real>& points, double penalty_bar,
                        Mlp<Real>* critic_bar) {
    const Matrix<Real>& w1 = critic.layers[0].kernel;  // [H x L]
    const Matrix<Real>& w2 = critic.layers[1].kernel;  // [H x H]
    const Matrix<Real>& w3 = critic.layers[2].kernel;  // [1 x H]
    constexpr Precision unrounded = sizeof(Real) == sizeof(float) ? Precision::float32 : Precision::float64;
    MlpTape<Real> tape;
    mlp_forward(critic, points, unrounded, &tape);
    const Matrix<Real> p2 = where_active<Real>(tape.hidden2, arma::repmat(w3.t(), 1, points.n_cols));  // [H x m]
    const Matrix<Real> p1 = where_active<Real>(tape.hidden1, w2.t() * p2);                             // [H x m]
    Matrix<Real> slope = w1.t() * p1;                                                                  // [L x m]

    const auto n_points = static_cast<double>(points.n_cols);
    double penalty = 0.0;
    Matrix<Real>& slope_bar = slope;
    for (uword i = 0; i < points.n_cols; ++i) {
        const auto length = static_cast<double>(arma::norm(slope.col(i)));
        penalty += (length - 1.0) * (length - 1.0) / n_points;
        // a slope of 0 has no direction in which it could grow
        slope_bar.col(i) *=
            static_cast<Real>(length > 0.0 ? penalty_bar * 2.0 * (length - 1.0) / length / n_points : 0.0);
    }
    if (critic_bar != nullptr) {
        const Matrix<Real> r1 = where_active<Real>(tape.hidden1, w1 * slope_bar);
        const Matrix<Real> r2 = where_active<Real>(tape.hidden2, w2 * r1);
        critic_bar->layers[0].kernel += p1 * slope_bar.t();
        critic_bar->layers[1].kernel += p2 * r1.t();
        critic_bar->layers[2].kernel += arma::sum(r2, 1).t();
    }
    return penalty;
}

#define BCBENCH_INSTANTIATE(Real)                                                  \
    template Matrix<Real> points_between(const Matrix<Real>&, const Labels&, Key); \
    template double gradient_penalty(const Mlp<Real>&, const Matrix<Real>&, double, Mlp<Real>*)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::wgan_autoencoder
