#include "experiments/h5ad/transport.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace bcbench::h5ad {

namespace {

constexpr std::uint64_t page = 4096;

}  // namespace

Descriptor::~Descriptor() { close(); }

void Descriptor::close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

Descriptor shared_memory() {
    const Descriptor memory(memfd_create("bcbench-h5ad", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    // above the numbers that a worker expects, so that none is overwritten while they are put in place
    Descriptor moved(memory.get() < 0 ? -1 : fcntl(memory.get(), F_DUPFD_CLOEXEC, 16));
    if (moved.get() < 0) throw std::bad_alloc();
    return moved;
}

Outbox::~Outbox() {
    for (const auto& [address, bytes] : mappings_) munmap(address, bytes);
}

std::pair<std::byte*, nlohmann::json> Outbox::allocate_bytes(std::size_t count, std::size_t size) {
    std::size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes)) throw std::bad_alloc();
    nlohmann::json reference = {{"at", end_}, {"bytes", bytes}};
    static std::byte nothing[sizeof(double)] = {};
    if (bytes == 0) return {nothing, std::move(reference)};
    const std::uint64_t end = (end_ + bytes + page - 1) / page * page;
    if (end < end_ || ftruncate(memory_, static_cast<off_t>(end)) != 0) throw std::bad_alloc();
    void* address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory_, static_cast<off_t>(end_));
    if (address == MAP_FAILED) throw std::bad_alloc();
    mappings_.emplace_back(address, bytes);
    end_ = end;
    return {static_cast<std::byte*>(address), std::move(reference)};
}

nlohmann::json Outbox::texts(const std::vector<std::string>& texts) {
    std::size_t bytes = 0;
    for (const std::string& text : texts) bytes += text.size();
    auto [ends, ends_reference] = allocate<std::uint64_t>(texts.size());
    auto [characters, characters_reference] = allocate<char>(bytes);
    std::uint64_t end = 0;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        std::copy(texts[i].begin(), texts[i].end(), characters + end);
        end += texts[i].size();
        ends[i] = end;
    }
    return {{"ends", std::move(ends_reference)}, {"characters", std::move(characters_reference)}};
}

Inbox::Inbox(int memory) : memory_(memory) {
    struct stat status = {};
    if (fstat(memory, &status) != 0) throw TransportFault("the shared memory cannot be read");
    size_ = static_cast<std::size_t>(status.st_size);
    if (size_ == 0) return;
    void* address = mmap(nullptr, size_, PROT_READ, MAP_SHARED, memory, 0);
    if (address == MAP_FAILED) throw std::bad_alloc();
    bytes_ = static_cast<const std::byte*>(address);
}

Inbox::~Inbox() {
    if (bytes_ != nullptr) munmap(const_cast<std::byte*>(bytes_), size_);
}

const std::byte* Inbox::bytes_at(const nlohmann::json& reference, std::size_t count, std::size_t size) const {
    const auto at = reference.at("at").get<std::uint64_t>();
    const auto bytes = reference.at("bytes").get<std::uint64_t>();
    std::size_t expected = 0;
    const bool fits = !__builtin_mul_overflow(count, size, &expected) && bytes == expected && at % page == 0 &&
                      (bytes == 0 || (at <= size_ && bytes <= size_ - at));
    if (!fits) throw TransportFault("an array does not have the size it must have");
    return bytes == 0 ? nullptr : bytes_ + at;
}

std::vector<std::string> Inbox::texts(const nlohmann::json& reference) const {
    const std::size_t n_texts = count<std::uint64_t>(reference.at("ends"));
    const auto* ends = array<std::uint64_t>(reference.at("ends"), n_texts);
    const std::size_t n_characters = count<char>(reference.at("characters"));
    const char* characters = array<char>(reference.at("characters"), n_characters);
    std::vector<std::string> texts;
    texts.reserve(n_texts);
    std::uint64_t first = 0;
    for (std::size_t i = 0; i < n_texts; ++i) {
        if (ends[i] < first || ends[i] > n_characters) throw TransportFault("a text does not end where it must");
        texts.emplace_back(characters + first, ends[i] - first);
        first = ends[i];
    }
    release(ends, ends + n_texts);
    release(characters, characters + n_characters);
    return texts;
}

void Inbox::release(const void* first, const void* last) const {
    if (first == last) return;
    const auto from = static_cast<std::uint64_t>(static_cast<const std::byte*>(first) - bytes_);
    const auto to = static_cast<std::uint64_t>(static_cast<const std::byte*>(last) - bytes_);
    const std::uint64_t first_page = (from + page - 1) / page * page;
    const std::uint64_t last_page = to / page * page;
    if (first_page >= last_page) return;
    // saves memory where it succeeds, and changes nothing where it does not
    (void)!fallocate(memory_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(first_page),
                     static_cast<off_t>(last_page - first_page));
}

}  // namespace bcbench::h5ad
