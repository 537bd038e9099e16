// NumPy's files: .npy (one array, format 1.0) and .npz (named arrays, a zip archive without compression).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::npy {

/// One array as NumPy sees it: 1-D or 2-D, values row after row (C order).
struct Array {
    std::vector<std::size_t> shape;
    std::variant<std::vector<float>, std::vector<double>, std::vector<std::int64_t>> values;

    friend bool operator==(const Array&, const Array&) = default;
};

using NamedArrays = std::map<std::string, Array>;

/// A matrix [F x n] as the array (n, F) users see: the same memory order, a cell is a row. Real: float or
/// double.
template <class Real>
Array from_matrix(const Matrix<Real>& matrix);

/// Its entries as an array of one dimension.
template <class Real>
Array from_list(const Matrix<Real>& matrix);

/// The bytes of a .npy file. Throws std::invalid_argument if the shape is not 1-D or 2-D or does not fit the
/// values.
std::string encode(const Array& array);

/// The same for a matrix [F x n] as the array (n, F), handed to `append` in pieces without a copy.
template <class Real>
void write(const Matrix<Real>& matrix, const std::function<void(std::string_view)>& append);

/// Reads the bytes of a .npy file: little-endian float32, float64 or int64 in C or Fortran order; `name`
/// stands for the file in messages. Throws DataError if it is anything else, truncated or too long.
Array decode(std::string_view bytes, const std::string& name);

/// The bytes of a .npz file, the same for the same arrays. Throws std::invalid_argument as encode, and for
/// names or sizes a zip archive cannot hold (4 GiB in all).
std::string encode_npz(const NamedArrays& arrays);

/// Reads the bytes of a .npz file whose members are stored, not compressed. Checks every CRC-32. Throws
/// DataError.
NamedArrays decode_npz(std::string_view bytes, const std::string& name);

/// The same for a file. Throws DataError also if it cannot be opened or read.
NamedArrays read_npz(const std::string& path);

}  // namespace bcbench::npy
