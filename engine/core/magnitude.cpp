#include "engine/core/magnitude.hpp"

#include <algorithm>
#include <cmath>

namespace bcbench {

template <class Real>
int exponent_to_unit(const Matrix<Real>& cells) {
    Real largest = 0;
    for (const Real entry : cells) largest = std::max(largest, std::abs(entry));
    if (!(largest > 0)) return 0;
    const int exponent = std::ilogb(largest);
    return std::abs(exponent) > 300 ? -exponent : 0;
}

template <class Real>
Matrix<Real> times_power_of_2(const Matrix<Real>& cells, int exponent) {
    Matrix<Real> scaled = cells;
    scaled.for_each([exponent](Real& entry) { entry = std::ldexp(entry, exponent); });
    return scaled;
}

template int exponent_to_unit(const Matrix<float>&);
template int exponent_to_unit(const Matrix<double>&);
template Matrix<float> times_power_of_2(const Matrix<float>&, int);
template Matrix<double> times_power_of_2(const Matrix<double>&, int);

}  // namespace bcbench
