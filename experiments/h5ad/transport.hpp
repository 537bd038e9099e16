// Between the caller and the worker: shared memory for numbers and texts, a pipe for what they mean.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "experiments/h5ad/h5ad.hpp"

namespace bcbench::h5ad {

/// The first argument that makes the program a worker, and the descriptors it then finds open.
inline constexpr const char* worker_command = "h5ad-worker";
inline constexpr int question_descriptor = 3;  // memory with the question as JSON
inline constexpr int enclosed_descriptor = 4;  // memory with the arrays that belong to it
inline constexpr int answer_descriptor = 5;    // memory for the arrays of the answer
inline constexpr int header_descriptor = 6;    // pipe for the answer as JSON, after its length in 8 bytes

/// A descriptor that closes itself.
class Descriptor {
  public:
    explicit Descriptor(int descriptor = -1) : descriptor_(descriptor) {}
    Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ~Descriptor();
    int get() const { return descriptor_; }
    void close();

  private:
    int descriptor_;
};

/// Memory without a file. Throws std::bad_alloc if there is none.
Descriptor shared_memory();

/// Writes arrays into shared memory one after the other. A reference to one is JSON: {"at": byte, "bytes": size}.
class Outbox {
  public:
    explicit Outbox(int memory) : memory_(memory) {}
    Outbox(const Outbox&) = delete;
    Outbox& operator=(const Outbox&) = delete;
    ~Outbox();

    /// `count` elements, all zero, and the reference to them. Throws std::bad_alloc.
    template <class T>
    std::pair<T*, nlohmann::json> allocate(std::size_t count) {
        auto [bytes, reference] = allocate_bytes(count, sizeof(T));
        return {reinterpret_cast<T*>(bytes), std::move(reference)};
    }
    nlohmann::json texts(const std::vector<std::string>& texts);

  private:
    std::pair<std::byte*, nlohmann::json> allocate_bytes(std::size_t count, std::size_t size);
    int memory_;
    std::uint64_t end_ = 0;
    std::vector<std::pair<void*, std::size_t>> mappings_;
};

/// The other side has written something that does not fit together.
struct TransportFault : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Reads what an Outbox has written; believes no reference. Throws TransportFault.
class Inbox {
  public:
    /// Takes the memory as it is now; it must not shrink afterwards.
    explicit Inbox(int memory);
    Inbox(const Inbox&) = delete;
    Inbox& operator=(const Inbox&) = delete;
    ~Inbox();

    template <class T>
    const T* array(const nlohmann::json& reference, std::size_t count) const {
        return reinterpret_cast<const T*>(bytes_at(reference, count, sizeof(T)));
    }
    /// How many elements of T a reference stands for.
    template <class T>
    std::size_t count(const nlohmann::json& reference) const {
        return reference.at("bytes").get<std::size_t>() / sizeof(T);
    }
    /// Gives the memory of the texts back.
    std::vector<std::string> texts(const nlohmann::json& reference) const;

    /// Gives whole pages between the two addresses back to the system; they read as zero afterwards.
    void release(const void* first, const void* last) const;

  private:
    const std::byte* bytes_at(const nlohmann::json& reference, std::size_t count, std::size_t size) const;
    int memory_;
    const std::byte* bytes_ = nullptr;
    std::size_t size_ = 0;
};

/// An answer: its JSON, and the memory that it refers to.
struct Answer {
    nlohmann::json header;
    Descriptor memory;
};

/// Starts a worker, asks, and waits for its answer; checkpoints of the calling thread may end the wait. `enclosed`
/// holds the arrays of the question. Throws DataError "file: ..." if the worker reports a fault of the file, dies, or
/// stands still.
Answer ask_worker(nlohmann::json question, const Descriptor& enclosed, const std::string& file,
                  const H5adLimits& limits);

/// Throws DataError unless `file` is a regular file that begins as HDF5 does; says what it is instead.
void require_hdf5(const std::string& file);

}  // namespace bcbench::h5ad
