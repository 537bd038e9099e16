#include "experiments/system/address_space.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#ifdef __GLIBC__
#include <malloc.h>
#endif

// Of OpenBLAS: its buffers stay mapped once they were taken. Absent from other builds of BLAS.
extern "C" {
void* blas_memory_alloc(int) __attribute__((weak));
void blas_memory_free(void*) __attribute__((weak));
}

namespace bcbench {

namespace {

constexpr std::size_t mebibyte = 1U << 20;
constexpr std::size_t blas_buffer_bytes = 128 * mebibyte;  // BUFFER_SIZE of OpenBLAS for x86_64 and arm64
constexpr std::size_t data_bytes = 64 * mebibyte;          // the data and results of a small experiment

std::size_t stack_bytes() {
    pthread_attr_t attributes;
    std::size_t bytes = 8 * mebibyte;
    if (pthread_getattr_default_np(&attributes) == 0) {
        pthread_attr_getstacksize(&attributes, &bytes);
        pthread_attr_destroy(&attributes);
    }
    return bytes;
}

bool is_limited() {
    rlimit limit{};
    return getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

// Pieces of the address space, given back at the end of their life.
class Trial {
  public:
    explicit Trial(std::size_t pieces) { pieces_.reserve(pieces); }
    Trial(const Trial&) = delete;
    Trial& operator=(const Trial&) = delete;
    ~Trial() {
        for (const auto& [place, bytes] : pieces_) munmap(place, bytes);
    }

    bool takes(std::size_t bytes) {
        void* place = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (place == MAP_FAILED) return false;
        pieces_.emplace_back(place, bytes);
        return true;
    }

  private:
    std::vector<std::pair<void*, std::size_t>> pieces_;
};

// How many of `threads` have room beside the data, and how many bytes are missing for all.
struct Room {
    unsigned threads = 0;
    std::size_t missing = 0;
};

Room room_for(unsigned threads) {
    const std::size_t per_thread = stack_bytes() + blas_buffer_bytes;
    Trial trial(2 * std::size_t{threads} + data_bytes / mebibyte);
    std::size_t data = 0;
    while (data < data_bytes && trial.takes(mebibyte)) data += mebibyte;
    Room room;
    if (data == data_bytes) {
        while (room.threads < threads && trial.takes(stack_bytes()) && trial.takes(blas_buffer_bytes)) ++room.threads;
    }
    room.missing = data_bytes - data + (threads - room.threads) * per_thread;
    return room;
}

void take_blas_buffers(unsigned count) {
    if (blas_memory_alloc == nullptr || blas_memory_free == nullptr) return;
    std::vector<void*> buffers(count);
    for (void*& buffer : buffers) buffer = blas_memory_alloc(0);
    for (void* buffer : buffers) blas_memory_free(buffer);
}

std::string threads_text(unsigned count) { return std::to_string(count) + (count == 1 ? " thread" : " threads"); }

std::string in_mebibytes(std::size_t bytes) { return std::to_string((bytes + mebibyte - 1) / mebibyte) + " MiB"; }

}  // namespace

void reserve_for_threads(unsigned threads) {
    const Room room = room_for(threads);
    if (room.threads < threads) {
        throw AddressSpaceError(
            "the address space that this program may use (ulimit -v) is too small for " + threads_text(threads) +
            ": each needs " + in_mebibytes(stack_bytes() + blas_buffer_bytes) +
            " for its stack and a buffer of OpenBLAS, the data " + in_mebibytes(data_bytes) + "; up to " +
            in_mebibytes(room.missing) + " are missing. " +
            (room.threads > 0 ? "There is room for --jobs 1 --threads " + std::to_string(room.threads)
                              : "Raise the limit"));
    }
    if (!is_limited()) return;
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, 1);  // each further arena reserves 64 MiB
#endif
    take_blas_buffers(threads);
}

}  // namespace bcbench
