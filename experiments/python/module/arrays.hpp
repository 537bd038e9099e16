// NumPy arrays as matrices and back, without a copy: an n x F array in C order has the memory of an [F x n] matrix.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <utility>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::python {

namespace nb = nanobind;

template <class Real>
using Array = nb::ndarray<const Real, nb::numpy, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

/// The array's memory as cells [F x n], which nothing may write to; the array must outlive them.
template <class Real>
Matrix<Real> cells_of(const Array<Real>& array) {
    // Armadillo has no view of constant memory
    return Matrix<Real>(const_cast<Real*>(array.data()), array.shape(1), array.shape(0), false, true);
}

/// Hands a matrix [F x n] to NumPy as (n, F), which owns it from then on.
template <class Real>
nb::object to_numpy(Matrix<Real> matrix) {
    auto* owned = new Matrix<Real>(std::move(matrix));
    const nb::capsule owner(owned, [](void* pointer) noexcept { delete static_cast<Matrix<Real>*>(pointer); });
    return nb::cast(nb::ndarray<nb::numpy, Real>(owned->memptr(), {owned->n_cols, owned->n_rows}, owner));
}

/// A column of labels as Python hands it over: its name, a code per cell, and what the codes mean.
struct Column {
    std::string name;
    Labels labels;
};

inline Column column_of(const nb::tuple& column) {
    using Codes = nb::ndarray<const std::uint32_t, nb::numpy, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
    const auto codes = nb::cast<Codes>(column[1]);
    return {nb::cast<std::string>(column[0]),
            {{codes.data(), codes.data() + codes.shape(0)}, nb::cast<std::vector<std::string>>(column[2])}};
}

/// What Python knows of the cells: batch and type columns, which may be None, and further ones.
struct LabelArguments {
    Labels batch;
    Labels type;
    std::shared_ptr<Annotations> about = std::make_shared<Annotations>();
};

LabelArguments labels_of(const nb::object& batch, const nb::object& type, const nb::list& further);

}  // namespace bcbench::python
