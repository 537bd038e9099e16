#include "experiments/h5ad/worker/stored.hpp"

#include <algorithm>
#include <exception>

#include "engine/core/parallel.hpp"
#include "experiments/h5ad/sizes.hpp"
#include "experiments/h5ad/worker/global_heap.hpp"

namespace bcbench::h5ad {

namespace {

constexpr std::size_t block_bytes = std::size_t{4} << 20;        // of an array in one piece
constexpr std::uint64_t largest_chunk = std::uint64_t{1} << 30;  // bytes; AnnData's are below a megabyte or so
constexpr std::uint64_t batch_bytes = std::uint64_t{32} << 20;   // of chunks inflated at the same time

Handle open_dataset(const File& file, const std::string& path) {
    Handle object = open_object(file, path);
    if (H5Iget_type(object.get()) != H5I_DATASET) fail(path, "is a group, expected an array");
    return object;
}

ElementType type_of(const Handle& dataset, const std::string& path) {
    const Handle type(H5Dget_type(dataset.get()), H5Tclose);
    if (!type.valid()) fail(path, "its element type cannot be read; the file is damaged");
    return element_type(type.get(), path);
}

std::vector<hsize_t> extents_of(const Handle& dataset, const std::string& path) {
    const Handle space(H5Dget_space(dataset.get()), H5Sclose);
    const int rank = space.valid() ? H5Sget_simple_extent_ndims(space.get()) : -1;
    if (rank < 0) fail(path, "its shape cannot be read; the file is damaged");
    if (rank > 2) fail(path, "has " + std::to_string(rank) + " dimensions, expected 1 or 2");
    if (H5Sget_simple_extent_type(space.get()) == H5S_NULL) fail(path, "is empty");
    std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
    if (rank > 0 && H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr) != rank) {
        fail(path, "its shape cannot be read; the file is damaged");
    }
    return extents;
}

struct Chunk {
    hsize_t offset[2] = {0, 0};
    unsigned skipped = 0;
    std::vector<std::byte> bytes;
};

}  // namespace

Stored::Stored(const File& file, std::string path)
    : file_(file),
      path_(std::move(path)),
      dataset_(open_dataset(file, path_)),
      creation_(H5Dget_create_plist(dataset_.get()), H5Pclose),
      type_(type_of(dataset_, path_)),
      extents_(extents_of(dataset_, path_)) {
    if (!creation_.valid()) fail(path_, "its layout cannot be read; the file is damaged");
    if (H5Pget_external_count(creation_.get()) != 0) {
        fail(path_, "has its data in another file (external storage), which is not read; write it with anndata");
    }
    if (H5Pget_layout(creation_.get()) == H5D_VIRTUAL) {
        fail(path_, "is put together from other files (a virtual dataset), which are not read; write it with anndata");
    }
    pipeline_ = pipeline_of(creation_.get(), type_.element.size, path_);
}

void Stored::require_vector(std::uint64_t n_rows) const {
    if (rank() == 1 && extents_[0] == n_rows) return;
    std::string shape = rank() == 0 ? "one single element" : count_text(extents_[0]);
    if (rank() == 2) shape += " x " + count_text(extents_[1]);
    if (rank() > 0) shape += " elements";
    fail(path_, "has " + shape + ", expected " + count_text(n_rows));
}

void Stored::read(const std::function<void(const Piece&)>& take, bool parallel) const {
    const auto total = product({n_rows(), n_columns(), element().size});
    if (!total) fail(path_, "has more than 2^64 bytes; the file is damaged");
    if (*total == 0) return;
    switch (H5Pget_layout(creation_.get())) {
        case H5D_CONTIGUOUS:
            return read_contiguous(take);
        case H5D_COMPACT:
            return read_compact(take);
        case H5D_CHUNKED:
            return read_chunks(take, parallel);
        default:
            fail(path_, "its layout is none that can be read; the file is damaged");
    }
}

void Stored::read_contiguous(const std::function<void(const Piece&)>& take) const {
    const std::uint64_t row_bytes = n_columns() * element().size;
    const haddr_t address = H5Dget_offset(dataset_.get());
    if (address == HADDR_UNDEF) fail(path_, "was never written; the file holds its shape only");
    if (n_rows() * row_bytes > file_.size()) {
        fail(path_, "claims " + byte_text(n_rows() * row_bytes) + ", the whole file has " + byte_text(file_.size()) +
                        "; it is truncated or damaged");
    }
    const std::uint64_t rows_at_once = std::max<std::uint64_t>(1, block_bytes / row_bytes);
    std::vector<std::byte> bytes(std::min(rows_at_once, n_rows()) * row_bytes);
    for (std::uint64_t first = 0; first < n_rows(); first += rows_at_once) {
        const std::uint64_t rows = std::min(rows_at_once, n_rows() - first);
        file_.read_at(address + first * row_bytes, bytes.data(), rows * row_bytes, path_);
        take({first, rows, 0, n_columns(), bytes.data(), row_bytes});
        file_.progress();
    }
}

// The one case in which the library reads elements: a few kilobytes from the array's header. Their size is compared
// first.
void Stored::read_compact(const std::function<void(const Piece&)>& take) const {
    const std::uint64_t total = n_rows() * n_columns() * element().size;
    constexpr std::uint64_t largest = 1 << 16;
    if (total > largest || H5Dget_storage_size(dataset_.get()) != total) {
        fail(path_, "does not have the size that its shape claims; the file is damaged");
    }
    if (!element().is_number() && element().kind != Element::Kind::fixed_text) {
        fail(path_, "holds " + element().name +
                        " inside its header (compact layout), which is not supported; rewrite it "
                        "with anndata");
    }
    const Handle type(H5Dget_type(dataset_.get()), H5Tclose);
    std::vector<std::byte> bytes(total);
    if (H5Tget_size(type.get()) != element().size ||
        H5Dread(dataset_.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) < 0) {
        fail(path_, "cannot be read; the file is damaged");
    }
    take({0, n_rows(), 0, n_columns(), bytes.data(), n_columns() * element().size});
}

std::vector<hsize_t> Stored::chunk_extents() const {
    std::vector<hsize_t> chunk(rank());
    if (rank() == 0 ||
        H5Pget_chunk(creation_.get(), static_cast<int>(rank()), chunk.data()) != static_cast<int>(rank())) {
        fail(path_, "its chunks cannot be read; the file is damaged");
    }
    std::vector<std::uint64_t> factors(chunk.begin(), chunk.end());
    factors.push_back(element().size);
    const auto bytes = product(factors);
    if (!bytes || *bytes == 0 || *bytes > largest_chunk) {
        fail(path_, "has chunks of " + (bytes ? byte_text(*bytes) : std::string("more than 2^64 bytes")) +
                        ", at most " + byte_text(largest_chunk) + " are read");
    }
    file_.require_memory({*bytes, 2}, path_);
    std::uint64_t count = 1;
    for (std::size_t i = 0; i < rank(); ++i) {
        const std::uint64_t along = extents_[i] / chunk[i] + (extents_[i] % chunk[i] != 0);
        if (__builtin_mul_overflow(count, along, &count)) count = UINT64_MAX;
    }
    // each chunk takes at least a byte, and an entry of the index
    if (count > file_.size()) {
        fail(path_, "would have " + count_text(count) + " chunks, the file has " + byte_text(file_.size()) +
                        "; it was never written whole, or the file is damaged");
    }
    unsigned options = 0;
    if (H5Pget_chunk_opts(creation_.get(), &options) >= 0 && options != 0) {
        fail(path_,
             "has chunks at its edge that are not compressed like the others, which is not supported; rewrite it "
             "with anndata");
    }
    return chunk;
}

void Stored::read_chunks(const std::function<void(const Piece&)>& take, bool parallel) const {
    pipeline_.require_supported(path_);
    const std::vector<hsize_t> chunk = chunk_extents();
    const std::uint64_t chunk_rows = chunk[0], chunk_columns = rank() == 2 ? chunk[1] : 1;
    const std::size_t chunk_bytes = chunk_rows * chunk_columns * element().size;
    const std::uint64_t most_at_once = parallel ? std::clamp<std::uint64_t>(batch_bytes / chunk_bytes, 1, 1024) : 1;

    std::vector<Chunk> batch;
    const auto finish = [&] {
        std::vector<std::exception_ptr> faults(batch.size());
        const auto one = [&](std::size_t i) {
            try {
                const Chunk& at = batch[i];
                const auto bytes = pipeline_.undo(std::move(batch[i].bytes), at.skipped, chunk_bytes, path_);
                take({at.offset[0], std::min<std::uint64_t>(chunk_rows, n_rows() - at.offset[0]), at.offset[1],
                      std::min<std::uint64_t>(chunk_columns, n_columns() - at.offset[1]), bytes.data(),
                      chunk_columns * element().size});
            } catch (...) {
                faults[i] = std::current_exception();
            }
        };
        if (batch.size() == 1) {
            one(0);
        } else {
            parallel_for(batch.size(), one);
        }
        for (const std::exception_ptr& fault : faults) {
            if (fault) std::rethrow_exception(fault);
        }
        batch.clear();
        file_.progress();
    };

    for (std::uint64_t row = 0; row < n_rows(); row += chunk_rows) {
        for (std::uint64_t column = 0; column < n_columns(); column += chunk_columns) {
            Chunk next;
            next.offset[0] = row;
            next.offset[1] = column;
            // the size that the file states: H5Dget_chunk_storage_size answers for it where there are no filters, and
            // what a shorter chunk lacks would be zeros
            hsize_t bytes = 0;
            haddr_t address = HADDR_UNDEF;
            if (H5Dget_chunk_info_by_coord(dataset_.get(), next.offset, &next.skipped, &address, &bytes) < 0 ||
                address == HADDR_UNDEF || bytes == 0) {
                fail(path_, "the chunk at row " + count_text(row) + ", column " + count_text(column) +
                                " was never written, or the file is damaged");
            }
            if (bytes > file_.size() || bytes > 2 * largest_chunk) {
                fail(path_, "a chunk claims " + byte_text(bytes) + "; the file is truncated or damaged");
            }
            next.bytes.resize(bytes);
            if (H5Dread_chunk(dataset_.get(), H5P_DEFAULT, next.offset, &next.skipped, next.bytes.data()) < 0) {
                fail(path_, "a chunk cannot be read; the file is truncated or damaged");
            }
            batch.push_back(std::move(next));
            if (batch.size() == most_at_once) finish();
        }
    }
    if (!batch.empty()) finish();
}

std::vector<std::int64_t> Stored::integers() const {
    if (rank() != 1) fail(path_, "expected one dimension");
    if (element().kind != Element::Kind::integer && element().kind != Element::Kind::boolean) {
        fail(path_, "holds " + element().name + ", expected whole numbers");
    }
    file_.require_memory({n_rows(), sizeof(std::int64_t)}, path_);
    std::vector<std::int64_t> values;
    read([&](const Piece& piece) {
        const std::size_t size = values.size();
        values.resize(size + piece.n_rows);
        decode(element(), piece.bytes, piece.n_rows, piece.row_stride, values.data() + size, path_);
    });
    return values;
}

std::vector<double> Stored::numbers() const {
    if (rank() != 1) fail(path_, "expected one dimension");
    if (!element().is_number()) fail(path_, "holds " + element().name + ", expected numbers");
    file_.require_memory({n_rows(), sizeof(double)}, path_);
    std::vector<double> values;
    read([&](const Piece& piece) {
        const std::size_t size = values.size();
        values.resize(size + piece.n_rows);
        decode(element(), piece.bytes, piece.n_rows, piece.row_stride, values.data() + size, path_);
    });
    return values;
}

std::vector<std::string> Stored::texts() const {
    if (rank() != 1) fail(path_, "expected one dimension");
    if (!element().is_text()) fail(path_, "holds " + element().name + ", expected texts");
    file_.require_memory({n_rows(), sizeof(std::string)}, path_);
    GlobalHeap heap(file_);
    std::vector<std::string> values;
    read([&](const Piece& piece) {
        for (std::uint64_t i = 0; i < piece.n_rows; ++i) {
            values.emplace_back(element().kind == Element::Kind::variable_text
                                    ? heap.text(piece.row(i), path_)
                                    : fixed_text(piece.row(i), element().size, path_));
        }
    });
    return values;
}

}  // namespace bcbench::h5ad
