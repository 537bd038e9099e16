#include "engine/linear/products.hpp"

#include <bit>
#include <cstdint>

// Named here rather than through a header, so that linking anything but OpenBLAS fails.
extern "C" {
char* openblas_get_config();
char* openblas_get_corename();
void openblas_set_num_threads(int threads);
}

namespace bcbench {

double round_to_tf32(double value) {
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
    return std::bit_cast<float>((bits + 0x1000U) & ~0x1fffU);
}

bool tf32_eligible(Precision precision, arma::uword inner, arma::uword outer) {
    return precision == Precision::tf32 && inner % 4 == 0 && outer % 4 == 0;
}

template <class Real>
Matrix<Real> rounded_to_tf32(const Matrix<Real>& values) {
    Matrix<Real> rounded(values.n_rows, values.n_cols);
    for (arma::uword i = 0; i < values.n_elem; ++i) {
        rounded.memptr()[i] = static_cast<Real>(round_to_tf32(static_cast<double>(values.memptr()[i])));
    }
    return rounded;
}

std::string blas_description() { return std::string(openblas_get_config()) + " (kernel " + blas_kernel() + ")"; }

std::string blas_kernel() { return openblas_get_corename(); }

void use_single_threaded_blas() { openblas_set_num_threads(1); }

template Matrix<float> rounded_to_tf32(const Matrix<float>&);
template Matrix<double> rounded_to_tf32(const Matrix<double>&);

}  // namespace bcbench
