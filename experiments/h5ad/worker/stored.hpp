// Arrays as they are stored: in one piece, in chunks, or inside their header. Only sizes and places come from the
// library; the bytes are read and inflated here.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "experiments/h5ad/worker/elements.hpp"
#include "experiments/h5ad/worker/filters.hpp"
#include "experiments/h5ad/worker/hdf.hpp"

namespace bcbench::h5ad {

/// A rectangle of elements: rows first_row .. first_row + n_rows - 1, and columns likewise. An array of one dimension
/// has one column.
struct Piece {
    std::uint64_t first_row = 0, n_rows = 0;
    std::uint64_t first_column = 0, n_columns = 0;
    const std::byte* bytes = nullptr;
    std::size_t row_stride = 0;  // bytes from a row to the next

    const std::byte* row(std::uint64_t i) const { return bytes + i * row_stride; }
};

class Stored {
  public:
    /// Opens a dataset of at most two dimensions. Throws FileFault if there is none, or its bytes lie in other files.
    Stored(const File& file, std::string path);

    const std::string& path() const { return path_; }
    const ElementType& type() const { return type_; }
    const Element& element() const { return type_.element; }
    std::size_t rank() const { return extents_.size(); }
    std::uint64_t n_rows() const { return extents_.empty() ? 1 : extents_[0]; }
    std::uint64_t n_columns() const { return extents_.size() < 2 ? 1 : extents_[1]; }
    std::string compression() const { return pipeline_.compression(); }

    /// Whether `n_rows` elements in one dimension, else FileFault.
    void require_vector(std::uint64_t n_rows) const;

    /// Calls `take` for pieces that cover the array without overlap; `parallel`: from several threads at once. Throws
    /// FileFault, of the first piece at fault if there are several, if anything of it is missing or damaged.
    void read(const std::function<void(const Piece&)>& take, bool parallel = false) const;

    /// A vector of whole numbers. Throws FileFault if it is anything else.
    std::vector<std::int64_t> integers() const;
    std::vector<double> numbers() const;
    std::vector<std::string> texts() const;

  private:
    void read_contiguous(const std::function<void(const Piece&)>& take) const;
    void read_compact(const std::function<void(const Piece&)>& take) const;
    void read_chunks(const std::function<void(const Piece&)>& take, bool parallel) const;
    std::vector<hsize_t> chunk_extents() const;

    const File& file_;
    std::string path_;
    Handle dataset_;
    Handle creation_;
    ElementType type_;
    std::vector<hsize_t> extents_;
    Pipeline pipeline_;
};

}  // namespace bcbench::h5ad
